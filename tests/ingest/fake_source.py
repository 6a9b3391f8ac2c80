"""A source whose state is made up here: rows, and the transactions that wrote them.

It answers what is asked of a PostgreSQL table, so that stories of late rows need neither a server
nor runs; that the real one answers so, `test_arrivals.py` and one whole story show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from chimera_assets.hours import HourRange, floor_hour
from chimera_assets.sources.arrivals import Arrivals, Arrived, Look, Moment
from chimera_assets.sources.snapshot import Snapshot
from chimera_assets.sources.stream import stream_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from chimera_assets.contracts import Contract
    from chimera_assets.sources.batch import Batch


@dataclass
class FakeTable:
    """Rows of `generations` by id, each with the transaction that wrote it last; is its source."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    next_xid: int = 100

    def write(self, *rows: dict[str, Any]) -> None:
        """One transaction that inserts rows, or changes those that are there."""
        for row in rows:
            self.rows[row["event_id"]] = row | {"_xid": self.next_xid}
        self.next_xid += 1

    def verify(self, _contract: Contract) -> list[str]:
        return []

    def now(self, contract: Contract, **_: object) -> FakeState:
        return FakeState(contract, pl.DataFrame(list(self.rows.values())), self.next_xid)


class FakeState:
    """The table at one moment."""

    def __init__(self, contract: Contract, rows: pl.DataFrame, next_xid: int) -> None:
        self._contract, self._next = contract, next_xid
        times = [
            pl.col(name).str.to_datetime(time_unit="us", time_zone="UTC")
            for name in ("timestamp", "created_at")
        ]
        self._rows = rows.with_columns(times).with_columns(
            _placed=pl.col("timestamp").dt.truncate("1h")
        )
        moment = Moment(Snapshot(next_xid), "server", 5, frozenset({1}), taken_at=datetime.now(UTC))
        self.look = Look(moment, next_xid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def _arrived(self, floor: int) -> pl.DataFrame:
        return self._rows.filter(pl.col("_xid") >= floor)

    def arrivals(self, since: Moment | None, hours: HourRange) -> Arrivals:
        now = self.look.now
        assert now is not None
        floor = since.snapshot.floor(now.snapshot) if since is not None else 0
        found = (
            self._arrived(floor)
            .group_by("_placed")
            .agg(
                rows=pl.len(),
                newest=pl.col("_xid").max(),
                earliest=pl.col("created_at").min(),
                latest=pl.col("created_at").max(),
            )
        )
        by_hour = {hour: Arrived(*numbers) for hour, *numbers in found.iter_rows() if hour in hours}
        return Arrivals(now, since, floor, hours=by_hour)

    def arrived_keys(
        self, found: Arrivals, hours: Iterable[datetime], before: datetime | None
    ) -> Iterator[pa.RecordBatch]:
        wanted = pl.col("_placed").is_in(list(hours))
        if before is not None:
            wanted |= pl.col("created_at") < before
        return self._keys(self._arrived(found.floor).filter(wanted))

    def keys(self, hours: HourRange) -> Iterator[pa.RecordBatch]:
        return self._keys(self._of(hours))

    def count_keys(self, keys: str) -> int:
        asked = {one["event_id"] for one in json.loads(keys)}
        return self._rows.filter(pl.col("event_id").is_in(asked)).height

    def rows_by_hour(self, hours: HourRange) -> dict[datetime, int]:
        counted = self._of(hours).group_by("_placed").len()
        return dict.fromkeys(hours, 0) | dict(counted.iter_rows())

    def rows(self, hours: HourRange, batch: Batch) -> pa.RecordBatchReader:
        schema = stream_schema(self._contract, hourly=True)
        frame = self._of(hours).with_columns(
            hour_partition=pl.col("_placed").dt.date(),
            hour=pl.col("_placed").dt.hour(),
            _batch_id=pl.lit(batch.batch_id),
            _ingested_at=pl.lit(batch.ingested_at),
            _unreadable=pl.lit(None, dtype=pl.String),
        )
        lacking = [pl.lit(None).alias(name) for name in schema.names if name not in frame.columns]
        frame = frame.with_columns(lacking)
        return frame.select(schema.names).to_arrow().cast(schema).to_reader()

    def _of(self, hours: HourRange) -> pl.DataFrame:
        last = floor_hour(hours.end)
        return self._rows.filter(pl.col("_placed").is_between(hours.start, last, closed="left"))

    @staticmethod
    def _keys(rows: pl.DataFrame) -> Iterator[pa.RecordBatch]:
        yield from rows.select("_placed", "event_id").to_arrow().to_batches()
