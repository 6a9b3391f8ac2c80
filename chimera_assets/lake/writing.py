"""How rows get into a table: by the hour, as a whole, at the end, or by key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deltalake import (
    CommitProperties,
    DeltaTable,
    Schema,
    write_deltalake,
)

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import partitions
from chimera_assets.lake.commit import Carry, Commit, append_carry, commit
from chimera_assets.lake.errors import LakeError, TableNotFound, translated
from chimera_assets.lake.file_commit import FILE_ATTEMPTS, WRITER, FileCommit
from chimera_assets.lake.storage import is_s3
from chimera_assets.lake.stream import Stream
from chimera_assets.lake.table_schema import agreed_with, hourly, schema_mode
from chimera_assets.lake.type_mapping import agreed_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from chimera_assets.hours import HourRange
    from chimera_assets.lake.snapshot import TableState
    from chimera_assets.lake.stream import Data

_CONFIGURATION = {
    "delta.checkpointInterval": "50",
    "delta.logRetentionDuration": "interval 30 days",
    "delta.deletedFileRetentionDuration": "interval 7 days",
}


def create(
    table: TableState,
    schema: pa.Schema,
    partition_by: Sequence[str],
    stats_columns: Sequence[str],
    properties: Mapping[str, str] | None = None,
) -> None:
    """Create the table unless it exists; see `Table.create`."""
    if table.exists():
        return
    stats = (
        {"delta.dataSkippingStatsColumns": ",".join(stats_columns)}
        if stats_columns
        else {"delta.dataSkippingNumIndexedCols": "0"}
    )
    by_hour = set(HOUR_COLUMNS) <= set(partition_by)
    agreed = agreed_schema(schema, None, table.uri, hourly=by_hour)
    try:
        if not is_s3(table.uri):  # else deltalake only says that there is no table
            Path(table.uri).mkdir(parents=True, exist_ok=True)
        DeltaTable.create(
            table.uri,
            schema=Schema.from_arrow(agreed),
            mode="ignore",
            partition_by=list(partition_by),
            configuration={**_CONFIGURATION, **stats, **(properties or {})},
            commit_properties=CommitProperties({**table.provenance, "chimera.write": "create"}),
            raise_if_key_not_exists=not properties,
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

        return commit(
            table,
            FileCommit(table, stream, hours),
            metadata={**metadata, **recorded},
            carry=carry,
            stream=stream,
            attempts=FILE_ATTEMPTS,
        )


def overwrite(
    table: TableState,
    data: Data,
    partition_by: Sequence[str],
    metadata: Mapping[str, str],
    stats_columns: Sequence[str],
) -> Commit:
    """Replace the whole table; see `Table.overwrite`."""
    with Stream(data) as stream:
        by_hour = set(HOUR_COLUMNS) <= set(partition_by)
        agreed = agreed_schema(stream.schema, None, table.uri, hourly=by_hour)
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

        recorded = {**metadata, "chimera.write": "append"}
        return commit(
            table,
            FileCommit(table, stream, None),
            metadata=recorded,
            carry=carry or append_carry,
            stream=stream,
            attempts=FILE_ATTEMPTS,
        )


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
            agreed = agreed_with(delta, stream.schema, table.uri)
            merger = delta.merge(
                stream.reader(agreed, table.uri, hours),
                predicate=" AND ".join(conditions),
                source_alias="source",
                target_alias="target",
                merge_schema=schema_mode(delta, agreed) is not None,
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


def _require_hourly(table: TableState) -> None:
    if not hourly(table.delta()):
        msg = (
            f"{table.uri}: expected a table partitioned by {' and '.join(HOUR_COLUMNS)}, "
            f"found {table.partition_columns() or 'no partitions'}; overwrite it as a whole"
        )
        raise LakeError(msg)
