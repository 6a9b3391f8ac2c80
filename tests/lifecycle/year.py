"""A simulated year of hours, with upkeep each night: `python -m tests.lifecycle.year --days 365`.

Every day has its hours written, some hours run again, results appended, and its night's upkeep. As
no library takes a clock for the files it deletes, the files grow older instead: what the log says
of times, and the times of the files themselves, are moved into the past.
"""

# ruff: noqa: T201 - a script that prints
from __future__ import annotations

import argparse
import dataclasses
import os
import random
import re
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from chimera_assets.contracts import load_contracts
from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.lake.size import size
from chimera_assets.lifecycle.maintenance import maintain_lake
from chimera_assets.system_tables.batches import BATCHES
from chimera_assets.system_tables.check_results import CHECK_RESULTS
from tests.acting import acting
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START = datetime(2025, 1, 1, tzinfo=UTC)
TABLES = (
    ("staged", "generations"),
    ("marts", "fact_generations"),
    ("quality", "batches"),
    ("quality", "check_results"),
)
RULES = 30
_DAY = timedelta(days=1)
_TIMES = re.compile(r'"(deletionTimestamp|modificationTime|timestamp)":(\d+)')


@dataclasses.dataclass(frozen=True)
class Day:
    """What a table took up at the end of a simulated day, after its upkeep."""

    day: int
    table: str
    rows: int
    partitions: int
    files: int
    stored_files: int
    stored_bytes: int
    log_files: int
    log_bytes: int
    checkpoint_bytes: int
    commit_ms: float


def simulate(  # noqa: PLR0913
    folder: Path,
    days: int,
    *,
    hours_a_write: int,
    retention_days: int,
    week: int = 7,
    aged: timedelta = timedelta(days=7),
    rows: int = 10,
) -> Iterator[list[Day]]:
    """Live through the days; gives what each table takes up at the end of each week.

    A week of fewer days, after which files are as much older all the same, shows the same sooner.
    """
    chance = random.Random(2025)  # noqa: S311 - no secret
    contracts = {
        name: dataclasses.replace(contract, retention_days=retention_days)
        for name, contract in load_contracts([SHIPPED]).items()
    }
    lake, home = Lake(str(folder)), folder.parent / "home"
    for day in range(days):
        start = START + day * _DAY
        took = [
            _run(lake, start + timedelta(hours=first), hours_a_write, rows)
            for first in range(0, 24, hours_a_write)
        ]
        for _ in range(2):
            back = chance.randrange(1, min(day * 24 + 24, retention_days * 24))
            _run(lake, start + timedelta(hours=24 - back), 1, rows)
        night = acting(home, lake, start + _DAY, run_id=f"night-{day}", contracts=contracts)
        done = list(maintain_lake(night))
        assert not [each.error for each in done if each.error], done
        if day % week == week - 1:
            yield [_reported(lake.table(*name), day + 1, sum(took) / len(took)) for name in TABLES]
            for name in TABLES:
                age(Path(lake.table(*name).uri), aged)
            lake = Lake(str(folder))  # a table keeps its snapshot, of a log that has changed


def _run(lake: Lake, start: datetime, hours: int, rows: int) -> float:
    """What a run of the hours writes; the mean seconds of its commits."""
    begun = time.perf_counter()
    taken = HourRange(start, start + timedelta(hours=hours))
    events = pl.DataFrame(
        {
            "timestamp": [hour + timedelta(minutes=n) for hour in taken for n in range(rows)],
            "event_id": [f"{hour:%Y%m%d%H}-{n}" for hour in taken for n in range(rows)],
            "tenant_id": [f"tenant-{n % 3}" for _ in taken for n in range(rows)],
        },
        schema_overrides={"timestamp": pl.Datetime("us", "UTC")},
    ).with_columns(
        hour_partition=pl.col("timestamp").dt.date(),
        hour=pl.col("timestamp").dt.hour().cast(pl.Int32),
    )
    for layer, name in TABLES[:2]:
        lake.table(layer, name).write_hours(events, taken)
    accounts = events.select("hour_partition", "hour").unique()
    results = accounts.join(
        pl.DataFrame({"rule": [f"rule_{n}" for n in range(RULES)]}), how="cross"
    )
    for name, schema, frame in (
        ("batches", BATCHES, accounts),
        ("check_results", CHECK_RESULTS, results),
    ):
        missing = [pl.lit(None).cast(k).alias(n) for n, k in schema.items() if n not in frame]
        reported = frame.with_columns(missing).select(schema.names())
        lake.table("quality", name).append(reported, partition_by=["hour_partition"])
    return (time.perf_counter() - begun) / len(TABLES)


