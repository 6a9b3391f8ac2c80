"""What the state of a table says of rows that are to be written into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake.type_mapping import agreed_schema

if TYPE_CHECKING:
    from deltalake import DeltaTable

#: Up to this version, and with these features, a table demands nothing of its data files beyond
#: what our schema check sees to.
_PLAIN_WRITER = 2
_PLAIN_FEATURES = {"appendOnly", "invariants", "timestampNtz"}


def hourly(delta: DeltaTable) -> bool:
    """Whether the table is partitioned by the hour."""
    return set(HOUR_COLUMNS) <= set(delta.metadata().partition_columns)


def agreed_with(delta: DeltaTable, incoming: pa.Schema, uri: str) -> pa.Schema:
    """The schema to write, by the state of the table that is written to.

    Not by a newer one: what a commit carries was computed from this state.
    """
    existing = pa.schema(delta.schema().to_arrow())
    return agreed_schema(incoming, existing, uri, hourly=hourly(delta))


def schema_mode(delta: DeltaTable, incoming: pa.Schema) -> Literal["merge"] | None:
    """`merge` where columns are new or missing; it costs a little where they are the same."""
    names = {field.name for field in delta.schema().fields}
    return "merge" if names != set(incoming.names) else None


def takes_files(delta: DeltaTable) -> bool:
    """Whether rows may come as files of ours, by the hour or without partitions.

    Not where another tool has given the table constraints, generated columns or other features
    whose rules each row has to be held against; deltalake knows them.
    """
    protocol = delta.protocol()
    features = set(protocol.writer_features or ())
    plain = protocol.min_writer_version <= _PLAIN_WRITER or bool(features)
    fields = delta.schema().fields
    return (
        plain
        and features <= _PLAIN_FEATURES
        and set(delta.metadata().partition_columns) <= set(HOUR_COLUMNS)
        and all(field.nullable and not field.metadata for field in fields)
    )
