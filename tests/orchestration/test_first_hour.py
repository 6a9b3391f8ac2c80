"""The partitions begin where the data begin, for every process, and earlier as soon as they do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from chimera_assets.contracts import contracts
from chimera_assets.hours import ONE_HOUR, parse_key
from chimera_assets.lake import open_lake
from chimera_assets.orchestration import first_hour
from chimera_assets.settings import get_settings
from tests.site.site import Site, generations, keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFAULT = datetime(2023, 1, 1, tzinfo=UTC)
HOUR, EARLIER = "2026-02-03-10:00", "2026-02-01-07:00"
CACHED = (get_settings, open_lake, contracts)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site") / "home", CHIMERA_STREAMS="generations,providers")
    made.source.insert("generations", generations(HOUR, 20))
    yield made
    made.close()


@pytest.fixture
def home(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home beside the site's, with the same operational database."""
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", site.source.url)
    _forget()
    yield tmp_path / "home"
    _forget()


def _forget() -> None:
    for cached in CACHED:
        cached.cache_clear()


def test_nothing_is_known_until_it_is_noted_and_then_it_only_moves_back(home: Path) -> None:
    first_hour.begin_with(parse_key(EARLIER))
    assert first_hour.first_hour() == DEFAULT  # early enough
    assert not (home / "dagster" / "first_hour").exists()

    later = parse_key(HOUR) + 5 * ONE_HOUR
    first_hour.settle(later)  # the source has an earlier one
    assert first_hour.first_hour() == parse_key(HOUR)
    first_hour.begin_with(later)
    first_hour.settle(later)
    assert first_hour.first_hour() == parse_key(HOUR)
    first_hour.begin_with(parse_key(EARLIER))
    assert first_hour.first_hour() == parse_key(EARLIER)
    first_hour.settle()
    assert first_hour.first_hour() == parse_key(EARLIER)


@pytest.mark.usefixtures("home")
def test_times_that_are_no_hours_of_ours_do_not_count(site: Site) -> None:
    odd = {"timestamp": "-infinity"}, {"timestamp": "1970-01-01T00:00:00Z"}, {"timestamp": None}
    rows = [generations(HOUR, 1, event_id=f"odd-{n}", **one)[0] for n, one in enumerate(odd)]
    site.source.insert("generations", rows[:2])
    try:
        first_hour.settle()
        assert first_hour.first_hour() == parse_key(HOUR)
    finally:
        site.source.execute("DELETE FROM generations WHERE event_id LIKE 'odd-%'")


@pytest.mark.usefixtures("home")
def test_the_setting_wins_and_so_does_a_lake_that_others_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first_hour.settle()
    monkeypatch.setenv("CHIMERA_START", "2025-06-01")
    _forget()
    assert first_hour.first_hour() == datetime(2025, 6, 1, tzinfo=UTC)
    monkeypatch.delenv("CHIMERA_START")
    monkeypatch.setenv("CHIMERA_LAKE_URI", "s3://bucket/lake")
    _forget()
    assert first_hour.first_hour() == DEFAULT


@pytest.mark.usefixtures("home")
def test_a_source_that_does_not_answer_leaves_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x")
    _forget()
    first_hour.settle(parse_key(HOUR))
    assert first_hour.first_hour() == DEFAULT


def test_a_file_with_earlier_hours_is_run_though_the_daemon_knows_of_no_such_hour(
    site: Site,
) -> None:
    noted = site.home / "dagster" / "first_hour"
    noted.parent.mkdir(exist_ok=True)
    noted.write_text(parse_key(HOUR).isoformat())
    assert site.run(HOUR).success  # by a process whose hours begin with this one

    hours = [EARLIER, *keys("2026-02-02-05:00", 2)]  # one alone, and two in a row
    rows = [row for hour in hours for row in generations(hour, 20)]
    site.drop("generations/old.jsonl", "\n".join(map(json.dumps, rows)).encode())
    assert site.process.ask("land")["success"]
    asked = site.tick(run=False)["runs"]

    assert len(asked) == 3  # one by one, as the daemon knows no such range
    assert datetime.fromisoformat(noted.read_text().strip()) == parse_key(EARLIER)
    site.process.close()  # a run is a process of its own
    for run in asked:
        assert site.process.ask("take", run_id=run["id"])["status"] == "SUCCESS"
    assert {hour: site.count("marts/fact_generations", hour) for hour in hours} == dict.fromkeys(
        hours, 20
    )
