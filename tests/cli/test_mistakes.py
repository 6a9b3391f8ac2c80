"""A mistake costs one readable line and exit code 2."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import cold_process, one_line, process

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Chimera


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (
            ["backfill", "--start", "2026-01-02", "--end", "2026-01-01"],
            "end later than the start",
        ),
        (
            ["backfill", "--start", "2026-01-02", "--end", "2026-01-02"],
            "end later than the start",
        ),
        (["backfill", "--start", "2999-01-01", "--end", "2999-01-02"], "hours that are over"),
        (["backfill", "--start", "2022-12-31", "--end", "2023-01-02"], "CHIMERA_START"),
        (["backfill", "--start", "yesterday", "--end", "2026-01-02"], "ISO 8601"),
        (["backfill", "--start", "2026-01-01T00:30Z", "--end", "2026-01-02"], "whole hour"),
        (["backfill", "--start", "2026-01-01"], "Missing option '--end'"),
        (["nonsense"], "No such command 'nonsense'; `chimera --help` lists them"),
        (["table", "nonsense"], "`chimera table --help` lists them"),
        (["statu"], "Did you mean 'status'? `chimera --help` lists them"),
        (["up", "--host", "nowhere.invalid"], "--host: expected an address of this machine"),
        (["up", "--host", "192.0.2.1"], "--host: expected an address of this machine"),
        (["status", "--nonsense"], "No such option: --nonsense"),
        (["up", "--port", "many"], "chimera: --port: expected a whole number, found many"),
        (["table", "read", "marts/nothing"], "no such table"),
        (["table", "read", "marts/nothing", "--format", "xml"], "csv, json, table"),
        (["table", "read", "marts/nothing", "--as-of", "noon"], "--as-of"),
        (["table", "read", "marts/nothing", "--hours", "2026-01-31..2026-01-30"], "--hours"),
        (["quarantine", "list", "--stream", "generation"], "did you mean generations?"),
        (["quarantine", "list", "--hour", "2026-01-31", "--to", "2026-02-01"], "found both"),
        (["quarantine", "show", "nobody"], "no such row"),
        (["contract", "check", "no-such-folder"], "found nothing"),
        (["contract", "check", "/"], "expected contracts (*.odcs.yaml) in the folder"),
        (["contract", "diff", "a.yaml", "b.yaml"], "found nothing"),
        (["demo", "--days", "0"], "chimera: --days: expected at least 1, found 0"),
        (["demo", "--days=91"], "chimera: --days: expected at most 90, found 91"),
        (["table", "read", "marts/nothing", "--columns", "a,b,a"], "each name once, found a again"),
        (["table", "read", "marts/nothing", "--limit", "9" * 30], "--limit: expected at most"),
        (["table", "read", "marts/nothing", "--as-of", "9" * 5000], "at most 18 digits"),
        (["table", "vacuum", "marts/nothing", "--days", "inf", "--dry-run"], "--days"),
        (["table", "vacuum", "marts/nothing", "--days", "nan", "--dry-run"], "--days"),
        (["table", "vacuum", "marts/nothing", "--days", "1e308", "--dry-run"], "--days"),
        (["quarantine", "purge", "--older-than-days", "1e7"], "--older-than-days"),
        (["quarantine", "list", "--limit", "9" * 30], "--limit"),
        (["audit", "list", "--limit", "9" * 30], "--limit"),
        (
            ["source", "simulate", "--start", "2026-01-01", "--end", "2026-01-02", "--seed", "-1"],
            "--seed",
        ),
    ],
)
def test_an_argument_that_cannot_be_used(
    chimera: Chimera, arguments: list[str], reported: str
) -> None:
    assert reported in one_line(chimera(*arguments))


def test_settings_that_cannot_be_used(
    chimera: Chimera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("CHIMERA_LAKE_URI", str(file))
    assert "CHIMERA_LAKE_URI: expected a folder" in one_line(chimera("status"))


@pytest.mark.parametrize("value", ["ftp://host/files", "s3://"])
def test_a_landing_place_that_is_none(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CHIMERA_LANDING_URI", value)
    expected = f"CHIMERA_LANDING_URI: expected a folder or s3://bucket/prefix, found {value}"
    assert one_line(chimera("status")) == f"chimera: {expected}"


def test_a_backfill_into_a_file_is_refused_before_anything_is_started(
    home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    range_ = ("--start", "2026-01-01", "--end", "2026-01-02")
    said = process("backfill", *range_, CHIMERA_LAKE_URI=str(file))
    assert "CHIMERA_LAKE_URI" in one_line(said)
    assert not home.exists()


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        (
            "START",
            "soon",
            "a time in ISO 8601 such as 2026-01-31T05:00Z or a date such as 2026-01-31",
        ),
        ("SETTLE_MINUTES", "99", "at most 55"),
        ("SLA_MINUTES", "0", "more than 0"),
        ("LANDING_MAX_ROWS", "many", "a whole number"),
        ("NOTIFY_SUCCESS", "perhaps", "true or false"),
        (
            "START",
            "May",
            "a time in ISO 8601 such as 2026-01-31T05:00Z or a date such as 2026-01-31",
        ),
        ("START", "9999-12-31T23", "a time of the years 2 to 9998"),
        ("EXECUTOR", "ray", "'in_process' or 'multiprocess'"),
    ],
)
def test_a_setting_of_the_wrong_kind_says_what_is_expected_and_no_more(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(f"CHIMERA_{setting}", value)
    reported = one_line(chimera("status"))
    assert reported == f"chimera: CHIMERA_{setting}: expected {expected}, found '{value}'"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHIMERA_LAKE_URI", "https://KEY:s3cret@lake.example.com/x"),
        ("CHIMERA_UI_URL", "ftp://ann:s3c@s3cret@pages.example.com"),
        ("CHIMERA_START", "postgresql://ann:s3cret/@db.example.com/x"),
        ("CHIMERA_PUSHGATEWAY_URL", "ann:s3cret@push.example.com"),
    ],
)
def test_a_password_in_a_setting_is_not_repeated(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    range_ = ("--start", "2026-01-01", "--end", "2026-01-01T01")
    said = one_line(
        chimera(*(("status",) if "DATABASE" not in variable else ("source", "simulate", *range_)))
    )
    assert variable in said
    assert "s3cret" not in said


def test_a_defect_of_ours_keeps_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "lake").mkdir()
    broken = tmp_path / "sitecustomize.py"
    broken.write_text(
        "import chimera_assets.commands.status as s\n"
        "def show(**_): raise RuntimeError('a defect')\n"
        "s.show = show\n"
    )
    from tests.cli.conftest import REPOSITORY

    said = cold_process("status", PYTHONPATH=f"{tmp_path}:{REPOSITORY}")
    assert said.code == 1
    assert "Traceback" in said.err
    assert "RuntimeError: a defect" in said.err


def test_no_line_of_the_help_is_cut(chimera: Chimera) -> None:
    groups = ("source", "quarantine", "table", "contract", "pack", "hold", "audit", "report")
    for group in ("", *groups, "retention"):
        said = chimera(*filter(None, (group, "--help")))
        assert said.code == 0
        assert "..." not in said.out.replace("[ARGS]...", "")


def test_help_comes_at_once_without_loading_what_is_heavy() -> None:
    begun = time.perf_counter()
    said = cold_process("--help")
    assert said.code == 0
    assert "backfill" in said.out
    assert time.perf_counter() - begun < 5
    import subprocess

    code = (
        "import sys; from chimera_assets.cli import run; run(['--help']); "
        "heavy = {'dagster', 'polars', 'pandera', 'deltalake', 'pyarrow', 'pydantic'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_without_a_command_there_is_help(chimera: Chimera) -> None:
    said = chimera()
    assert said.code == 2
    assert said.err.startswith("Usage: chimera")
    assert "backfill" in said.err


@pytest.mark.parametrize(
    "command",
    [
        ("audit", "list", "--actor"),
        ("hold", "add", "--reason", "case 7", "--tenant"),
        ("quarantine", "show"),
        ("sql",),
    ],
)
def test_an_argument_that_is_no_text_is_refused(chimera: Chimera, command: tuple[str, ...]) -> None:
    assert one_line(chimera(*command, "caf\udce9")) == (
        "chimera: expected arguments in UTF-8, found caf\\udce9"
    )
