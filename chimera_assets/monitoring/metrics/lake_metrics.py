"""Metrics of the lake: streams, tables, and what the newest hours of the aggregates say.

Rows, bytes and hours come from the tables' logs. Data is read of few hours only: batch counts of
the newest seven days, the aggregates of the newest 24 hours; and only when those tables have a new
version. So the cost neither grows with the lake's history nor recurs while nothing happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMNS, ONE_HOUR, HourRange
from chimera_assets.ingest.unfinished import unfinished
from chimera_assets.ingest.watermark import NO_HOURS
from chimera_assets.ingest.watermark_commits import current_watermark
from chimera_assets.lake.data_files import files
from chimera_assets.layers import (
    AGGREGATES,
    MARTS,
    QUALITY,
    QUARANTINE,
    RAW,
    STAGED,
    fact_table,
)
from chimera_assets.monitoring.metrics.families import Sample
from chimera_assets.monitoring.metrics.pack_metrics import pack_metric_samples
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.packs.metrics import NEWEST_HOURS
from chimera_assets.quality.event_lag import allowed_lag, lag_of
from chimera_assets.system_tables.batches import NAME as BATCHES
from chimera_assets.system_tables.batches import batches_table, newest_batches_of_days

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake
    from chimera_assets.packs.metrics import Metrics

_DAYS = timedelta(days=7)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _State:
    """What a table's log says of its newest version."""

    rows: int
    bytes: int
    files: int
    last_hour: datetime | None


_EMPTY = _State(0, 0, 0, None)


class LakeMetrics:
    """Collects the samples of a lake; keeps what it read until the tables have newer versions.

    Args:
        lake: The lake.
        contracts: The contracts of its streams and reference tables.
    """

    def __init__(self, lake: Lake, contracts: Collection[Contract]) -> None:
        self._lake = lake
        self._contracts = contracts
        self._kept: dict[str, tuple[object, Any]] = {}

    def samples(self, now: datetime) -> Iterator[Sample]:
        """The samples of all streams and tables."""
        states = {(layer, name): self._state(layer, name) for layer, name in self._lake.tables()}
        for contract in self._contracts:
            yield from self._stream(contract, states, now)
            if (RAW, contract.stream) in states and contract.kind == "stream":
                yield Sample("chimera_pending_hours", (contract.stream,), self._pending(contract))
        for table, state in states.items():
            yield Sample("delta_lake_row_count", table, state.rows)
            yield Sample("delta_lake_size_bytes", table, state.bytes)
            yield Sample("delta_lake_file_count", table, state.files)
        yield from self._batches(states)
        for aggregate in active_aggregates():
            if aggregate.metrics is not None:
                yield from self._pack_metrics(aggregate.table, aggregate.metrics, states)

    def _state(self, layer: str, name: str) -> _State:
        table = self._lake.table(layer, name)

        def read() -> _State:
            stats = table.stats()
            return _State(stats.rows, stats.bytes, stats.files, table.last_hour())

        return self._once(f"{layer}/{name}", table.version(), read)

    def _once(self, what: str, version: object, read: Callable[[], _T]) -> _T:
        known = self._kept.get(what)
        if known is None or known[0] != version:
            known = self._kept[what] = (version, read())
        value: _T = known[1]
        return value

    def _pending(self, contract: Contract) -> int:
        lake, stream = self._lake, contract.stream
        tables = [
            lake.table(RAW, stream),
            lake.table(MARTS, fact_table(stream)),
            batches_table(lake),
        ]
        versions = tuple(table.version() if table.exists() else None for table in tables)

        def read() -> int:
            watermark = current_watermark(lake, stream)
            pending = watermark.pending if watermark is not None else NO_HOURS
            return len(pending | unfinished(lake, stream, watermark))

        return self._once(f"pending {stream}", versions, read)

    @staticmethod
    def _stream(
        contract: Contract, states: Mapping[tuple[str, str], _State], now: datetime
    ) -> Iterator[Sample]:
        stream = (contract.stream,)
        quarantine = states.get((QUARANTINE, contract.stream), _EMPTY)
        yield Sample("chimera_quarantine_rows", stream, quarantine.rows)
        yield Sample("data_quality_pass_rate_threshold", stream, contract.pass_rate)
        if contract.kind != "stream":
            return
        limit = allowed_lag(contract).total_seconds()
        yield Sample("chimera_event_lag_limit_seconds", stream, limit)
        staged = states.get((STAGED, contract.stream), _EMPTY)
        published = states.get((MARTS, fact_table(contract.stream)), staged).last_hour
        lag = lag_of(published, now)
        if published is not None and lag is not None:
            end = published + ONE_HOUR
            yield Sample("chimera_event_timestamp_seconds", stream, end.timestamp())
            yield Sample("chimera_event_lag_seconds", stream, lag.total_seconds())

    def _batches(self, states: Mapping[tuple[str, str], _State]) -> Iterator[Sample]:
        """The newest pass rate and the blocked hours of every stream."""
        if (QUALITY, BATCHES) not in states:
            return
        table = batches_table(self._lake)
        days = {
            contract.stream: last.date()
            for contract in self._contracts
            if (last := states.get((RAW, contract.stream), _EMPTY).last_hour) is not None
        }
        version = (table.version(), tuple(days.items()))
        yield from self._once(
            "batches", version, lambda: list(_batch_samples(self._lake, self._contracts, days))
        )

    def _pack_metrics(
        self, name: str, metrics: Metrics, states: Mapping[tuple[str, str], _State]
    ) -> Iterator[Sample]:
        """What an aggregate says of its newest hours."""
        last = states.get((AGGREGATES, name), _EMPTY).last_hour
        if last is None:
            return
        table = self._lake.table(AGGREGATES, name)
        hours = HourRange(last - (NEWEST_HOURS - 1) * ONE_HOUR, last + ONE_HOUR)
        yield from self._once(
            f"newest of {name}",
            table.version(),
            lambda: list(pack_metric_samples(metrics, table.read(hours).collect(), last)),
        )


def _batch_samples(
    lake: Lake, contracts: Collection[Contract], days: Mapping[str, date]
) -> Iterator[Sample]:
    """The samples of the batch counts.

    Args:
        lake: The lake.
        contracts: All contracts.
        days: The day of a stream's newest extracted hour. Reference tables have none: in the
            batch counts they stand under the day of their run.
    """
    table = batches_table(lake)
    listed = files(table, table.delta(), None)
    newest: date | None = listed[DAY_COLUMN].max()  # type: ignore[assignment]
    windows: dict[date, list[str]] = {}
    for contract in contracts:
        if (day := days.get(contract.stream, newest)) is not None:
            windows.setdefault(day, []).append(contract.stream)
    for day, streams in windows.items():
        latest = newest_batches_of_days(lake, streams, day - _DAYS, day)
        for (stream,), batches in latest.group_by("stream"):
            yield from _of_batches(str(stream), batches.sort(HOUR_COLUMNS))


def _of_batches(stream: str, batches: pl.DataFrame) -> Iterator[Sample]:
    newest = batches.row(-1, named=True)
    judged: datetime = batches["judged_at"].max()  # type: ignore[assignment]
    blocked = batches.filter(~pl.col("published")).height
    yield Sample("data_quality_pass_rate", (stream,), newest["pass_rate"])
    yield Sample("chimera_judged_timestamp_seconds", (stream,), judged.timestamp())
    yield Sample("chimera_blocked_hours", (stream,), blocked)
