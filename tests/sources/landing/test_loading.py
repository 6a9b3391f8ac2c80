"""Each file is taken once: however often it is looked at, touched, put again, or raced for."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import HourRange, parse_key
from chimera_assets.lake import Lake
from chimera_assets.run_context import RunContext
from chimera_assets.settings import get_settings
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.landing import (
    FileLog,
    LandingState,
    landed_rows,
    landing_state,
    load_files,
    rows_in_no_hour,
)
from chimera_assets.sources.landing.place import LandingFile, Place
from chimera_assets.sources.stream import stream_schema
from tests.sources.landing.conftest import Landing, contract, event, json_lines

if TYPE_CHECKING:
    import pytest

    from chimera_assets.sources.landing import Loaded

HOUR = "2026-01-31-05:00"


def states(taking: Loaded) -> list[str]:
    return [entry.state for entry in taking.entries]


def test_files_of_all_kinds_are_taken_once_and_given_by_the_hour(
    anywhere: Landing, tmp_path: Path
) -> None:
    columns, later = list(event(0)), "2026-01-31T07:00:00Z"
    csv = pl.DataFrame([event(n) for n in (1, 2)]).write_csv().encode()
    parquet = tmp_path / "made.parquet"
    pl.DataFrame([event(n) for n in (3, 4)]).write_parquet(parquet)
    anywhere.drop("a.csv", csv)
    anywhere.drop("2026/01/b.parquet", parquet.read_bytes())
    anywhere.drop("c.parquet.gz", parquet.read_bytes().replace(b"e-3", b"f-3"))
    anywhere.drop("d.jsonl", json_lines([event(5)]))
    anywhere.drop("e.ndjson.gz", json_lines([event(6, timestamp=later, created_at=later)]))
    anywhere.drop("f.csv.gz", csv.replace(b"e-", b"g-"))
    for ignored in (".hidden.csv", "_SUCCESS", "x.csv.tmp", "y.jsonl.crdownload", "notes.txt"):
        anywhere.drop(ignored, csv)
    anywhere.drop("_temporary/0/z.csv", csv)

    taking = anywhere.take()

    assert states(taking) == ["taken"] * 6
    assert taking.hours == {HOUR, "2026-01-31-07:00"}
    assert taking.unknown == set()
    assert states(anywhere.take()) == []
    history = anywhere.lake.table("landing", "generations").history()
    loads = [one["chimera.landed_hours"] for one in history if "chimera.landed_hours" in one]
    reported = list(map(json.loads, loads))
    assert reported == [sorted(taking.hours)]
    hours = HourRange.single(parse_key(HOUR))
    batch = Batch.new("generations", hours.start)
    reader = landed_rows(anywhere.lake, contract(), hours, batch)
    assert reader is not None
    assert reader.schema == stream_schema(contract(), hourly=True)
    rows = pl.DataFrame(pl.from_arrow(reader.read_all()))
    expected = ["e-1", "e-2", "e-3", "e-4", "e-4", "e-5", "f-3", "g-1", "g-2"]
    assert sorted(rows["event_id"]) == expected
    assert rows["_batch_id"].unique().to_list() == [batch.batch_id]
    assert rows.select(columns).null_count().sum_horizontal().item() == 0


def test_how_far_the_files_of_a_stream_are(landing: Landing) -> None:
    place = Place(landing.root)
    nothing = LandingState("generations", 0, 0, 0, 0, 0, 0, {}, 0, None)
    assert landing_state(landing.lake, place, "generations") == nothing
    landing.drop("a.jsonl", json_lines([event(1), event(2)]) + b"{\n")
    landing.drop("b.csv", b"no header\n1\n")
    landing.drop("c.txt", b"notes")
    landing.drop("d.jsonl", json_lines([event(3, timestamp="2019-01-01T00:00:00Z")]))
    waiting = dataclasses.replace(nothing, files_waiting=3, files_of_other_kinds=1)
    assert landing_state(landing.lake, place, "generations") == waiting

    loaded = landing.take()
    again = landing.drop("a.jsonl", json_lines([event(1), event(2)]) + b"{\n", age=7_200)
    landing.take()  # known content, written once more
    landing.drop("e.jsonl", json_lines([event(4)]))

    assert Path(again).exists()
    found = landing_state(landing.lake, place, "generations")
    assert found == LandingState(
        stream="generations",
        files_loaded=3,
        rows=sum(entry.rows for entry in loaded.entries),
        malformed_lines=1,
        corrupt_files=1,
        files_waiting=1,
        files_of_other_kinds=1,
        no_files={},
        in_no_hour=0,
        last_loaded=max(entry.taken for entry in loaded.entries),
    )
    assert found.rows == 3 + 1 + 1  # the corrupt one is one row that says why


def test_landed_rows_of_hours_before_a_later_start_are_counted_until_raw_has_them(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = ["2026-01-30T05", "2026-01-30T06", "2026-01-31T05", "2026-01-31T06", "2026-01-31T07"]
    events = [
        event(number, timestamp=f"{hour}:00:00Z", created_at=f"{hour}:00:00Z")
        for rows, hour in enumerate(hours)
        for number in range(2**rows)
    ]
    landing.drop("a.jsonl", json_lines(events))
    landing.take()
    assert rows_in_no_hour(landing.lake, "generations") == 0

    monkeypatch.setenv("CHIMERA_START", "2026-01-31T06:00:00Z")
    get_settings.cache_clear()
    assert rows_in_no_hour(landing.lake, "generations") == 1 + 2 + 4

    extracted = HourRange.single(parse_key("2026-01-30-05:00"))
    rows = landing.lake.table("landing", "generations").read(extracted).collect()
    landing.lake.table("raw", "generations").write_hours(rows, extracted)
    assert rows_in_no_hour(landing.lake, "generations") == 2 + 4


def test_a_file_is_new_by_its_content_not_by_its_times(landing: Landing) -> None:
    first = json_lines([event(1)])
    uri = landing.drop("a.jsonl", first)
    assert states(landing.take()) == ["taken"]

    os.utime(uri, (time.time() - 500, time.time() - 500))
    assert states(landing.take()) == ["same"]
    assert states(landing.take()) == []

    landing.drop("a.jsonl", first.replace(b"e-1", b"e-2"))
    assert states(landing.take()) == ["taken"]
    landing.drop("a.jsonl", first)
    assert states(landing.take()) == ["same"]
    assert sorted(landing.rows()["event_id"]) == ["e-1", "e-2"]


def test_a_file_that_came_while_the_files_were_listed_is_too_young(landing: Landing) -> None:
    place = Place(landing.root)

    class Slow(Place):
        def files(self, stream: str) -> list[LandingFile]:
            time.sleep(0.2)
            landing.drop("later.jsonl", json_lines([event(1)]), age=0)
            return place.files(stream)

    loaded = landing.take(Slow(landing.root))

    assert loaded.rows == 0
    assert list(loaded.waits.values()) == ["was written just now"]


def test_a_file_is_left_until_it_is_whole(landing: Landing) -> None:
    whole = json_lines([event(n) for n in range(20)])
    packed = gzip.compress(whole)
    landing.drop("just-now.jsonl", whole, age=0)
    landing.drop("line.jsonl", whole[:-20], age=60)
    landing.drop("footer.parquet", b"PAR1 and more to come", age=60)
    landing.drop("trailer.jsonl.gz", b"", age=60)
    Path(landing.root, "generations", "trailer.jsonl.gz").write_bytes(packed[:-30])
    os.utime(Path(landing.root, "generations", "trailer.jsonl.gz"), (time.time() - 60,) * 2)
    landing.drop("without-last-end.jsonl", whole.strip(), age=60)

    taking = landing.take()

    assert [Path(entry.uri).name for entry in taking.entries] == ["without-last-end.jsonl"]
    assert {Path(uri).name: reason for uri, reason in taking.waits.items()} == {
        "just-now.jsonl": "was written just now",
        "line.jsonl": "has no end of its last line yet",
        "footer.parquet": "has no footer yet",
        "trailer.jsonl.gz": "the gzip file is cut off: it ends before its trailer",
    }

    # Nobody finishes them: what they lack is lacking, and no file waits for ever.
    for name in ("line.jsonl", "footer.parquet", "trailer.jsonl.gz"):
        os.utime(Path(landing.root, "generations", name), (time.time() - 600,) * 2)
    given_up = landing.take()
    assert {Path(e.uri).name: (e.state, e.malformed) for e in given_up.entries} == {
        "line.jsonl": ("taken", 1),
        "footer.parquet": ("corrupt", 0),
        "trailer.jsonl.gz": ("corrupt", 0),
    }
    # Of the file that is cut off nothing was taken; its whole version is another file.
    of_packed = landing.rows().filter(pl.col("_file").str.ends_with(".gz"))
    assert of_packed.height == 1
    landing.drop("trailer.jsonl.gz", whole)
    assert [entry.rows for entry in landing.take().entries] == [20]


def test_runs_at_the_same_time_take_each_file_once(landing: Landing) -> None:
    for file in range(12):
        landing.drop(f"{file}.jsonl", json_lines(event(file * 10 + n) for n in range(10)))

    def run(_: int) -> Loaded:
        return Landing(landing.root, Lake(landing.lake.uri)).take()

    with ThreadPoolExecutor(4) as pool:
        takings = list(pool.map(run, range(4)))

    assert sum(len(taking.entries) for taking in takings) == 12
    assert sorted(landing.rows()["event_id"]) == sorted(f"e-{n}" for n in range(120))


TAKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.sources.landing.conftest import Landing
from chimera_assets.lake import Lake
landing = Landing(sys.argv[1], Lake(sys.argv[2]))
print("ready", flush=True)
landing.take()
print("done", flush=True)
"""


