"""`chimera status` on a lake, and on none."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.commands.blocked_hours import blocked_hours, print_blocked_hours
from chimera_assets.commands.open_hours import open_hours, print_open_hours
from chimera_assets.contracts import load_contracts
from chimera_assets.hours import HourRange
from chimera_assets.ingest.watermark import NO_HOURS, Extraction, Watermark
from chimera_assets.ingest.watermark_commits import Advance
from chimera_assets.lake import open_lake
from chimera_assets.postgres.connection import execute
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.run_context import RunContext
from chimera_assets.settings import get_settings
from chimera_assets.sources.arrivals import Arrivals, Moment
from chimera_assets.sources.database import connect
from chimera_assets.sources.landing import Place, load_files
from chimera_assets.sources.snapshot import Snapshot
from tests.cli.conftest import JUDGED, ROWS, START
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.lake import Lake
    from tests.cli.conftest import Chimera


def test_a_lake_that_is_not_there_yet(chimera: Chimera) -> None:
    said = chimera("status")
    assert said.code == 0
    assert "generations" in said.out
    assert "chimera backfill" in said.err
    reported = json.loads(chimera("status", "--json").out)
    assert reported["tables"] == []
    assert {stream["rows"] for stream in reported["streams"]} == {0}


def test_a_stream_with_a_blocked_hour(chimera: Chimera, lake_of_four_hours: Lake) -> None:
    reported = json.loads(chimera("status", "--json").out)
    assert reported["lake"] == lake_of_four_hours.uri
    stream = next(s for s in reported["streams"] if s["stream"] == "generations")
    assert stream["last_hour"] == "2026-01-31T02:00:00Z"
    assert stream["lag_minutes"] > 0
    assert stream["late"] is True
    assert stream["rows"] == 3 * ROWS - 2
    assert stream["quarantined"] == 22
    assert stream["blocked_hours"] == 1
    assert stream["blocked"] == ["2026-01-31-03:00"]
    assert stream["pass_rate"] == pytest.approx(1 - 22 / (4 * ROWS))
    assert stream["version"] == lake_of_four_hours.table("staged", "generations").version()
    tables = {f"{table['layer']}/{table['table']}": table for table in reported["tables"]}
    assert tables["raw/generations"]["rows"] == 4 * ROWS
    assert tables["raw/generations"]["last_hour"] == "2026-01-31T03:00:00Z"
    assert tables["staged/providers"]["last_hour"] is None
    assert tables["staged/generations"]["bytes"] > 0


def test_people_see_the_same(chimera: Chimera, lake_of_four_hours: Lake) -> None:
    assert lake_of_four_hours
    said = chimera("status")
    row = next(line for line in said.out.splitlines() if line.strip().startswith("generations"))
    assert "2026-01-31 02:00" in row
    assert "(late)" in row
    assert "97.25%" in row
    assert "staged/generations" in said.out
    command = "chimera quarantine list --stream generations --hour 2026-01-31T03"
    assert (
        f"generations: 1 hour blocked, as too many rows broke a rule; see them by `{command}`"
        in said.err
    )
    shown = chimera(*command.split()[1:])
    assert shown.code == 0
    assert "2026-01-31T03:00Z" in shown.out


def test_blocked_hours_are_few_ranges_and_of_a_reference_table_the_last_judgement_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    contracts = load_contracts([SHIPPED])
    judged = pl.DataFrame(
        [
            {"hour_partition": START.date(), "hour": hour, "published": hour > 4, "judged_at": hour}
            for hour in (1, 2, 4, 5)
        ],
        schema_overrides={"hour": pl.Int32},
    )
    found = blocked_hours(contracts["generations"], judged)
    assert found == {
        "blocked_hours": 3,
        "blocked": ["2026-01-31-01:00...2026-01-31-02:00", "2026-01-31-04:00"],
    }
    assert blocked_hours(contracts["providers"], judged)["blocked_hours"] == 0
    old = blocked_hours(contracts["providers"], judged.head(3))
    print_blocked_hours(
        [
            {"stream": "generations", "kind": "stream", **found},
            {"stream": "providers", "kind": "reference", **old},
        ]
    )
    first, second = capsys.readouterr().err.splitlines()
    commands = first.partition("see them by ")[2]
    assert commands == (
        "`chimera quarantine list --stream generations "
        "--hour 2026-01-31-01:00...2026-01-31-02:00`, "
        "`chimera quarantine list --stream generations --hour 2026-01-31T04`"
    )
    assert second.startswith("providers: all of it blocked")
    assert second.endswith("by `chimera quarantine list --stream providers`")


def test_files_that_were_dropped(
    chimera: Chimera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "drop here"
    monkeypatch.setenv("CHIMERA_LANDING_URI", str(place))
    generations = place / "generations"
    generations.mkdir(parents=True)
    (place / "generatons").mkdir()
    good = generations / "a.csv"
    good.write_text("event_id,timestamp\ne-1,2026-01-31T05:00:00Z\nshort\n")
    os.utime(good, (1.77e9, 1.77e9))
    run = RunContext(open_lake(), datetime.now(UTC), "run")
    load_files(run, load_contracts([SHIPPED])["generations"], Place(str(place)))
    (generations / "b.jsonl").write_text("{")
    (generations / "notes.txt").write_text("?")

    reported = json.loads(chimera("status", "--json").out)

    of_generations = next(one for one in reported["landing"] if one["stream"] == "generations")
    assert of_generations.pop("last_taken") == of_generations.pop("last_loaded") is not None
    assert of_generations == {
        "stream": "generations",
        "files_loaded": 1,
        "files_taken": 1,
        "rows": 2,
        "malformed_lines": 1,
        "corrupt_files": 0,
        "files_waiting": 1,
        "files_of_other_kinds": 1,
        "no_files": {},
        "in_no_hour": 0,
    }
    said = chimera("status")
    assert "files waiting" in " ".join(said.out.split())
    assert "generatons: no stream has this name" in " ".join(said.err.split())
    assert "its files are not loaded" in said.err
    (place / "stray.csv").write_text("event_id\n")
    strayed = " ".join(chimera("status").err.split())
    assert "stray.csv: put it into the folder of its stream; not loaded" in strayed


def test_how_far_arrivals_are_taken_in_and_what_is_owed(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    raw = lake_of_four_hours.table("raw", "generations")
    third = HourRange.single(START + timedelta(hours=2))
    moment = Moment(Snapshot(901), "7/00000001", 5, frozenset({16400}), JUDGED)
    found = Extraction(third, Arrivals(moment, floor=901), frozenset({START}))
    advance = Advance(lake_of_four_hours, "generations", raw.version(), found, lambda _: NO_HOURS)
    raw.write_hours(raw.read(third).collect(), third, carry=advance)

    reported = json.loads(chimera("status", "--json").out)["streams"]

    stream = next(one for one in reported if one["stream"] == "generations")
    assert stream["taken_in_until"] == "2026-01-31T04:05:00Z"
    assert (stream["hours_owed"], stream["owed"]) == (1, ["2026-01-31-00:00"])
    assert stream["watermark"] == stream["taken_in_until"]
    assert (stream["hours_pending"], stream["pending"]) == (1, ["2026-01-31-00:00"])
    assert stream["snapshot"] == "901:901:"
    assert stream["in_no_hour"] is None
    row = next(line for line in chimera("status").out.splitlines() if "97.25%" in line)
    assert "2026-01-31 04:05" in row
    headings = " ".join(chimera("status").out.split())
    assert "owed" not in headings


def test_rows_in_no_hour_and_a_source_that_does_not_answer(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch
) -> None:
    chimera("source", "init")
    source = source_database_url(get_settings())
    with connect(source, autocommit=True) as connection:
        execute(connection, "INSERT INTO generations (event_id, created_at) VALUES ('lost', NULL)")
    said = chimera("status")
    assert "generations: 1 row at the source without a readable time" in said.err

    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    get_settings.cache_clear()
    said = chimera("status")
    assert said.code == 0
    assert "The source was not asked" in said.err


def test_hours_that_nobody_took_come_with_the_command_that_takes_them(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert home
    hour = timedelta(hours=1)
    taken = Watermark(extracted=frozenset({START + hour, START + 2 * hour}))
    contract, other = (
        load_contracts([SHIPPED])[name] for name in ("generations", "provider_health")
    )
    # The hour that ended three minutes ago is left to the schedule, which waits five.
    now = START + 5 * hour + timedelta(minutes=3)

    found = open_hours(open_lake(), contract, taken, START, now)

    assert found["never_taken"] == ["2026-01-31-00:00", "2026-01-31-03:00"]
    assert found["hours_never_taken"] == 2
    (first, _) = found["run_never_taken"]
    assert first.endswith("backfill --start 2026-01-31T00 --end 2026-01-31T01 --stream generations")
    late = START + timedelta(days=contract.retention_days) + 2 * hour
    kept = open_hours(open_lake(), contract, Watermark(), START, late)["never_taken"]
    assert kept[0].startswith("2026-01-31-02:00...")
    assert open_hours(open_lake(), contract, Watermark(), None, now)["never_taken"] == []

    assert open_hours(open_lake(), contract, taken, START, now, has_table=False) == found

    same = [found | {"stream": name.stream} for name in (contract, other)]
    print_open_hours([*same, found | {"stream": "whole", "never_taken": []}])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("generations, provider_health: 2 hours never taken; take them by `")
    assert "--stream generations,provider_health`" in line


def test_a_stream_of_files_alone_misses_the_hours_that_files_brought(
    chimera: Chimera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month's invoice is a row of one hour; that none of the others was run loses nothing."""
    monkeypatch.setenv("CHIMERA_LANDING_URI", str(tmp_path / "landing"))
    monkeypatch.setenv("CHIMERA_START", "2026-01-01")
    chimera("source", "init")
    with connect(source_database_url(get_settings()), autocommit=True) as connection:
        execute(connection, "DROP TABLE invoices CASCADE")

    def never_taken() -> dict[str, list[str]]:
        streams = json.loads(chimera("status", "--json").out)["streams"]
        return {one["stream"]: one.get("never_taken") for one in streams}

    assert never_taken()["invoices"] == []
    folder = tmp_path / "landing" / "invoices"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(
        "provider,invoice_id,line,billing_month,amount,currency\n"
        "northwind,2026-0117,1,2026-01-01,1250.00,USD\n"
    )
    os.utime(folder / "a.csv", (1.77e9, 1.77e9))
    run = RunContext(open_lake(), datetime.now(UTC), "run")
    load_files(run, load_contracts([SHIPPED])["invoices"], Place(str(folder.parent)))

    never = never_taken()
    assert never["invoices"] == ["2026-01-01-00:00"]
    assert "..." in never["generations"][0]  # as of any table, all that is kept
