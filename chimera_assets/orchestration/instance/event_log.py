"""Dagster's event log in SQLite, with the events of partitions written in batches.

A range run reports every partition of every asset: planned, materialized, checked. Ninety days of
hours are tens of thousands of events, and Dagster's SQLite event log opens, commits and closes two
databases for each one (some 20 ms), so that the bookkeeping of a backfill would take ten times as
long as its work. Here, events of that kind wait in memory until one of another kind follows or a
second has passed, and go in together: one transaction for each database. A run's steps end with
such another event, so what is lost if the process dies is what a died step would have reported
anyway. What is planned for a range is one event, indexed by each of its partitions.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, DagsterEventType
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS

from chimera_assets.orchestration.instance import event_rows
from chimera_assets.orchestration.instance.event_serializer import EventSerializer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dagster._core.events.log import EventLogEntry

#: The kinds that a run reports of each asset and check, and a range run of each partition.
BATCHED = frozenset(
    {
        DagsterEventType.ASSET_MATERIALIZATION,
        DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        DagsterEventType.ASSET_CHECK_EVALUATION,
        DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
        DagsterEventType.STEP_OUTPUT,
    }
)
BATCH_SIZE = 2_000

#: So long does the first of a batch wait at most while others follow: pages show it meanwhile.
_WAIT_SECONDS = 1.0

#: What the index has, too, in which the events of all runs are found by asset.
_INDEXED = ASSET_EVENTS | ASSET_CHECK_EVENTS


class BatchingSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's SQLite event log, writing runs of partition events in one transaction."""

    def __init__(self, base_dir: str) -> None:
        self._waiting: list[EventLogEntry] = []
        self._waiting_since = 0.0
        self._waiting_lock = threading.RLock()
        self._engines: dict[str, sa.Engine] = {}
        self._serializer = EventSerializer()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        """A connection in a transaction; the index's and the latest run's are kept open."""
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine(self, shard: str) -> sa.Engine:
        if shard not in self._engines:
            for other in set(self._engines) - {INDEX_SHARD_NAME}:
                self._engines.pop(other).dispose()
            self._engines[shard] = sa.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=sa.StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            # The log is written ahead (WAL): only a power cut can take its last moments, never tear
            # it, and a run of whose end nothing is known is simply run again.
            sa.event.listen(
                self._engines[shard],
                "connect",
                lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL"),
            )
        return self._engines[shard]

    def store_event(self, event: EventLogEntry) -> None:
        """Keep a partition's event for the next flush; write any other one at once, after them."""
        with self._waiting_lock:
            if event.is_dagster_event and event.dagster_event_type in BATCHED:
                if not self._waiting:
                    self._waiting_since = time.monotonic()
                self._waiting.append(event)
                waited = time.monotonic() - self._waiting_since
                if len(self._waiting) >= BATCH_SIZE or waited > _WAIT_SECONDS:
                    self.flush()
                return
            self.flush()
            super().store_event(event)

    @property
    def supports_partition_subset_in_asset_materialization_planned_events(self) -> bool:
        """Whether one planned event may be for many partitions; `flush` indexes it by each."""
        return True

    def flush(self) -> None:
        """Write the events that wait: one transaction a run's database, one in the index."""
        with self._waiting_lock:
            events, self._waiting = self._waiting, []
        if not events:
            return
        rows = [self._event_to_row(event) for event in events]
        by_run: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            by_run[row["run_id"]].append(row)
        for run_id, run_rows in by_run.items():
            with super().run_connection(run_id) as connection:
                event_rows.insert(connection, run_rows)
        indexed = [
            (event, row)
            for event, row in zip(events, rows, strict=True)
            if event.dagster_event_type in _INDEXED
        ]
        if indexed:
            self._index([event for event, _ in indexed], [row for _, row in indexed])

    def _index(self, events: Sequence[EventLogEntry], rows: Sequence[dict[str, Any]]) -> None:
        with super().index_connection() as connection:
            ids = event_rows.insert(connection, rows)
            by_partition = [
                planned
                for event, row in zip(events, rows, strict=True)
                for planned in event_rows.by_partition(event, row)
            ]
            if by_partition:
                event_rows.insert(connection, by_partition)
            self._index_asset_events(connection, events, rows, ids)
            event_rows.index_planned_checks(connection, events, rows, ids)
            event_rows.index_check_evaluations(connection, events, rows, ids)

    def _index_asset_events(
        self,
        connection: sa.Connection,
        events: Sequence[EventLogEntry],
        rows: Sequence[dict[str, Any]],
        ids: Sequence[int],
    ) -> None:
        event_rows.insert_tags(
            connection,
            [
                (event_id, row, key, value)
                for event, row, event_id in zip(events, rows, ids, strict=True)
                for key, value in self._tags_for_asset_event(event).items()
            ],
        )
        pairs = [
            (e, i) for e, i in zip(events, ids, strict=True) if e.dagster_event_type in ASSET_EVENTS
        ]
        # An asset's entry keeps only its latest event of each kind.
        latest = {(e.get_dagster_event().asset_key, e.dagster_event_type): (e, i) for e, i in pairs}
        for event, event_id in latest.values():
            self._store_asset_event(connection, event, event_id)

    def _event_to_row(self, event: EventLogEntry) -> dict[str, Any]:
        """The event's row, as Dagster's own, but serialized with what it shares with the last."""
        if not event.is_dagster_event or event.dagster_event_type not in BATCHED:
            row: dict[str, Any] = super()._event_to_row(event)
            return row
        dagster_event = event.get_dagster_event()
        key = dagster_event.asset_key
        return {
            "run_id": event.run_id,
            "event": self._serializer(event),
            "dagster_event_type": dagster_event.event_type_value,
            "timestamp": self._event_insert_timestamp(event),  # type: ignore[no-untyped-call]
            "step_key": dagster_event.step_key,
            "asset_key": key.to_string() if key else None,
            "partition": dagster_event.partition,
        }

    @contextmanager
    def run_connection(self, run_id: str | None = None) -> Iterator[Any]:
        """A connection for a reader, who also sees what still waits."""
        self.flush()
        with super().run_connection(run_id) as connection:
            yield connection

    @contextmanager
    def index_connection(self) -> Iterator[Any]:
        """A connection for a reader, who also sees what still waits."""
        self.flush()
        with super().index_connection() as connection:
            yield connection

    def dispose(self) -> None:
        """Write what waits before the storage goes."""
        self.flush()
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()
