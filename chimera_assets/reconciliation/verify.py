"""Verification: every promise recounted over the hours, and every hour named that breaks one.

Rows an hour come from the tables' logs, which costs the same however many rows there are; where
rows lie, whose batch they are of, their keys and what they add up to are read from the files, only
the columns needed, in bounded memory.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.hour_columns import hour_starts
from chimera_assets.hour_ranges import ranges_without
from chimera_assets.hours import HOUR_COLUMN, HOUR_COLUMNS, HourRange
from chimera_assets.lake import LakeError
from chimera_assets.lake.integrity import changed_files, damaged_files
from chimera_assets.layers import AGGREGATES, MARTS
from chimera_assets.packs import PackError, active_packs
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.packs.models import uncompared_models
from chimera_assets.reconciliation.aggregates import compared
from chimera_assets.reconciliation.findings import (
    PROMISES,
    Failure,
    Findings,
    HeldBack,
    hour_key,
    key_of,
    name_of,
)
from chimera_assets.reconciliation.recount import UNREADABLE, note_unreadable
from chimera_assets.reconciliation.stream_promises import StreamPromises

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake, Table
    from chimera_assets.packs.aggregates import Aggregate

#: Hours whose aggregates are compared at a time.
_HOURS_AT_A_TIME = 31 * 24


@dataclass(frozen=True, slots=True)
class Verification:
    """What was recounted, and what does not hold.

    Attributes:
        failures: Every broken promise by table and hour, in the order of `PROMISES`, then time.
        hours: Hours that were looked at, of any stream.
        expired: Those of them from which retention has deleted rows, which are not missed.
        held_back: What the gates hold back, a stream each; no promise is broken by that.
        rows: Rows that were read, each as often as layers have it.
        checked: Promise -> how many hours of tables (for `files`: tables) it was recounted for.
        first: The first of these hours; None if there is none.
        last: The last.
        seconds: How long it took.
        not_compared: Aggregates of an hour whose sums no `aggregates.yaml` says, sorted.
    """

    failures: tuple[Failure, ...]
    hours: int
    expired: int
    held_back: tuple[HeldBack, ...]
    rows: int
    checked: dict[str, int]
    first: str | None
    last: str | None
    seconds: float
    not_compared: tuple[str, ...]


def verify(
    lake: Lake,
    contracts: Mapping[str, Contract],
    hours: HourRange | None = None,
    *,
    with_facts: Collection[str] = (),
) -> Verification:
    """Recount every promise.

    Args:
        lake: The lake.
        contracts: The contracts by stream.
        hours: The hours; None for all there are.
        with_facts: Streams that must have a fact table even if there is none.
    """
    started = time.perf_counter()
    findings = Findings(hours)
    streams = StreamPromises(lake, findings)
    there = lake.tables()
    for layer, name in there:
        _files(lake.table(layer, name), findings)
    for contract in contracts.values():
        if contract.kind == "stream":
            streams.check(contract, needs_facts=contract.stream in with_facts)
    for aggregate in active_aggregates():
        facts = [lake.table(MARTS, fact) for fact in aggregate.facts if (MARTS, fact) in there]
        table = lake.table(AGGREGATES, aggregate.table)
        if (AGGREGATES, aggregate.table) in there:
            _aggregate(lake, aggregate, [table, *facts], findings)
        elif facts:
            made_from = " and ".join(map(name_of, facts))
            findings.fail("aggregates", table, None, f"a table made from {made_from}", "none")
    return _verification(findings, time.perf_counter() - started)


def _verification(findings: Findings, seconds: float) -> Verification:
    seen = findings.seen
    first, last = (key_of(min(seen)), key_of(max(seen))) if seen else (None, None)
    return Verification(
        failures=findings.sorted_failures(),
        hours=len(seen),
        expired=len(set[datetime]().union(*findings.expired.values())),
        held_back=tuple(findings.held_back),
        rows=findings.rows,
        checked={promise: findings.checked[promise] for promise in PROMISES},
        first=first,
        last=last,
        seconds=seconds,
        not_compared=tuple(sorted(_not_compared())),
    )


def _not_compared() -> Iterator[str]:
    compared_tables = {one.table for one in active_aggregates()}
    yield from (one.path.stem for one in uncompared_models(active_packs(), compared_tables))


def _files(table: Table, findings: Findings) -> None:
    """Look for each data file of a table, and at the checksums of its pages."""
    try:
        hourly = set(HOUR_COLUMNS) <= set(table.partition_columns())
        hours = findings.hours if hourly else None
        damaged, changed = damaged_files(table, hours), changed_files(table, hours)
    except LakeError as error:
        if error.transient:
            raise
        findings.unreadable.add(name_of(table))
        findings.fail("files", table, None, "a log that can be read", str(error))
        return
    finally:
        findings.checked["files"] += 1
    for file in damaged.iter_rows(named=True):
        found = "no such file" if file["found"] is None else f"{file['found']:,} bytes"
        _damaged(table, findings, file, f"{file['bytes']:,} bytes", found)
    for file in changed.filter(~pl.col("path").is_in(damaged["path"].implode())).iter_rows(
        named=True
    ):
        found = f"column {file['column']} was changed after it was written"
        _damaged(table, findings, file, "pages that fit their checksums", found)


def _damaged(
    table: Table, findings: Findings, file: Mapping[str, Any], expected: str, found: str
) -> None:
    """Note a data file that nothing more is asked of, nor of the others of its hour."""
    hourly = HOUR_COLUMN in file
    name = file["path"].rpartition("/")[2] if hourly else file["path"]
    hour = hour_key(file) if hourly else None
    findings.fail("files", table, hour, f"{name}: {expected}", found)
    if hourly:
        starts = hour_starts(pl.DataFrame([{name: file[name] for name in HOUR_COLUMNS}]))
        findings.damaged.setdefault(name_of(table), set()).update(starts)


def _aggregate(
    lake: Lake, aggregate: Aggregate, tables: Collection[Table], findings: Findings
) -> None:
    """Compare an aggregate with its facts, in the hours that all of its tables have whole."""
    if findings.unreadable & set(map(name_of, tables)):
        return
    hours, out = _whole_hours(tables, findings)
    try:
        found = [compared(aggregate, lake, ranges_without(some, out)) for some in _parts(hours)]
    except (*UNREADABLE, PackError):  # the engines have many words for a file as long as it was
        if not any(note_unreadable(table, findings) for table in tables):
            raise
        _aggregate(lake, aggregate, tables, findings)  # without these hours
        return
    findings.checked["aggregates"] += len(hours)
    table = lake.table(AGGREGATES, aggregate.table)
    for row in (row for differing in found for row in differing.iter_rows(named=True)):
        expected = f"{row['measure']} {_number(row['expected'])}, from the facts"
        differ = f"{_number(row['found'])}; {row['groups']:,} groups differ"
        findings.fail("aggregates", table, hour_key(row), expected, differ)


def _whole_hours(
    tables: Collection[Table], findings: Findings
) -> tuple[list[datetime], set[datetime]]:
    """The hours of any of the tables that all of them have whole; and those that some has not."""
    out = set[datetime]()
    present = set[datetime]()
    for table in tables:
        name = name_of(table)
        out |= findings.damaged.get(name, set()) | findings.expired.get(name, set())
        present.update(hour_starts(table.rows_by_hour(findings.hours)))
    return sorted(present - out), out


def _number(value: float) -> str:
    is_whole = isinstance(value, int) or (math.isfinite(value) and value == int(value))
    return f"{value:,.0f}" if is_whole else f"{value:,.6f}"


def _parts(hours: Sequence[datetime]) -> Iterator[Sequence[datetime]]:
    for first in range(0, len(hours), _HOURS_AT_A_TIME):
        yield hours[first : first + _HOURS_AT_A_TIME]
