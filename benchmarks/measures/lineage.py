"""The life of one record of 100 million, in 2,160 hours, from its source to its figures.

One hour in the middle is real in all layers, and the operational database has its rows. Raw has a
file of its own for each of the other hours, with keys in no order; the other tables have links to
files of the real one. The log has the first 60 days by the day, the last 30, which upkeep keeps of
it, hour by hour.
"""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from benchmarks.data import START, generations, with_hours
from benchmarks.measures.history import commit_files, linked, real_file
from benchmarks.measures.verify import build_hours, take_providers
from benchmarks.outcome import Goal, Outcome
from benchmarks.source import loaded
from chimera_assets.contracts import contracts
from chimera_assets.hours import HOUR_COLUMNS, ONE_HOUR, HourRange
from chimera_assets.lake import Lake
from chimera_assets.lineage.key import parse_key
from chimera_assets.lineage.trace import Request, Surroundings, trace
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.system_tables.column_lineage import column_lineages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.lake import Table
    from chimera_assets.lineage.record import RecordLineage

ROWS = 100_000_000

_HOURS, _BY_DAY = 90 * 24, 60
_SECONDS = 0.5
_KEYS = 9


def measure(rows: int, home: Path) -> Outcome:
    """Trace records that the source knows; then one that it does not, by a search of every key."""
    lake, each = Lake(str(home / "lake")), rows // _HOURS
    middle = HourRange.single(START + _HOURS // 2 * ONE_HOUR)
    started = time.perf_counter()
    take_providers(lake)
    made = _with_random_keys(generations(each, start=middle.start))
    build_hours(lake, middle, made)
    url = loaded(made)
    others = list(_commits(middle))
    for layer, name in lake.tables():
        table = lake.table(layer, name)
        by_hour = set(HOUR_COLUMNS) <= set(table.partition_columns())
        if by_hour and layer != "raw" and table.count():
            _link(table, others)
    unknown = _fill_raw(lake.table("raw", "generations"), made, others)
    built = time.perf_counter() - started

    source = PostgresSource(url)
    known = made["event_id"].gather_every(max(1, each // _KEYS)).to_list()
    seconds = [_timed(lake.uri, source, key)[0] for key in known]
    searched, found = _timed(lake.uri, source, unknown)
    return Outcome(
        rows=rows,
        ours=statistics.median(seconds),
        goals=(Goal("seconds", _SECONDS),),
        details={
            "building_seconds": built,
            "seconds": seconds,
            "unknown_to_the_source_seconds": searched,
            "searched_rows": found.looked.rows,
            "searched_files": found.looked.files,
        },
    )


def _timed(uri: str, source: PostgresSource, key: str) -> tuple[float, RecordLineage]:
    """As a command has it: nothing is open, but everything imported."""
    started = time.perf_counter()
    lake = Lake(uri)
    around = Surroundings(lake, lambda: source, active_aggregates(), column_lineages(lake))
    found = trace(around, Request(parse_key(contracts()["generations"], [key])))
    seconds = time.perf_counter() - started
    if not found.hours or found.hours[0].raw is None:
        msg = f"expected {key} in raw, found {found}"
        raise RuntimeError(msg)
    return seconds, found


def _with_random_keys(rows: pl.DataFrame) -> pl.DataFrame:
    with duckdb.connect() as connection:
        made = connection.execute("SELECT uuid()::VARCHAR FROM range(?)", [rows.height]).pl()
    return rows.with_columns(event_id=made.to_series())


def _commits(but: HourRange) -> Iterator[list[datetime]]:
    """The other hours, as they are committed."""
    hours = [hour for hour in (START + n * ONE_HOUR for n in range(_HOURS)) if hour not in but]
    by_hour = START + _BY_DAY * timedelta(days=1)
    for _, together in groupby(hours, key=lambda hour: hour if hour >= by_hour else hour.date()):
        yield list(together)


def _link(table: Table, commits: Sequence[list[datetime]]) -> None:
    real = real_file(table)
    for hours in commits:
        commit_files(table, [linked(table, real, hour) for hour in hours])
    table.delta().create_checkpoint()


def _fill_raw(raw: Table, rows: pl.DataFrame, commits: Sequence[list[datetime]]) -> str:
    """Write raw's other hours; gives a key of one of them."""
    key = ""
    for number, hours in enumerate(commits):
        frames = [_moved(rows, hour) for hour in hours]
        raw.write_hours(pl.concat(frames), HourRange(hours[0], hours[-1] + ONE_HOUR))
        key = str(frames[0]["event_id"][0]) if number == len(commits) // 3 else key
    raw.delta().create_checkpoint()
    return key


def _moved(rows: pl.DataFrame, hour: datetime) -> pl.DataFrame:
    """The rows with other keys in another hour."""
    by = hour - rows["timestamp"][0].replace(minute=0, second=0, microsecond=0)
    placed = _with_random_keys(rows).with_columns(pl.col("timestamp", "created_at") + by)
    return with_hours(placed).with_columns(pl.lit(None, pl.String).alias("_unreadable"))
