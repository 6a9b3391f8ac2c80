"""Verification: every promise recounted over the hours, and every hour named that breaks one.

Rows an hour come from the tables' logs, which costs the same however many rows there are; where
rows lie, whose batch they are of, their keys and what they add up to are read from the files, only
the columns needed, in bounded memory.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.lake import LakeError
from chimera_assets.lake.integrity import damaged_files
from chimera_assets.lake.removal import runs, starts
from chimera_assets.layers import AGGREGATES, MARTS, RAW
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.reconciliation.aggregates import compared
from chimera_assets.reconciliation.findings import (
    PROMISES,
    Failure,
    hour_key,
    key_of,
    rows_in_words,
)
from chimera_assets.reconciliation.recount import UNREADABLE, Recount, unreadable_hours
from chimera_assets.reconciliation.row_balance import layers, row_balance

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake, Table
    from chimera_assets.packs.aggregates import Aggregate

#: Without these nothing can be said of any hour.
_ACCOUNTS = ("quality/batches", "quality/dropped")

_UTC = pl.Datetime("us", "UTC")

#: Hours whose aggregates are compared at a time.
_HOURS_AT_A_TIME = 31 * 24


@dataclass(frozen=True, slots=True)
class Verification:
    """What was recounted, and what does not hold.

    Attributes:
        failures: Every broken promise by table and hour, in the order of `PROMISES`, then time.
        hours: Hours that were looked at, of any stream.
        expired: Those of them from which retention has deleted rows, which are not missed.
        rows: Rows that were read, each as often as layers have it.
        checked: Promise -> how many hours of tables (for `files`: tables) it was recounted for.
        first: The first of these hours; None if there is none.
        last: The last.
        seconds: How long it took.
    """

    failures: tuple[Failure, ...]
    hours: int
    expired: int
    rows: int
    checked: dict[str, int]
    first: str | None
    last: str | None
    seconds: float


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
    found = _Verifying(lake, hours)
    there = lake.tables()
    for layer, name in there:
        found.files(lake.table(layer, name))
    for contract in contracts.values():
        if contract.kind == "stream":
            found.stream(contract, needs_facts=contract.stream in with_facts)
    for aggregate in active_aggregates():
        tables = [(AGGREGATES, aggregate.table), *((MARTS, fact) for fact in aggregate.facts)]
        if set(tables) <= set(there):
            found.aggregate(aggregate, [lake.table(*each) for each in tables])
    return found.result(time.perf_counter() - started)


class _Verifying:
    """One verification while it goes on."""

    def __init__(self, lake: Lake, hours: HourRange | None) -> None:
        self._lake, self._hours = lake, hours
        self._failures: list[Failure] = []
        self._checked: Counter[str] = Counter()
        self._damaged: dict[str, set[datetime]] = {}
        self._expired: dict[str, set[datetime]] = {}
        self._unreadable: set[str] = set()
        self._seen: set[datetime] = set()
        self._rows = 0

    def result(self, seconds: float) -> Verification:
        order = list(PROMISES)
        failures = sorted(
            self._failures, key=lambda f: (order.index(f.promise), f.hour or "", f.table)
        )
        first, last = (
            (key_of(edge(self._seen)) for edge in (min, max)) if self._seen else (None, None)
        )
        checked = {promise: self._checked[promise] for promise in PROMISES}
        expired = len(set[datetime]().union(*self._expired.values()))
        return Verification(
            failures=tuple(failures),
            hours=len(self._seen),
            expired=expired,
            rows=self._rows,
            checked=checked,
            first=first,
            last=last,
            seconds=seconds,
        )

    def files(self, table: Table) -> None:
        """Look for each data file of a table."""
        try:
            hourly = set(HOUR_COLUMNS) <= set(table.partition_columns())
            damaged = damaged_files(table, self._hours if hourly else None)
        except LakeError as error:
            if error.transient:
                raise
            self._unreadable.add(_name(table))
            self._fail("files", table, None, "a log that can be read", str(error))
            return
        finally:
            self._checked["files"] += 1
        for file in damaged.iter_rows(named=True):
            found = "no such file" if file["found"] is None else f"{file['found']:,} bytes"
            name = file["path"].rpartition("/")[2] if hourly else file["path"]
            expected = f"{name}: {file['bytes']:,} bytes"
            self._fail("files", table, hour_key(file) if hourly else None, expected, found)
            if hourly:
                hour = starts(pl.DataFrame([{name: file[name] for name in HOUR_COLUMNS}]))
                self._damaged.setdefault(_name(table), set()).update(hour)

    def stream(self, contract: Contract, *, needs_facts: bool) -> None:
        """Recount a stream's rows in all its layers."""
        tables = layers(self._lake, contract)
        if self._unreadable & {*map(_name, tables.values()), *_ACCOUNTS}:
            return  # the table was named; nothing can be said of its hours
        hours = row_balance(self._lake, contract, self._hours)
        self._seen.update(starts(hours))
        has_facts = tables["facts"].exists() or needs_facts
        for hour in hours.iter_rows(named=True):
            self._conservation(tables, hour)
            if has_facts:
                self._facts(tables, hour)
        for layer, moment in (("staged", "staged_expired"), ("facts", "facts_expired")):
            gone = starts(hours.filter(moment))
            self._expired[_name(tables[layer])] = set(gone)
        counted = {
            name: self._recounted(contract, tables[name])
            for name in ("raw", "staged", "facts")
            if tables[name].exists()
        }
        self._batches(tables, hours, counted)

    def _conservation(self, tables: Mapping[str, Table], hour: dict[str, Any]) -> None:
        """Each layer against the hour's newest account; staged against the newest published."""
        self._checked["conservation"] += 1
        key = hour_key(hour)
        if hour["extracted"] is None:
            there = ", ".join(f"{hour[name]:,} {name}" for name in tables if hour[name])
            expected = "an account of the hour in quality/batches"
            self._fail("conservation", tables["raw"], key, expected, f"none, but {there}")
            return
        if not hour["raw_expired"] and hour["raw"] != hour["extracted"]:
            expected = f"{rows_in_words(hour['extracted'])}, as extracted"
            self._fail("conservation", tables["raw"], key, expected, rows_in_words(hour["raw"]))
        published = hour["published_rows"] or 0
        if not hour["staged_expired"] and hour["staged"] != published:
            expected = f"{rows_in_words(published)}, as published"
            found = rows_in_words(hour["staged"])
            self._fail("conservation", tables["staged"], key, expected, found)
        waiting, gone, rejected = hour["quarantined"], hour["purged"], hour["rejected"]
        # A purge that died between its trace and its commit is told twice; hence no equation.
        if not waiting <= rejected <= waiting + gone:
            less = f" less {gone:,} purged" if gone else ""
            expected = f"{rows_in_words(rejected)}, as rejected{less}"
            found = rows_in_words(waiting)
            self._fail("conservation", tables["quarantined"], key, expected, found)

    def _facts(self, tables: Mapping[str, Table], hour: dict[str, Any]) -> None:
        if hour["staged_expired"] or hour["facts_expired"]:
            return
        self._checked["facts"] += 1
        if hour["facts"] != hour["staged"]:
            expected = f"{rows_in_words(hour['staged'])}, as staged"
            found = rows_in_words(hour["facts"])
            self._fail("facts", tables["facts"], hour_key(hour), expected, found)

    def _recounted(self, contract: Contract, table: Table) -> pl.DataFrame:
        """The hours of a table as its files have them; their promises checked on the way."""
        recount = Recount(contract, table, self._intact(table))
        try:
            hours = recount.hours()
        except UNREADABLE:
            self._find_unreadable(table)
            recount = Recount(contract, table, self._intact(table))
            hours = recount.hours()
        self._rows += int(hours["rows"].sum())
        self._logged(table, hours)
        if table.layer == RAW:  # as received: rows may be wrong, and come twice
            return hours
        self._checked["placement"] += hours.height
        for hour in hours.filter(pl.col("misplaced") > 0).iter_rows(named=True):
            found = f"{rows_in_words(hour['misplaced'])} of other hours"
            self._fail("placement", table, hour_key(hour), "rows of this hour only", found)
        self._checked["keys"] += hours.height
        for hour in recount.repeated_keys().iter_rows(named=True):
            where = f", also in {', '.join(hour['elsewhere'])}" if hour["elsewhere"] else ""
            found = f"{rows_in_words(hour['rows'])} with a key that is there again{where}"
            self._fail("keys", table, hour_key(hour), "each key once", found)
        return hours

    def _logged(self, table: Table, hours: pl.DataFrame) -> None:
        """The log's own row counts, on which all other counts rest, against the files."""
        logged = table.rows_by_hour(self._hours).rename({"rows": "logged"})
        both = hours.join(logged, on=HOUR_COLUMNS, how="left")
        for hour in both.filter(pl.col("rows").ne_missing(pl.col("logged"))).iter_rows(named=True):
            expected = f"{rows_in_words(hour['logged'])}, as the log says"
            self._fail("files", table, hour_key(hour), expected, rows_in_words(hour["rows"]))

    def _batches(
        self, tables: Mapping[str, Table], hours: pl.DataFrame, counted: Mapping[str, pl.DataFrame]
    ) -> None:
        """The newest batch of an hour's rows is the one that its account speaks of."""
        for layer, rows in counted.items():
            column = "batch_id" if layer == "raw" else "published_batch_id"
            both = rows.join(hours.select(*HOUR_COLUMNS, column), on=HOUR_COLUMNS)
            known = both.filter(pl.col(column).is_not_null())
            self._checked["batches"] += known.height
            newer = pl.col("last_batch").ne_missing(pl.col(column))
            if layer != "raw":
                # The rows of the newest batch may all have been rejected, or be older twins.
                newer = pl.col("last_batch") > pl.col(column)
            for hour in known.filter(newer.fill_null(value=True)).iter_rows(named=True):
                self._fail(
                    "batches",
                    tables[layer],
                    hour_key(hour),
                    f"rows of batch {hour[column]} at the latest",
                    f"rows of batch {hour['last_batch']}",
                )
        if {"staged", "facts"} <= counted.keys():
            self._stale_facts(tables, counted)

    def _stale_facts(
        self, tables: Mapping[str, Table], counted: Mapping[str, pl.DataFrame]
    ) -> None:
        """Facts made from rows that were staged before, although as many."""
        both = counted["facts"].join(counted["staged"], on=HOUR_COLUMNS, suffix="_staged")
        out = pl.Series(sorted(self._expired[_name(tables["facts"])]), dtype=_UTC)
        batches = ("first_batch", "last_batch")
        stale = both.filter(
            ~HOUR_START.is_in(out.implode()),
            pl.any_horizontal(pl.col(n).ne_missing(pl.col(f"{n}_staged")) for n in batches),
        )
        for hour in stale.iter_rows(named=True):
            expected = f"rows of batch {hour['last_batch_staged']}, as staged"
            found = f"rows of batch {hour['last_batch']}"
            self._fail("batches", tables["facts"], hour_key(hour), expected, found)

    def aggregate(self, aggregate: Aggregate, tables: Collection[Table]) -> None:
        """Compare an aggregate with its facts, in the hours that all of its tables have whole."""
        if self._unreadable & set(map(_name, tables)):
            return
        out = set[datetime]()
        present = set[datetime]()
        for table in tables:
            out |= self._damaged.get(_name(table), set()) | self._expired.get(_name(table), set())
            present.update(starts(table.rows_by_hour(self._hours)))
        hours = sorted(present - out)
        self._checked["aggregates"] += len(hours)
        table = self._lake.table(AGGREGATES, aggregate.table)
        for some in _parts(hours):
            differing = compared(aggregate, self._lake, _ranges(some, out))
            for row in differing.iter_rows(named=True):
                expected = f"{row['measure']} {_number(row['expected'])}, from the facts"
                found = f"{_number(row['found'])}; {row['groups']:,} groups differ"
                self._fail("aggregates", table, hour_key(row), expected, found)

    def _find_unreadable(self, table: Table) -> None:
        hours = starts(table.rows_by_hour(self._hours))
        known = self._damaged.setdefault(_name(table), set())
        single = [HourRange.single(hour) for hour in hours if hour not in known]
        for hour in unreadable_hours(table, single):
            known.add(hour.start)
            self._fail("files", table, str(hour), "files that can be read", "a file that cannot")

    def _intact(self, table: Table) -> list[HourRange]:
        """The hours that the table has, without those whose files are damaged."""
        damaged = self._damaged.get(_name(table), set())
        present = starts(table.rows_by_hour(self._hours))
        return _ranges([hour for hour in present if hour not in damaged], damaged)

    def _fail(
        self, promise: str, table: Table, hour: str | None, expected: str, found: str
    ) -> None:
        self._failures.append(Failure(promise, _name(table), hour, expected, found))


def _name(table: Table) -> str:
    return f"{table.layer}/{table.name}"


def _ranges(hours: Collection[datetime], without: Collection[datetime]) -> list[HourRange]:
    """Hours as few ranges, none of which holds an hour that is to be left out."""
    return list(runs(hours, [*hours, *without]))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.6f}"


def _parts(hours: Sequence[datetime]) -> Iterator[Sequence[datetime]]:
    for first in range(0, len(hours), _HOURS_AT_A_TIME):
        yield hours[first : first + _HOURS_AT_A_TIME]
