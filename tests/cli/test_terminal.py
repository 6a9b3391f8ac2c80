"""What a person at a terminal sees: nothing that acts on it, nothing broken, names as they are."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.commands import summary
from chimera_assets.commands.invocation import command_name
from chimera_assets.commands.rows import Format, print_rows
from chimera_assets.commands.terminal import Seconds, notes, out, percent, print_json, print_table
from chimera_assets.commands.visible import json_escaped, visible
from chimera_assets.orchestration.runs.run_hours import RunSummary
from chimera_assets.orchestration.runs.run_record import CheckRun, StepRun
from chimera_assets.settings import get_settings
from tests.cli.conftest import HOURS, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.lake import Lake
    from tests.cli.conftest import Chimera

EVIL = "a\x1b[2J\u202eb\nc\x9bd\u2028e\U000e0041"
SEEN = r"a\x1b[2J\u202eb\nc\x9bd\u2028e\U000e0041"


class Terminal(io.StringIO):
    """A terminal of 80 columns."""

    def isatty(self) -> bool:
        return True


def at_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """From here on, commands print there."""
    made = Terminal()
    monkeypatch.setattr(sys, "stdout", made)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    return made


#: A run, as `run_shown` shows it, in which libraries print by themselves and by a child.
NOISY = """
import subprocess, sys
from pathlib import Path
from chimera_assets.commands.progress import Progress, quietly
with quietly(Path(sys.argv[1])) as (console, _), Progress(console) as progress:
    progress.working_on("the library's work")
    print("printed by a library")
    print("an error of a library", file=sys.stderr)
    subprocess.run(["echo", "printed by a child"])
    progress.say("a step ended")
