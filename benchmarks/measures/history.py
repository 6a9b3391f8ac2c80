"""An hour, and the reading of a day, after three years of hours against after one day.

Both lakes begin as the same real run left them. Then every hourly table gets its past: the day
before is 24 times the real hour; the hours before that have three rows each. Their files are there,
hard links to a few; the log has them by the month, then a checkpoint, and the last day hour by
hour.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from deltalake.transaction import AddAction

from benchmarks.data import START
from benchmarks.outcome import Goal, Outcome
from benchmarks.process import run
from benchmarks.source import filled
from benchmarks.whole_run import installed, ran_hours
from chimera_assets.hours import HOUR_COLUMNS, HourRange, partition_values
from chimera_assets.lake import Lake
from chimera_assets.postgres.connection import execute
from chimera_assets.sources.database import connect as connect_postgres
from chimera_assets.warehouse.duckdb import connect, scan_sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.lake import Table

#: Rows of an hour that counts; those of the distant past have `_FEW`.
ROWS = 20_000

_FEW = 3
_HOURS = {"day": 24, "years": 3 * 365 * 24}
_YESTERDAY = HourRange(START - timedelta(days=1), START)
_RUNS, _READS = 3, 7

#: The other streams' rows in the hour.
_OTHERS = (
    """INSERT INTO jailbreak_tests (test_id, timestamp, user_id, test_type, target_provider,
         target_model, iterations, successful_mutations, asr_rate, created_at)
       SELECT 'test-' || n, $1::timestamptz + n * interval '1 second', 'user-1', 'pair', 'openai',
         'gpt-5', 10, 5, 0.5, $1::timestamptz + n * interval '1 second'
       FROM generate_series(1, 500) n""",
    """INSERT INTO provider_health (check_id, timestamp, provider_id, status, latency_ms,
         error_rate, created_at)
       SELECT 'check-' || n, $1::timestamptz + n * interval '1 second', 'openai', 'healthy', 20, 0,
         $1::timestamptz + n * interval '1 second'
       FROM generate_series(1, 500) n""",
)


@dataclass(frozen=True, slots=True)
class RealFile:
    """A data file, and how many rows it has."""

    path: Path
    rows: int


def measure(rows: int, home: Path) -> Outcome:
    """Run the same hour again and again in both lakes, in turn; read the same day from both."""
    url = filled(rows)
    with connect_postgres(url, autocommit=True) as connection:
        for statement in _OTHERS:
            execute(connection, statement, [START.isoformat()])
    installed()
    lakes = {name: home / name for name in _HOURS}
    ran_hours(START, lake=lakes["day"])
    shutil.copytree(lakes["day"], lakes["years"])
    started = time.perf_counter()
    for name, hours in _HOURS.items():
        _give_past(Lake(str(lakes[name])), hours)
    details: dict[str, Any] = {"building_seconds": time.perf_counter() - started}
    details["hours"] = _facts(Lake(str(lakes["years"]))).rows_by_hour().height

    runs: dict[str, list[float]] = {name: [] for name in lakes}
    for _ in range(_RUNS):
        for name, lake in lakes.items():
            ran, details[f"steps_{name}"] = ran_hours(START, lake=lake)
            runs[name].append(ran.seconds)
    timed = {
        "hour": runs,
        "day in a new process": _timed(_by_process, lakes),
        "day in an open table": _timed(_by_polars, lakes),
        "day by DuckDB": _timed(_by_duckdb, lakes),
    }
    opening = _timed(_opened, lakes)
    medians = {
        what: {name: statistics.median(seconds) for name, seconds in both.items()}
        for what, both in (timed | {"opening": opening}).items()
    }
    growths = {what: medians[what]["years"] / medians[what]["day"] for what in timed}
    return Outcome(
        rows=rows,
        ours=medians["hour"]["years"],
        floor=medians["hour"]["day"],
        peer="after a day",
        growths=growths,
        goals=tuple(Goal(what, 1.3) for what in growths),
        peak_mb=ran.peak_mb,
        details=details | {"medians": medians},
    )


def _give_past(lake: Lake, hours: int) -> None:
    past = HourRange(START - timedelta(hours=hours), START)
    for layer, name in lake.tables():
        table = lake.table(layer, name)
        if set(HOUR_COLUMNS) <= set(table.partition_columns()):
            _link_past(table, past)
        elif HOUR_COLUMNS[0] in table.partition_columns():
            _append_past(table, past)


def _link_past(table: Table, past: HourRange) -> None:
    """Give the table, in each of these hours, a file of its own that is a link to a real one."""
    if table.rows_by_hour().is_empty():
        return
    real = real_file(table)
    few = RealFile(real.path.with_name("few.parquet"), min(_FEW, real.rows))
    pl.read_parquet(real.path, hive_partitioning=False).head(_FEW).write_parquet(few.path)
    before = [hour for hour in past if hour < _YESTERDAY.start]
    for _, month in groupby(before, key=lambda hour: (hour.year, hour.month)):
        commit_files(table, [linked(table, few, hour) for hour in month])
    if before:
        table.delta().create_checkpoint()
    for hour in _YESTERDAY:
        commit_files(table, [linked(table, real, hour)])


def real_file(table: Table) -> RealFile:
    """A data file of a table."""
    file = pl.DataFrame(table.delta().get_add_actions(flatten=True)).row(0, named=True)
    return RealFile(Path(table.uri) / file["path"], file["num_records"])


def linked(table: Table, file: RealFile, hour: datetime) -> AddAction:
    """A link to a file as that of an hour, to be committed."""
    day, number = partition_values(hour)
    values = dict(zip(HOUR_COLUMNS, (str(day), str(number)), strict=True))
    folder = "/".join(f"{name}={value}" for name, value in values.items())
    path = f"{folder}/part-00000-{hour:%Y%m%d%H}.parquet"
    place = Path(table.uri) / path
    place.parent.mkdir(parents=True, exist_ok=True)
    os.link(file.path, place)
    return AddAction(
        path,
        place.stat().st_size,
        values,
        modification_time=0,
        data_change=True,
        stats=json.dumps({"numRecords": file.rows}),
    )


def commit_files(table: Table, files: list[AddAction]) -> None:
    """Commit files that lie in the table's place."""
    delta = table.delta()
    delta.create_write_transaction(
        files, "append", delta.schema(), partition_by=delta.metadata().partition_columns
    )


