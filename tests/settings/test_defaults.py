"""The defaults that the docs tell are those that hold, and so are the bounds."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from chimera_assets.errors import SettingError
from chimera_assets.reports.periods import KINDS
from chimera_assets.settings import PREFIX, Settings
from chimera_assets.settings.model import REPORT_KINDS

DOCS = Path(__file__).parents[2] / "docs/settings.md"

#: Defaults that are told in words: what they begin with, and the value they stand for.
IN_WORDS = {"none": None, "the folder": "", "the file": "", "database": None, "all of": ""}

#: Defaults of which only a part is a value: the setting's own, below which nothing is ever run.
_VALUE = re.compile(r".*since `([^`]+)`")


def told() -> dict[str, str]:
    """Setting -> the default that the page tells."""
    page = DOCS.read_text().partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return {row[0].strip("`").removeprefix(PREFIX).lower(): row[-1] for row in rows}


def bare(folder: Path, **given: Any) -> Settings:
    """Settings of somebody who set nothing else, in an empty folder."""
    return Settings(_env_file=folder / ".env", **given)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_default_is_the_one_of_the_docs(name: str) -> None:
    default = Settings.model_fields[name].default
    words = _VALUE.sub(r"`\1`", told()[name])
    if not words.startswith("`"):
        (begins,) = [one for one in IN_WORDS if words.startswith(one)]
        assert default in (IN_WORDS[begins], "")
        return
    if isinstance(default, datetime):
        assert default == datetime.fromisoformat(words.strip("`")).replace(tzinfo=UTC)
    else:
        assert words == f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_with_nothing_set_everything_is_in_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = bare(tmp_path)
    assert found.home == tmp_path / ".chimera"
    assert found.resolved_lake_uri == str(tmp_path / ".chimera/lake")
    assert found.resolved_landing_uri == str(tmp_path / ".chimera/landing")
    assert found.pack_names == ("ai",)
    assert (found.pack_folders, found.stream_names, found.notify_destinations) == ((), (), ())


@pytest.mark.parametrize(
    ("name", "least", "most", "step"),
    [
        ("settle_minutes", 0, 55, 1),
        ("retry_seconds", 0, 600, 0.5),
        ("report_grace_hours", 0, 8_760, 0.5),
    ],
)
def test_a_number_is_taken_up_to_its_bounds(
    tmp_path: Path, name: str, least: float, most: float, step: float
) -> None:
    for value in (least, most):
        assert getattr(bare(tmp_path, **{name: value}), name) == value
    for value in (least - step, most + step):
        with pytest.raises((ValidationError, SettingError)):
            bare(tmp_path, **{name: value})


def test_a_limit_of_no_time_or_of_more_than_a_year_is_refused(tmp_path: Path) -> None:
    year = timedelta(days=365) / timedelta(minutes=1)
    for value in (0.001, year):
        assert bare(tmp_path, sla_minutes=value).sla_minutes == value
    for value in (0, year + 1):
        with pytest.raises((ValidationError, SettingError)):
            bare(tmp_path, sla_minutes=value)


@pytest.mark.parametrize(
    ("said", "hour"),
    [
        ("2026-01-31", "2026-01-31T00:00"),
        ("2026-01-31T05:59:59.999", "2026-01-31T05:00"),
        ("2026-01-31T05:30+05:30", "2026-01-31T00:00"),
        ("2026-01-31T23:30-01:00", "2026-02-01T00:00"),
    ],
)
def test_the_start_is_the_whole_hour_in_utc(tmp_path: Path, said: str, hour: str) -> None:
    expected = datetime.fromisoformat(hour).replace(tzinfo=UTC)
    assert bare(tmp_path, start=datetime.fromisoformat(said)).start == expected


def test_names_are_taken_once_in_their_order_and_without_the_spaces(tmp_path: Path) -> None:
    found = bare(tmp_path, packs=" ai, games ,ai,,", streams="b,a")
    assert found.pack_names == ("ai", "games")
    assert found.stream_names == ("b", "a")
    urls = bare(tmp_path, notify_urls="json://a/?to=x,y json://b,json://c  json://b")
    assert urls.notify_destinations == ("json://a/?to=x,y", "json://b", "json://c")


def test_the_environment_is_stronger_than_the_file_and_an_empty_variable_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("CHIMERA_SETTLE_MINUTES=20\nCHIMERA_SLA_MINUTES=3\n")
    monkeypatch.setenv("CHIMERA_SLA_MINUTES", "4")
    monkeypatch.setenv("CHIMERA_RETRY_SECONDS", "")
    found = bare(tmp_path)
    assert (found.settle_minutes, found.sla_minutes, found.retry_seconds) == (20, 4, 5)


def test_reports_are_named_by_their_kinds(tmp_path: Path) -> None:
    assert bare(tmp_path).report_kinds == ("weekly",)
    assert bare(tmp_path, reports="monthly, daily").report_kinds == ("monthly", "daily")
    assert sorted(REPORT_KINDS) == sorted(KINDS)
    with pytest.raises(SettingError, match="CHIMERA_REPORTS: expected names of daily, weekly"):
        bare(tmp_path, reports="weekly,hourly")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T05", datetime(2026, 11, 1, 5, tzinfo=UTC)),
        ("2026-11-01-05:00", datetime(2026, 11, 1, 5, tzinfo=UTC)),
        (" 2026-11-01 05:30 ", datetime(2026, 11, 1, 5, tzinfo=UTC)),
        ("2026-11-01T05:00+02:00", datetime(2026, 11, 1, 3, tzinfo=UTC)),
    ],
)
def test_the_first_hour_is_written_as_hours_are_in_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, meant: datetime
) -> None:
    monkeypatch.setenv("CHIMERA_START", written)
    assert bare(tmp_path).start == meant