def _reported(table, day: int, seconds: float) -> Day:  # noqa: ANN001
    takes = size(table)
    log = Path(table.uri) / "_delta_log"
    checkpoints = [path.stat().st_size for path in log.glob("*.checkpoint.parquet")]
    parts = {path.rpartition("/")[0] for path in table.delta().file_uris()}
    return Day(
        day,
        f"{table.layer}/{table.name}",
        table.count(),
        len(parts),
        takes.files,
        takes.stored_files,
        takes.stored_bytes,
        takes.log_files,
        takes.log_bytes,
        max(checkpoints, default=0),
        1000 * seconds,
    )


def age(folder: Path, by: timedelta) -> None:
    """Make a table's files, and what its log says of their times, older."""
    shift = int(by / timedelta(milliseconds=1))
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        stat = path.stat()
        if path.suffix == ".json":
            path.write_text(_TIMES.sub(lambda m: f'"{m[1]}":{int(m[2]) - shift}', path.read_text()))
        elif path.name.endswith(".checkpoint.parquet"):
            _age_checkpoint(path, shift)
        os.utime(path, (stat.st_atime, stat.st_mtime - by.total_seconds()))


def _age_checkpoint(path: Path, shift: int) -> None:
    table = pq.read_table(path)
    column = table["remove"].combine_chunks()
    fields = {field.name: column.field(field.name) for field in column.type}
    fields["deletionTimestamp"] = pa.compute.subtract(fields["deletionTimestamp"], shift)
    aged = pa.StructArray.from_arrays(
        list(fields.values()), fields=list(column.type), mask=column.is_null()
    )
    pq.write_table(table.set_column(table.schema.get_field_index("remove"), "remove", aged), path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line a table and week; 1 if a table grew after its first half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--hours-a-write", type=int, default=1)
    parser.add_argument("--retention-days", type=int, default=90)
    given = parser.parse_args(arguments)
    weeks: list[list[Day]] = []
    print(" ".join(f"{field.name:>17}" for field in dataclasses.fields(Day)))
    with tempfile.TemporaryDirectory(prefix="chimera-year-") as folder:
        for week in simulate(
            Path(folder) / "lake",
            given.days,
            hours_a_write=given.hours_a_write,
            retention_days=given.retention_days,
        ):
            weeks.append(week)
            for day in week:
                cells = (f"{v:.1f}" if isinstance(v, float) else v for v in vars(day).values())
                print(" ".join(f"{cell!s:>17}"[-22:] for cell in cells), flush=True)
    grown = [name for name in grew(weeks) if name]
    print(f"grew: {', '.join(grown)}" if grown else "Flat.")
    return 1 if grown else 0


def grew(weeks: list[list[Day]]) -> list[str]:
    """What is larger in the last week than it ever was until two thirds, by more than a fifth."""
    found = []
    for position, last in enumerate(weeks[-1]):
        kept = ("stored_files", "stored_bytes", "log_files", "log_bytes", "files")
        if last.table == "quality/batches":  # the accounts are kept, a file a day
            kept = ("log_files",)
        for name in kept:
            most = max(getattr(week[position], name) for week in weeks[: len(weeks) * 2 // 3])
            if getattr(last, name) > 1.2 * most:
                found.append(f"{last.table}: {name} from {most:,} to {getattr(last, name):,}")
    return found


if __name__ == "__main__":
    sys.exit(main())