def _append_past(table: Table, past: HourRange) -> None:
    """Give a table of the runs' results those of each hour's run; as compaction leaves it."""
    rows = table.read().collect()
    day, hour = HOUR_COLUMNS
    hours = pl.DataFrame(
        [partition_values(each) for each in past],
        schema={day: pl.Date, hour: pl.Int32},
        orient="row",
    )
    made = rows.drop(HOUR_COLUMNS).join(hours, how="cross").select(rows.columns)
    table.append(made.sort(day), partition_by=[day])
    table.delta().create_checkpoint()


def _timed(read: Callable[[Lake], int], places: dict[str, Path]) -> dict[str, list[float]]:
    """Seconds of each reading, in turn, after one that is not timed."""
    lakes = {name: Lake(str(place)) for name, place in places.items()}
    found: dict[str, list[float]] = {name: [] for name in lakes}
    for number in range(_READS + 1):
        counts = set[int]()
        for name, lake in lakes.items():
            started = time.perf_counter()
            counts.add(read(lake))
            if number:
                found[name].append(time.perf_counter() - started)
        if len(counts) != 1:
            msg = f"expected the same of both lakes, found {counts}"
            raise RuntimeError(msg)
    return found


def _facts(lake: Lake) -> Table:
    return lake.table("marts", "fact_generations")


def _by_polars(lake: Lake) -> int:
    """As a process reads that has the table open and looks for new commits."""
    return _facts(lake).read(_YESTERDAY).collect().height


def _by_process(lake: Lake) -> int:
    """As a script or a command reads, from its start to its end."""
    ran = run([sys.executable, "-m", "benchmarks.measures.history", lake.uri])
    return int(ran.output)


def _by_duckdb(lake: Lake) -> int:
    """As an analyst reads: a connection of its own, which reads the log for each query."""
    query = f"select * from {scan_sql(_facts(lake))} where hour_partition = ?"  # noqa: S608
    with connect(lake) as connection:
        return int(connection.execute(query, [_YESTERDAY.start.date()]).to_arrow_table().num_rows)


def _opened(lake: Lake) -> int:
    """Only what reading the whole log costs; gives the table's partition columns."""
    return len(_facts(lake).fresh().metadata().partition_columns)


if __name__ == "__main__":
    print(_by_polars(Lake(sys.argv[1])))
