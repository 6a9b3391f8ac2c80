"""The rows of Dagster's SQLite event log that a batch of partitions' events becomes.

Written as Dagster's own storage writes them, for many events at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster._core.events import DagsterEventType
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import sqlalchemy as sa
    from dagster._core.events.log import EventLogEntry

Row = dict[str, Any]

_INSERT = """
    INSERT INTO event_logs
        (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_TAGS = """
    INSERT INTO asset_event_tags (event_id, asset_key, key, value, event_timestamp)
    VALUES (?, ?, ?, ?, ?)
"""


def insert(connection: sa.Connection, rows: Sequence[Row]) -> list[int]:
    """Insert rows of events; gives their ids. SQLAlchemy would take three times as long."""
    values = [
        (
            row["run_id"],
            row["event"],
            row["dagster_event_type"],
            _text(row["timestamp"]),
            row["step_key"],
            row["asset_key"],
            row["partition"],
        )
        for row in rows
    ]
    connection.exec_driver_sql(_INSERT, values)
    # One writer at a time: within its transaction SQLite numbers rows without a gap.
    last: int = connection.exec_driver_sql("SELECT max(id) FROM event_logs").scalar_one()
    return list(range(last - len(rows) + 1, last + 1))


def insert_tags(connection: sa.Connection, tags: Sequence[tuple[int, Row, str, str]]) -> None:
    """Insert tags of assets' events: id and row of the event, key and value of the tag."""
    values = [
        (event_id, row["asset_key"], key, value, _text(row["timestamp"]))
        for event_id, row, key, value in tags
    ]
    if values:
        connection.exec_driver_sql(_INSERT_TAGS, values)


def by_partition(event: EventLogEntry, row: Row) -> list[Row]:
    """The index rows of an event that plans many partitions: one a partition."""
    if event.dagster_event_type != DagsterEventType.ASSET_MATERIALIZATION_PLANNED:
        return []
    subset = event.get_dagster_event().asset_materialization_planned_data.partitions_subset
    return [{**row, "partition": key} for key in subset.get_partition_keys()] if subset else []


def index_planned_checks(
    connection: sa.Connection,
    events: Sequence[EventLogEntry],
    event_rows: Sequence[Row],
    ids: Sequence[int],
) -> None:
    """Index the planned checks among events, each by all of its partitions."""
    planned = [
        row
        for event, event_row, event_id in zip(events, event_rows, ids, strict=True)
        if event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
        for row in _planned_check_rows(event, event_row, event_id)
    ]
    if planned:
        connection.execute(AssetCheckExecutionsTable.insert(), planned)


def _planned_check_rows(event: EventLogEntry, event_row: Row, event_id: int) -> list[Row]:
    planned: Any = event.get_dagster_event().event_specific_data
    subset = planned.partitions_subset
    row = {
        "asset_key": planned.asset_key.to_string(),
        "check_name": planned.check_name,
        "run_id": event.run_id,
        "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
        "evaluation_event": event_row["event"],
        "evaluation_event_timestamp": event_row["timestamp"],
        "evaluation_event_storage_id": event_id,
    }
    keys = subset.get_partition_keys() if subset else [None]
    return [{**row, "partition": key} for key in keys]


def index_check_evaluations(
    connection: sa.Connection,
    events: Sequence[EventLogEntry],
    event_rows: Sequence[Row],
    ids: Sequence[int],
) -> None:
    """Index the evaluations of checks among events; the latest of a run replaces the earlier."""
    rows = [
        _check_evaluation_row(event, event_row, event_id)
        for event, event_row, event_id in zip(events, event_rows, ids, strict=True)
        if event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    unpartitioned = [row for row in rows if row["partition"] is None]
    partitioned = [row for row in rows if row["partition"] is not None]
    identity = ("asset_key", "check_name", "run_id", "partition")
    if partitioned:
        statement = sqlite_insert(AssetCheckExecutionsTable)
        replaced = {k: statement.excluded[k] for k in partitioned[0] if k not in identity}
        connection.execute(
            statement.on_conflict_do_update(index_elements=identity, set_=replaced), partitioned
        )
    for row in unpartitioned:  # their unique index holds null, which never conflicts
        table = AssetCheckExecutionsTable.c
        connection.execute(
            AssetCheckExecutionsTable.delete().where(
                table.asset_key == row["asset_key"],
                table.check_name == row["check_name"],
                table.run_id == row["run_id"],
                table.partition.is_(None),
            )
        )
        connection.execute(AssetCheckExecutionsTable.insert().values(**row))


def _check_evaluation_row(event: EventLogEntry, event_row: Row, event_id: int) -> Row:
    evaluation = event.get_dagster_event().asset_check_evaluation_data
    target = evaluation.target_materialization_data
    status = AssetCheckExecutionRecordStatus
    return {
        "asset_key": evaluation.asset_key.to_string(),
        "check_name": evaluation.check_name,
        "partition": evaluation.partition,
        "run_id": event.run_id,
        "execution_status": (status.SUCCEEDED if evaluation.passed else status.FAILED).value,
        "evaluation_event": event_row["event"],
        "evaluation_event_timestamp": event_row["timestamp"],
        "evaluation_event_storage_id": event_id,
        "materialization_event_storage_id": target.storage_id if target else None,
    }


def _text(moment: datetime) -> str:
    """A time as SQLAlchemy writes it into SQLite."""
    return moment.isoformat(" ", "microseconds")