def test_killed_at_any_instant_a_file_is_still_taken_once(landing: Landing, tmp_path: Path) -> None:
    expected: set[str] = set()
    chance = random.Random(7)  # noqa: S311
    for attempt in range(3):
        numbers = range(attempt * 20_000, (attempt + 1) * 20_000)
        expected |= {f"e-{n}" for n in numbers}
        landing.drop(f"{attempt}.jsonl.gz", json_lines(map(event, numbers)))
        child = subprocess.Popen(
            [sys.executable, "-c", TAKER, landing.root, landing.lake.uri, str(Path.cwd())],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(tmp_path)},  # where the killed leave what they put by
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.05, 0.6))
        child.send_signal(signal.SIGKILL)
        child.communicate()

    landing.take()

    rows = landing.rows()
    assert rows.height == len(expected)
    assert set(rows["event_id"]) == expected
    ledger = FileLog.read(landing.lake.table("landing", "generations"))
    assert sorted(entry.rows for entry in ledger.entries) == [20_000] * 3


def test_what_a_run_reads_of_the_past_stays_one_small_file(landing: Landing) -> None:
    table = landing.lake.table("landing", "generations")
    before = FileLog.read(table)
    assert (before.entries, before.sequence) == ((), 0)
    for file in range(34):
        landing.drop(f"{file}.jsonl", json_lines([event(file)]))
        landing.take()
    assert len([uri for uri in table.delta().file_uris() if "HIVE_DEFAULT" in uri]) <= 3
    after = FileLog.read(table)
    assert (len(after.entries), after.sequence) == (34, 34)
    assert table.rows_by_hour()["rows"].to_list() == [34]


def test_many_hours_in_one_file(landing: Landing) -> None:
    days = pl.datetime_range(
        pl.datetime(2025, 1, 1), pl.datetime(2025, 2, 28, 23), "1h", eager=True
    )
    frame = pl.DataFrame(
        {
            "event_id": [f"e-{n}" for n in range(len(days))],
            "timestamp": days.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )
    landing.drop("two-months.csv", frame.write_csv().encode())

    taking = landing.take()

    assert len(taking.hours) == 1416
    assert landing.rows().height == 1416


def test_a_row_without_its_time_gets_none_where_event_and_arrival_are_one(
    landing: Landing,
) -> None:
    """Another row's missing arrival is that of its file; an event did not happen then."""
    one_time = dataclasses.replace(contract(), arrival_time="timestamp")
    landing.drop("a.jsonl", json_lines([event(1), event(2, timestamp=None)]))
    run = RunContext(landing.lake, datetime.now(UTC), "run")
    load_files(run, one_time, Place(landing.root), pause=0.05)
    assert landing.rows()["timestamp"].null_count() == 1
