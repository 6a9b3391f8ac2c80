"""The life of a record in one hour, told from the tables of each layer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.layers import AGGREGATES, LANDING, MARTS, QUARANTINE, RAW, STAGED
from chimera_assets.lineage.aggregate_rows import FactRows, counted_in
from chimera_assets.lineage.facts import fact_tables, readers
from chimera_assets.lineage.gone_tables import gone_tables
from chimera_assets.lineage.happenings import happened
from chimera_assets.lineage.record import HourLineage, Origin
from chimera_assets.lineage.row_states import states
from chimera_assets.lineage.stored import from_first, now_of, stored_in
from chimera_assets.lineage.table_log import TableLog
from chimera_assets.lineage.verdicts import Judged, verdicts
from chimera_assets.system_tables.batches import hour_history
from chimera_assets.system_tables.deletion_log import deletions
from chimera_assets.system_tables.replays import replays_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

    from chimera_assets.lake import Lake, Table
    from chimera_assets.lineage.key import RecordKey
    from chimera_assets.lineage.record import Counted, Happened, Stored
    from chimera_assets.lineage.row_states import State
    from chimera_assets.lineage.whereabouts import AtSource
    from chimera_assets.packs.aggregates import Aggregate
    from chimera_assets.privacy.origins import Lineages

_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)

#: The layers that have the rows of a stream, in the order in which a record comes into them.
_ORDER = (LANDING, RAW, QUARANTINE, STAGED)


class HourTracer:
    """Tells the life of one record, hour by hour; reads each table's log once.

    Args:
        lake: The lake.
        key: The record.
        said: What the operational database says of it.
        aggregates: The aggregates of all packs.
        lineages: What models make their columns of.
    """

    def __init__(
        self,
        lake: Lake,
        key: RecordKey,
        said: AtSource,
        aggregates: Sequence[Aggregate],
        lineages: Lineages,
    ) -> None:
        self._lake, self._key, self._said = lake, key, said
        self._contract = key.contract
        self._aggregates, self._lineages = aggregates, lineages
        self._logs: dict[tuple[str, str], TableLog] = {}

    def log(self, layer: str, name: str | None = None) -> TableLog:
        """The log of a table, by default of the stream's in a layer."""
        place = (layer, name or self._contract.stream)
        if place not in self._logs:
            self._logs[place] = TableLog(self._lake.table(*place))
        return self._logs[place]

    def was_in_raw(self, hour: datetime) -> bool:
        """Whether raw has the record in an hour, or ever had, as far as files still tell."""
        return bool(self._states(RAW, hour))

    def told(self, hour: datetime | None) -> HourLineage:
        """The record's life in an hour; in none, if its table is a reference table."""
        found = {layer: self._states(layer, hour) for layer in _ORDER}
        facts = list(self._facts(hour)) if hour is not None else []
        replays = set(self._replays(hour))
        history = [
            one for layer in _ORDER for one in happened(self.log(layer), found[layer], replays)
        ]
        for log, rows in facts:
            history += happened(log, rows, replays)
        history.sort(key=lambda one: one.at or _EARLIEST)
        now = {layer: now_of(rows) for layer, rows in found.items()}
        stored = {layer: stored_in(self.log(layer), found[layer]) for layer in _ORDER}
        counted = tuple(self._counted(facts, hour)) if hour is not None else ()
        return HourLineage(
            hour,
            origins=tuple(self._origins(hour, now, found[RAW])),
            raw=stored[RAW],
            quarantine=self._rejected_by(stored[QUARANTINE], hour),
            staged=stored[STAGED],
            rows=verdicts(self._contract, hour, self._judged(hour, now)),
            facts=tuple(filter(None, (stored_in(log, rows) for log, rows in facts))),
            counted=counted,
            read_by=self._read_by(facts, counted),
            history=tuple(history),
            notes=tuple(self._notes(hour, [*found.items()], history)),
        )

    def _states(self, layer: str, hour: datetime | None) -> list[State]:
        """The record's states in a stream's table, from the first one in which it was there."""
        log = self.log(layer)
        if not log.table.exists():
            return []
        matches = self._key.matches_rejected() if layer == QUARANTINE else self._key.matches()
        return from_first(states(log, hour, matches))

    def _facts(self, hour: datetime | None) -> Iterator[tuple[TableLog, list[State]]]:
        for table, columns in self._fact_tables:
            found = from_first(
                states(self.log(MARTS, table.name), hour, self._key.matches(columns))
            )
            if found:
                yield self.log(MARTS, table.name), found

    @cached_property
    def _fact_tables(self) -> list[tuple[Table, Mapping[str, str]]]:
        return fact_tables(self._lake, self._contract, self._lineages)

    @cached_property
    def _readers(self) -> set[str]:
        """The tables, by layer and name, that are made of the stream."""
        there = set(self._lake.tables())
        return {
            f"{layer}/{name}"
            for layer, name in readers(self._lineages, self._contract.stream) & there
        }

    @cached_property
    def _gone(self) -> list[str]:
        """Of each table that may have had the record and is gone, that nothing is told of it."""
        found = gone_tables(self._lake, self._contract, self._lineages)
        return [f"{one}: what it had of the record cannot be said" for one in found]

    def _replays(self, hour: datetime | None) -> list[str]:
        if hour is None:
            return []
        found = replays_of(self._lake, self._contract.stream, HourRange.single(hour))
        return found["run_id"].to_list()

    def _rejected_by(self, stored: Stored | None, hour: datetime | None) -> Stored | None:
        """Where the quarantine has it, with the contract that its run judged by."""
        if stored is None or stored.contract is not None or not self.log(STAGED).table.exists():
            return stored
        # Of a time when it was not kept with the commit; of the same run staged has it.
        same_run = [one for one in self.log(STAGED).commits(hour) if one.run == stored.run]
        contracts = [one.said.get("contract") for one in same_run]
        return replace(stored, contract=contracts[-1]) if contracts else stored

    def _judged(self, hour: datetime | None, now: Mapping[str, pl.DataFrame]) -> Judged:
        raw, staged, rejected = now[RAW], now[STAGED], now[QUARANTINE]
        batches = set(raw["_batch_id"]) if raw.height else set()
        same = bool(staged.height) and bool(batches & set(staged["_batch_id"]))
        judged, published = same or bool(rejected.height), same
        if hour is not None:
            newest = hour_history(self._lake, self._contract.stream, HourRange.single(hour))
            for row in newest.iter_rows(named=True):
                judged = judged or row["batch_id"] in batches
                published = published or (judged and row["published"])
        return Judged(raw, staged, rejected, judged=judged, published=published)

    def _origins(
        self, hour: datetime | None, now: Mapping[str, pl.DataFrame], found: Sequence[State]
    ) -> Iterator[Origin]:
        was_in_raw = bool(found)
        landed = now[LANDING]
        for row in landed.sort("_file", "_line").iter_rows(named=True) if landed.height else ():
            yield Origin("file", row["_file"], row["_line"])
        there = self._said.is_there
        if there and hour is not None:
            there = hour in (self._said.hours or ())
        by_table = there or (was_in_raw and now[RAW].height > landed.height)
        if by_table or (was_in_raw and not landed.height):
            yield Origin("table", self._contract.source_table, None, there)

    def _counted(
        self, facts: Sequence[tuple[TableLog, list[State]]], hour: datetime
    ) -> Iterator[Counted]:
        for log, found in facts:
            rows = now_of(found)
            if rows.height:
                own = rows.drop(HOUR_COLUMNS, strict=False)
                fact = FactRows(self._contract.stream, log.table.name, own, hour)
                yield from counted_in(self._lake, self._aggregates, self._lineages, fact)

    def _read_by(
        self, facts: Sequence[tuple[TableLog, list[State]]], counted: Sequence[Counted]
    ) -> tuple[str, ...]:
        """Tables that are made of the record, or may be, and in which it cannot be named."""
        if not any(now_of(found).height for _, found in facts):
            return ()
        told = {f"{MARTS}/{log.table.name}" for log, _ in facts}
        told |= {f"{AGGREGATES}/{one.table}" for one in self._aggregates}
        return tuple(sorted(self._readers - told - {one.stored.table for one in counted}))

    def _notes(
        self,
        hour: datetime | None,
        found: Sequence[tuple[str, list[State]]],
        history: Sequence[Happened],
    ) -> Iterator[str]:
        for layer, rows in found:
            if rows and rows[0].commit is None:
                log = self.log(layer)
                name = f"{layer}/{log.table.name}"
                begins = f"the log of {name} begins with version {log.oldest}"
                yield f"{begins}: what was before cannot be said"
        yield from self._gone
        if hour is None:
            return
        runs = {one.run for one in history}
        tables = [self.log(layer).table for layer in _ORDER]
        for row in deletions(self._lake, tables, HourRange.single(hour)).iter_rows(named=True):
            if row["run_id"] not in runs:
                yield (
                    f"{row['rows']:,} rows of this hour were deleted from "
                    f"{row['layer']}/{row['table']} by {row['cause']} in run {row['run_id']}: "
                    "whether the record was among them cannot be said"
                )