"""


def test_what_libraries_print_goes_to_the_log_at_a_terminal_too(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    noisy = [sys.executable, "-c", NOISY, str(tmp_path)]
    terminal = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with subprocess.Popen(noisy, env={**os.environ, "TERM": "xterm"}, **terminal) as run:
        os.close(theirs)
        seen = b"".join(_until_it_ends(ours)).decode()
    os.close(ours)
    assert run.returncode == 0, seen
    assert "the library's work" in seen
    assert "a step ended" in seen
    assert "printed by" not in seen
    assert "an error" not in seen
    [log] = tmp_path.iterdir()
    assert sorted(log.read_text().splitlines()) == [
        "an error of a library",
        "printed by a child",
        "printed by a library",
    ]


def _until_it_ends(terminal: int) -> Iterator[bytes]:
    with suppress(OSError):  # what Linux says when nobody has the other end
        while read := os.read(terminal, 65536):
            yield read


def test_what_would_act_on_a_terminal_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [(EVIL,)], title=EVIL)
    out().print(EVIL, markup=False, soft_wrap=True)
    notes().print(EVIL, markup=False, soft_wrap=True)
    printed, noted = capsys.readouterr()

    assert (printed.count(SEEN), noted) == (3, SEEN + "\n")
    assert not set(printed) & set(EVIL) - set("abcde[2J\n")
    assert visible("Grüße, 你好 🙂 :100: [x]") == "Grüße, 你好 🙂 :100: [x]"


def test_json_has_its_own_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": EVIL, "file": "\udc80"})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"name": EVIL, "file": "\udc80"}
    assert not set(printed) & set(EVIL) - set("abcde[2J\n")
    assert r"\u009bd\u2028e\udb40\udc41" in printed
    assert json_escaped('["ü"]\n["ü"]') == '["ü"]\n["ü"]'


def test_values_of_rows_and_mistakes_are_seen_as_they_are(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    table = lake_of_four_hours.table("staged", "generations")
    rows = table.read().with_columns(model=pl.lit(EVIL)).collect()
    table.write_hours(rows, HOURS)
    read = ("table", "read", "staged/generations", "--columns", "model", "--limit", "1")

    assert SEEN in chimera(*read).out
    as_json = chimera(*read, "--format", "json").out
    assert json.loads(as_json) == [{"model": EVIL}]
    assert "\x9b" not in as_json
    assert "\u202e" not in as_json
    assert EVIL in chimera(*read, "--format", "csv").out  # a program gets what there is
    said = one_line(chimera("table", "read", "staged/\x1b]0;x\x07"))
    assert r"staged/\x1b]0;x\x07: no such table" in said


def test_a_csv_does_not_act_on_a_terminal(
    chimera: Chimera, lake_of_four_hours: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = lake_of_four_hours.table("staged", "generations")
    table.write_hours(table.read().with_columns(model=pl.lit("\x1b[2J")).collect(), HOURS)
    terminal = at_terminal(monkeypatch)
    chimera("table", "read", "staged/generations", "--columns", "model", "--format", "csv")
    assert terminal.getvalue().splitlines()[:2] == ["model", r"\x1b[2J"]


def test_numbers_of_rows_lose_no_digit(capsys: pytest.CaptureFixture[str]) -> None:
    exact = (0.0000864, 0.997, 1234567.891, 2.0, 1e300)
    print_table(("number",), [(number,) for number in exact])
    shown = capsys.readouterr().out.split()[2:]
    assert shown[:4] == ["8.64e-05", "0.997", "1,234,567.891", "2.0"]
    assert [float(number.replace(",", "")) for number in shown] == list(exact)
    print_table(("number",), [(Seconds(1.126),)])
    assert capsys.readouterr().out.split()[-1] == "1.13"


def test_numbers_of_rows_can_be_copied(capsys: pytest.CaptureFixture[str]) -> None:
    rows = pl.LazyFrame({"id": [49_877_300_000], "cost": [0.1 + 0.2], "all": [True]})
    assert print_rows(rows, Format.table) == 1
    assert capsys.readouterr().out.split()[-3:] == ["49877300000", "0.3", "yes"]


def test_checks_that_warned_are_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not home.exists()
    checks = {
        "staged/generations: latency_p95": CheckRun(passed=20, warned=4),
        "marts/fact_generations: conservation": CheckRun(passed=24),
    }
    step = StepRun("stage_generations", "succeeded", 1.5)
    summary.as_tables(
        RunSummary("a-run", HOURS, success=True, seconds=2, steps=(step,), checks=checks)
    )
    reported = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["Warned"] in reported
    assert ["latency_p95", "staged/generations", "4", "-"] in reported
    by_what = "(by the rules and checks listed above)"
    assert " ".join(reported[-1]) == (
        f"1 of 2 asset checks passed in every hour, 1 warned {by_what}, 0 failed."
    )
    assert ["stage_generations", "succeeded", "1.50", "-", "-"] in reported

    del checks["staged/generations: latency_p95"]
    run = RunSummary(
        "a-run", HOURS, success=True, seconds=2, steps=(), checks=checks, lag_checked=True
    )
    summary.as_tables(run)
    said = capsys.readouterr().out
    assert "Warned" not in said
    assert said.splitlines()[-1] == (
        "1 of 1 asset check passed in every hour, 0 warned, 0 failed (how late the newest hour is, "
        "event_lag, is not counted)."
    )

    summary.as_tables(RunSummary("a-run", HOURS, success=False, seconds=2, steps=(), checks={}))
    assert "asset check" not in capsys.readouterr().out


def test_shares_never_show_as_more_than_they_are_and_some_is_never_none() -> None:
    shown = {
        52 / 60: "86.66%",
        0.94996: "94.99%",
        1 - 7 / 100: "93.00%",
        1 / 3: "33.33%",
        0: "0.00%",
        1e-9: "0.01%",
        1: "100.00%",
    }
    shown |= {1 - 1e-9: "99.99%", 1 - 300 / 1_000_000: "99.97%"}
    assert {rate: percent(rate) for rate in shown} == shown
    assert percent(None) is None


def test_a_table_that_is_too_wide_is_printed_in_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = at_terminal(monkeypatch)
    names = [f"column_number_{number}" for number in range(8)]
    print_table(names, [["x" * 60, 1, None, *("value",) * 5]], title="Wide")
    lines = terminal.getvalue().splitlines()
    assert [line for line in lines if line.startswith("column_number_0")] == [
        f"column_number_0  {'x' * 60}"
    ]
    assert "column_number_1  1" in lines
    assert not any(line.startswith("column_number_2") for line in lines)


def test_no_word_of_a_table_breaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "aggregates/agg_technique_effectiveness"
    rows = [[long, "several words " * 6, "another_long_name", 1_000_000]] * 3
    print_table(("table", "said", "name", "rows"), rows, title="Tables")
    assert [len(line.split()) for line in capsys.readouterr().out.splitlines()[3:-1]] == [15] * 3

    terminal = at_terminal(monkeypatch)
    print_table(("table", "said", "name", "rows"), rows, title="Tables")
    lines = terminal.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines if "/" in line] == [long] * 3
    assert [line.split()[-2:] for line in lines if "/" in line] == [
        ["another_long_name", "1,000,000"]
    ] * 3

    terminal.truncate(0)
    print_table(("table", "said", "name", "rows"), [[long, "x", "another_long_name" * 2, 1]])
    assert f"table  {long}" in terminal.getvalue()
    assert f"name   {'another_long_name' * 2}" in terminal.getvalue()


def test_status_is_tables_of_80_columns(
    chimera: Chimera, lake_of_four_hours: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lake_of_four_hours.tables()
    terminal = at_terminal(monkeypatch)
    assert chimera("status").code == 0
    lines = terminal.getvalue().splitlines()
    title = f"Streams in {lake_of_four_hours.uri}"  # as long as it is
    assert max(len(line) for line in lines if line != title) <= 80
    named = [line.split()[0] for line in lines if line.strip()]
    assert {"generations", "staged/generations", "quarantine/generations"} <= set(named)
    headings = " ".join(terminal.getvalue().split())
    assert "blocked" in headings
    assert "pending" not in headings  # no stream has any
    assert len(lines) < 40


def test_a_table_without_rows_still_says_its_columns(
    chimera: Chimera, lake_of_four_hours: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lake_of_four_hours.tables()
    terminal = at_terminal(monkeypatch)
    read = chimera("table", "read", "staged/generations", "--hours", "2026-03-01")
    assert terminal.getvalue().startswith("event_id, timestamp, tenant_id")
    assert "0 rows." in read.err.splitlines()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CHIMERA_LAKE_URL", "there is no such setting; did you mean CHIMERA_LAKE_URI?"),
        ("CHIMERA_HOMES", "there is no such setting; did you mean CHIMERA_HOME?"),
        ("CHIMERA_OF_MY_OWN", None),
        ("CHIMERA_DUCKDB_MEMORY_LIMIT", None),
    ],
)
def test_a_misspelt_setting_is_said_once(
    name: str,
    said: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(name, "s3cr3t")
    get_settings.cache_clear()
    get_settings()
    get_settings()
    assert [record.getMessage() for record in caplog.records] == (
        [f"{name}: {said}"] if said is not None else []
    )


def test_a_misspelt_line_of_the_env_file_is_said_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".env").write_text("CHIMERA_STREAM=generations\n")
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    get_settings()
    assert "CHIMERA_STREAM: there is no such setting; did you mean CHIMERA_STREAMS?" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["quarantine", "list", "--reason", "latency_range"], "did you mean latency_ms_range?"),
        (["quarantine", "replay", "--reason", "nosuch", "--dry-run"], "--reason: expected one of"),
        (["table", "read", "staged/generations", "--as-of", "2020-01-01"], "no version is as old"),
    ],
)
def test_a_filter_that_matches_no_name_is_a_mistake(
    chimera: Chimera, lake_of_four_hours: Lake, arguments: list[str], reported: str
) -> None:
    assert lake_of_four_hours.tables()
    assert reported in one_line(chimera(*arguments))


def test_the_version_is_said(chimera: Chimera) -> None:
    said = chimera("--version")
    assert (said.code, said.out.split()[0]) == (0, "chimera")


def test_commands_are_printed_as_they_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    for called, printed in (
        (tmp_path / ".venv" / "bin" / "chimera", ".venv/bin/chimera"),
        ("/opt/with space/chimera", "'/opt/with space/chimera'"),
        ("-c", "chimera"),
    ):
        monkeypatch.setattr(sys, "argv", [str(called)])
        assert command_name() == printed
    monkeypatch.setattr(sys, "argv", [str(tmp_path / ".venv" / "bin" / "chimera")])
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert command_name() == "chimera"


@pytest.mark.parametrize("name", ["SOURCE_DATABASE_URL", "DATABASE_URL", "DATABASE_OWNER_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:s3cr3t@db/x",
        "s3cr3t",
        "postgresql://ann:s3/c@r3t@db/x",
        "postgresql://ann:s3cr3t@[db/x",
        "postgresql://ann:s3cr3t@db:port/x",
        "postgresql://ann:s3cr3t@db/x?s3cr3t",
    ],
)
def test_a_database_url_that_cannot_be_one_is_refused_and_not_shown(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(f"CHIMERA_{name}", url)
    get_settings.cache_clear()
    said = one_line(chimera("status"))
    assert f"CHIMERA_{name}: expected postgresql://user:password@host:port/database" in said
    assert "3cr3t" not in said
    assert "c@r3t" not in said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db1:5432,db2:5433/x?target_session_attrs=any",
        "postgresql+psycopg2://ann:s3%40t@db/x",
        "postgres:///x?host=/run/postgresql",
    ],
)
def test_a_database_url_of_another_form_is_fine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", url)
    get_settings.cache_clear()
    assert get_settings().source_database_url == url
