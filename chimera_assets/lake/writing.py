"""How rows get into a table: by the hour, as a whole, at the end, or by key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
from deltalake import (
    ColumnProperties,
    CommitProperties,
    DeltaTable,
    Schema,
    WriterProperties,
    write_deltalake,
)

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import partitions
from chimera_assets.lake.commit import Carry, Commit, append_carry, commit
from chimera_assets.lake.errors import LakeError, TableNotFound, translated
from chimera_assets.lake.storage import is_s3
from chimera_assets.lake.stream import Stream
from chimera_assets.lake.type_mapping import agreed_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chimera_assets.hours import HourRange
    from chimera_assets.lake.snapshot import TableState
    from chimera_assets.lake.stream import Data

#: How files are written by the hour.
WRITER = WriterProperties(
    compression="SNAPPY",
    # Small enough that a reader of one row group at a time stays small.
    max_row_group_size=131_072,
    # A dictionary takes some 35 kB of each column of each open partition before it sees a value:
    # for a range of hours gigabytes, and half of the time. At an hour's few rows it saves no byte.
    default_column_properties=ColumnProperties(dictionary_enabled=False),
)

_CONFIGURATION = {
    "delta.checkpointInterval": "50",
    "delta.logRetentionDuration": "interval 30 days",
    "delta.deletedFileRetentionDuration": "interval 7 days",
}


def create(
    table: TableState, schema: pa.Schema, partition_by: Sequence[str], stats_columns: Sequence[str]
) -> None:
    """Create the table unless it exists; see `Table.create`."""
    if table.exists():
        return
    stats = (
        {"delta.dataSkippingStatsColumns": ",".join(stats_columns)}
        if stats_columns
        else {"delta.dataSkippingNumIndexedCols": "0"}
    )
    hourly = set(HOUR_COLUMNS) <= set(partition_by)
    agreed = agreed_schema(schema, None, table.uri, hourly=hourly)
    try:
        if not is_s3(table.uri):  # else deltalake only says that there is no table
            Path(table.uri).mkdir(parents=True, exist_ok=True)
        DeltaTable.create(
            table.uri,
            schema=Schema.from_arrow(agreed),
            mode="ignore",
            partition_by=list(partition_by),
            configuration=_CONFIGURATION | stats,
            storage_options=table.storage_options,
        )
    except Exception as error:
        # Another process was quicker, or the answer was lost: in both cases it is there.
        if not table.exists():
            raise translated(error, table.uri) from error


def write_hours(  # noqa: PLR0913
    table: TableState,
    data: Data | None,
    hours: HourRange,
    *,
    schema: pa.Schema | None,
    carry: Carry | None,
    metadata: Mapping[str, str],
    stats_columns: Sequence[str],
) -> Commit:
    """Replace the hours; see `Table.write_hours`."""
    with Stream(_data_or_nothing(table, data, schema)) as stream:
        agreed = _agreed(table, stream, hourly=True)
        create(table, schema or agreed, HOUR_COLUMNS, stats_columns)
        _require_hourly(table)
        recorded = {
            "chimera.hours": str(hours),
            "chimera.write": "clear hours" if stream.empty else "replace hours",
        }

        def replace(delta: DeltaTable, properties: CommitProperties) -> None:
            agreed = _agreed_with(delta, table, stream)
            write_deltalake(
                delta,
                stream.reader(agreed, table.uri, hours),
                mode="overwrite",
                predicate=partitions.predicate(hours),
                schema_mode=_schema_mode(delta, agreed),
                writer_properties=WRITER,
                commit_properties=properties,
            )

        return commit(table, replace, metadata={**metadata, **recorded}, carry=carry, stream=stream)


def overwrite(
    table: TableState,
    data: Data,
    partition_by: Sequence[str],
    metadata: Mapping[str, str],
    stats_columns: Sequence[str],
) -> Commit:
    """Replace the whole table; see `Table.overwrite`."""
    with Stream(data) as stream:
        hourly = set(HOUR_COLUMNS) <= set(partition_by)
        agreed = agreed_schema(stream.schema, None, table.uri, hourly=hourly)
        create(table, agreed, partition_by, stats_columns)

        def replace(delta: DeltaTable, properties: CommitProperties) -> None:
            write_deltalake(
                delta,
                stream.reader(agreed, table.uri),
                mode="overwrite",
                schema_mode="overwrite",
                partition_by=list(partition_by),
                writer_properties=WRITER,
                commit_properties=properties,
            )

        recorded = {**metadata, "chimera.write": "replace table"}
        return commit(table, replace, metadata=recorded, stream=stream)


def append(  # noqa: PLR0913, PLR0917
    table: TableState,
    data: Data,
    partition_by: Sequence[str],
    metadata: Mapping[str, str],
    stats_columns: Sequence[str],
    carry: Carry | None = None,
) -> Commit:
    """Add rows; see `Table.append`."""
    with Stream(data) as stream:
        agreed = _agreed(table, stream, hourly=set(HOUR_COLUMNS) <= set(partition_by))
        create(table, agreed, partition_by, stats_columns)

        def add(delta: DeltaTable, properties: CommitProperties) -> None:
            agreed = _agreed_with(delta, table, stream)
            write_deltalake(
                delta,
                stream.reader(agreed, table.uri),
                mode="append",
                schema_mode=_schema_mode(delta, agreed),
                writer_properties=WRITER,
                commit_properties=properties,
            )

        recorded = {**metadata, "chimera.write": "append"}
        return commit(table, add, metadata=recorded, carry=carry or append_carry, stream=stream)


def merge(  # noqa: PLR0913
    table: TableState,
    data: Data,
    keys: Sequence[str],
    *,
    hours: HourRange | None,
    partition_by: Sequence[str],
    metadata: Mapping[str, str],
    stats_columns: Sequence[str],
) -> Commit:
    """Update or insert by key; see `Table.merge`."""
    conditions = [f"target.`{key}` = source.`{key}`" for key in keys]
    if hours is not None:
        conditions.append(f"({partitions.predicate(hours, 'target.')})")
    with Stream(data) as stream:
        agreed = _agreed(table, stream, hourly=set(HOUR_COLUMNS) <= set(partition_by))
        create(table, agreed, partition_by, stats_columns)

        def upsert(delta: DeltaTable, properties: CommitProperties) -> None:
            agreed = _agreed_with(delta, table, stream)
            merger = delta.merge(
                stream.reader(agreed, table.uri, hours),
                predicate=" AND ".join(conditions),
                source_alias="source",
                target_alias="target",
                merge_schema=_schema_mode(delta, agreed) is not None,
                writer_properties=WRITER,
                commit_properties=properties,
            )
            merger.when_matched_update_all().when_not_matched_insert_all().execute()

        recorded = {**metadata, "chimera.write": "merge"}
        return commit(table, upsert, metadata=recorded, carry=append_carry, stream=stream)


def _data_or_nothing(table: TableState, data: Data | None, schema: pa.Schema | None) -> Data:
    if data is not None:
        return data
    if schema is None:
        if not table.exists():
            raise TableNotFound(table.uri)
        schema = table.schema()
    nothing: Data = schema.empty_table()
    return nothing


def _agreed(table: TableState, stream: Stream, *, hourly: bool) -> pa.Schema:
    existing = table.schema() if table.exists() else None
    return agreed_schema(stream.schema, existing, table.uri, hourly=hourly)


def _agreed_with(delta: DeltaTable, table: TableState, stream: Stream) -> pa.Schema:
    """The schema to write, by the state of the table that is written to.

    Not by a newer one: what a commit carries was computed from this state.
    """
    existing = pa.schema(delta.schema().to_arrow())
    return agreed_schema(stream.schema, existing, table.uri, hourly=_hourly(delta))


def _schema_mode(delta: DeltaTable, incoming: pa.Schema) -> Literal["merge"] | None:
    """`merge` where columns are new or missing; it costs a little where they are the same."""
    names = {field.name for field in delta.schema().fields}
    return "merge" if names != set(incoming.names) else None


def _hourly(delta: DeltaTable) -> bool:
    return set(HOUR_COLUMNS) <= set(delta.metadata().partition_columns)


def _require_hourly(table: TableState) -> None:
    if not _hourly(table.delta()):
        msg = (
            f"{table.uri}: expected a table partitioned by {' and '.join(HOUR_COLUMNS)}, "
            f"found {table.partition_columns() or 'no partitions'}; overwrite it as a whole"
        )
        raise LakeError(msg)
