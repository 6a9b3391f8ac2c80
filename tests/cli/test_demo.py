"""`chimera demo` and `backfill` as a user runs them; and whose rows the demo leaves alone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from chimera_assets.commands import database_access
from chimera_assets.commands.demo import simulated
from chimera_assets.commands.past_retention import say_past_retention
from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.postgres.connection import execute
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.postgres.embedded.server import embedded_server
from chimera_assets.settings import get_settings
from chimera_assets.sources import schema
from chimera_assets.sources.database import connect
from chimera_assets.sources.schema import init_source
from tests import warm
from tests.cli.conftest import REPOSITORY, one_line, process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Chimera

FEW = ("--days", "1", "--rows-per-hour", "300")


@pytest.fixture
def source() -> Iterator[str]:
    """The embedded operational database, its tables empty."""
    url = source_database_url(get_settings())
    init_source(url)
    yield url
    embedded_server(get_settings()).release()


def _add(url: str, statement: str) -> None:
    with connect(url) as connection:
        execute(connection, statement)
        connection.commit()


def test_a_demo_and_what_a_user_does_next(home: Path) -> None:
    demo = process("demo", *FEW)
    assert demo.code == 0, demo.err
    for reported in (
        "fact_generations",
        "Quarantined by reason",
        "Warned",
        "asset checks passed",
        "event_lag, is not counted",
        "rows/s",
        "chimera up",
    ):
        assert reported in demo.out
    lake = Lake(str(home / "lake"))
    tables = [(layer, name) for layer, name in lake.tables() if layer != "quality"]
    rows = {name: lake.table(*name).count() for name in tables}
    assert rows["marts", "fact_generations"] == rows["staged", "generations"] > 0

    status = json.loads(process("status", "--json").out)
    last = next(s for s in status["streams"] if s["stream"] == "generations")["last_hour"]
    after = (datetime.fromisoformat(last) + timedelta(hours=1)).isoformat()
    alone = ("--stream", "jailbreak_tests")
    again = process("backfill", "--start", last, "--end", after, *alone, "--json")
    assert again.code == 0, again.err
    reported = json.loads(again.out)
    assert reported["success"]
    steps = {step["step"] for step in reported["steps"]}
    assert {"raw/jailbreak_tests", "warehouse_generations_jailbreak_tests"} < steps
    reference = {"raw/budgets", "raw/price_list", "raw/providers"}
    assert {step for step in steps if "raw/" in step} == {"raw/jailbreak_tests", *reference}
    # Views of reference tables are made with the models that read them.
    assert not {"stage_generations", "conserve_generations", "dbt_unit_tests"} & steps
    assert reported["hours"]["count"] == 1
    assert reported["checks"]["failed"] == 0
    assert {name: lake.table(*name).count() for name in tables} == rows


def test_tables_that_somebody_else_makes_for_too_long_are_not_waited_for(
    chimera: Chimera, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_BOUND_WAITS", "SET LOCAL lock_timeout = '100ms'")
    with connect(source) as holder:
        execute(holder, "SELECT pg_advisory_xact_lock(4811203)")
        said = one_line(chimera("source", "init"))
    assert "another session holds the lock" in said


def test_a_source_that_fails_is_reported_in_a_line_with_its_cause(source: str) -> None:
    _add(source, "ALTER TABLE generations DROP COLUMN tokens_used")
    hours = ("--start", "2026-01-31T00", "--end", "2026-01-31T01")
    said = process("backfill", *hours, CHIMERA_STREAMS="generations,providers")
    assert said.code == 1
    assert "1 of 1 hour past the retention of generations, 90 d" in said.err
    failed = [line for line in said.err.splitlines() if line.startswith("failed raw/generations")]
    assert len(failed) == 1
    assert "tokens_used: expected integer" in failed[0]
    assert "Traceback" not in said.err


def _interrupted(sign: str) -> tuple[int, str]:
    """Exit code and error stream of a backfill that got Ctrl-C when it had printed a sign."""
    hours = ("--start", "2026-01-31T00", "--end", "2026-01-31T01")
    child = subprocess.Popen(
        warm.chimera("backfill", *hours),
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    reported = ""
    while sign not in reported and (line := child.stderr.readline()):
        reported += line
    child.send_signal(signal.SIGINT)
    reported += child.communicate(timeout=60)[1]
    return child.returncode, reported


def test_an_interrupt_leaves_no_run_before_it_began_and_cancels_it_after(
    source: str, chimera: Chimera, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source
    code, reported = _interrupted("in one run")
    assert (code, reported.splitlines()[-1]) == (130, "chimera: interrupted (Ctrl-C)")
    assert "Traceback" not in reported
    assert "hours.backfill" not in chimera("audit", "list").out

    code, reported = _interrupted("ok  raw/providers")
    assert code == 130, reported
    assert "interrupted (Ctrl-C): the run is cancelled. `chimera backfill --start" in reported
    assert "DagsterExecutionInterruptedError" not in reported
    failed, begun = json.loads(chimera("audit", "list", "--action", "hours", "--json").out)
    assert (failed["failure_of"], failed["after"]) == (begun["sequence"], {"failed": "interrupted"})
    monkeypatch.setenv("DAGSTER_HOME", str(REPOSITORY))
    with dg.DagsterInstance.get() as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.CANCELED]
    reported = chimera("status", "--json").out
    stream = next(one for one in json.loads(reported)["streams"] if one["stream"] == "generations")
    assert (stream["hours_pending"], stream["pending"]) == (1, ["2026-01-31-00:00"])
    (resumes,) = stream["run_pending"]
    assert resumes.endswith(" backfill --start 2026-01-31T00 --end 2026-01-31T01")
    assert resumes in chimera("status").err


def test_rows_of_somebody_are_left_alone(chimera: Chimera, source: str) -> None:
    _add(source, "INSERT INTO generations (event_id) VALUES ('mine')")
    for command in (
        ("demo", *FEW),
        ("source", "simulate", "--start", "2026-01-30", "--end", "2026-01-31"),
    ):
        said = one_line(chimera(*command))
        assert "generations hold rows that the demo did not make" in said
        assert "Give another CHIMERA_HOME, or give --force" in said  # no URL is set to be unset
    with connect(source) as connection:
        assert execute(connection, "SELECT count(*) AS n FROM generations") == [{"n": 1}]


def test_a_lake_of_somebody_is_left_alone(
    chimera: Chimera, lake_of_four_hours: Lake, source: str
) -> None:
    assert source
    table = lake_of_four_hours.table("raw", "generations")
    before = table.version()
    said = chimera("demo", *FEW)
    assert said.code == 2
    assert "hours would be replaced" in said.err
    assert table.version() == before


def test_simulated_rows_can_be_added_to_again_and_again(chimera: Chimera, source: str) -> None:
    range_ = ("--start", "2026-01-30T00", "--end", "2026-01-30T02", "--rows-per-hour", "50")
    said = chimera("source", "simulate", *range_)
    assert said.code == 0
    streams = "feedback, generations, jailbreak_tests, provider_health"
    past = f"2 of 2 hours past the retention of {streams}, 90 d"
    assert f"{past}: the next upkeep deletes" in said.err
    with connect(source) as connection:
        before = execute(connection, "SELECT count(*) AS n FROM generations")
    assert chimera("source", "simulate", *range_).code == 0
    assert chimera("source", "init").code == 0
    with connect(source) as connection:
        assert execute(connection, "SELECT count(*) AS n FROM generations") == before


def test_traffic_that_was_made_before_is_not_called_none() -> None:
    assert simulated({"providers": 0, "generations": 0}) == "all of it is there already"
    assert simulated({"providers": 0, "generations": 1200}) == "0 providers, 1,200 generations"


def test_hours_within_their_retention_are_not_spoken_of(capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime(2026, 6, 1, 0, 30, tzinfo=UTC)
    first = datetime(2026, 3, 3, tzinfo=UTC)  # 90 days before, to the hour
    say_past_retention(HourRange(first, first + timedelta(hours=5)), now)
    assert capsys.readouterr().err == ""
    say_past_retention(HourRange(first - timedelta(hours=1), first + timedelta(hours=5)), now)
    assert capsys.readouterr().err.startswith(
        "1 of 6 hours past the retention of feedback, generations"
    )


def test_the_database_can_be_looked_into(chimera: Chimera, source: str, home: Path) -> None:
    password = source.partition("postgres:")[2].partition("@")[0]
    shown = chimera("source", "url")
    assert (shown.code, shown.out.strip()) == (0, source.replace(f":{password}@", "@"))
    assert "`chimera source psql` keeps it running" in shown.err
    assert chimera("source", "url", "--password").out.strip() == source

    asked = process("source", "psql", "-Atc", "SELECT count(*) FROM generations")
    assert (asked.code, asked.out) == (0, "0\n"), asked.err
    refused = process("source", "psql", "--platform", "-c", "DELETE FROM audit.entries")
    assert refused.code == 1
    assert "permission denied" in refused.err
    # What every user of the machine can see of it holds no password.
    seen = process("source", "psql", "-Atc", "\\! tr '\\0' ' ' < /proc/$PPID/cmdline")
    assert "operational" in seen.out
    assert password not in seen.out
    assert (home / "postgres").exists()
    opened = json.loads(chimera("audit", "list", "--action", "source", "--json").out)
    actions = [one["action"] for one in opened]
    assert actions == ["source.psql", "source.psql", "source.psql", "source.url"]
    assert "operational" in opened[-1]["resource"]
    assert "chimera" in opened[1]["resource"]
    assert password not in str(opened)


def test_a_url_is_shown_where_nothing_was_started(
    chimera: Chimera, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "found none yet" in one_line(chimera("source", "url"))
    assert not (home / "postgres" / "data").exists()
    monkeypatch.setattr(database_access, "_opened", lambda *_: contextlib.nullcontext())
    for url, shown in (
        ("postgresql://ann:s3%40t@db.example.com/x?sslmode=require", "ann@db.example.com/x?ssl"),
        ("postgres://db.example.com/x?user=ann&password=s3t", "db.example.com/x?user=ann"),
    ):
        monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", url)
        get_settings.cache_clear()
        said = chimera("source", "url").out
        assert said.startswith(f"postgresql://{shown}")
        assert "s3" not in said
        assert chimera("source", "url", "--password").out.strip() == url
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", "postgresql://ann:s3/c@ret@db/x")
    get_settings.cache_clear()
    said = one_line(chimera("source", "url"))
    assert "percent-encoded" in said
    assert "c@ret" not in said
