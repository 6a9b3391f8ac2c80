"""A table of the operational database, drafted as a contract would describe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.contracts import Column
from chimera_assets.contracts.decimals import precision_and_scale
from chimera_assets.contracts.drafting import SAMPLED, Draft, DraftColumn, column_names
from chimera_assets.postgres.address import describe
from chimera_assets.postgres.connection import execute
from chimera_assets.sources.catalogue import declared_types, find_table, identifier
from chimera_assets.sources.database import source_database
from chimera_assets.sources.errors import SourceTableMissing
from chimera_assets.sources.query import readable
from chimera_assets.sources.session import begin
from chimera_assets.sources.text_values import in_type

if TYPE_CHECKING:
    from typing import Any

    from chimera_assets.postgres.connection import Connection
    from chimera_assets.sources.catalogue import SourceColumn

#: Of each column: whether null is refused, its place in the key, its comment.
_DETAILS = """
    SELECT attname::text AS name, attnotnull AS not_null,
           coalesce(array_position(string_to_array(key.columns, ' '), attnum::text), 0) AS place,
           coalesce(col_description(attrelid, attnum), '') AS described
    FROM pg_attribute
    LEFT JOIN LATERAL (
        SELECT indkey::text AS columns FROM pg_index
        WHERE indrelid = attrelid AND indisunique AND indpred IS NULL AND indexprs IS NULL
        ORDER BY indisprimary DESC, indnkeyatts LIMIT 1
    ) AS key ON true
    WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
"""

_TYPES = {
    **dict.fromkeys(("smallint", "integer", "bigint"), "integer"),
    **dict.fromkeys(("real", "double precision", "numeric"), "number"),
    **dict.fromkeys(("timestamp with time zone", "timestamp without time zone"), "timestamp"),
    **dict.fromkeys(
        ("text", "character varying", "character", "uuid", "name", "citext", "json", "jsonb"),
        "string",
    ),
    **dict.fromkeys(("text[]", "character varying[]", "uuid[]", "citext[]"), "array<string>"),
    "boolean": "boolean",
    "date": "date",
}


def draft_of_table(url: str, stream: str, name: str) -> Draft:
    """What a contract for a table would say.

    Args:
        url: The operational database.
        stream: What the stream is to be called.
        name: The table, as SQL writes it.

    Raises:
        SourceError: The database cannot be reached, or there is no such table.
    """
    with source_database(url).connect() as connection:
        begin(connection)
        table = find_table(connection, name)
        if table is None:
            raise SourceTableMissing(
                describe(url), f"expected a table {name}, found none", remedy="check its name"
            )
        declared = declared_types(connection, table)
        details = {
            row["name"]: {**row, "declared": declared[row["name"]]}
            for row in execute(connection, _DETAILS, [table.quoted])
        }
        columns = list(table.columns.values())
        folded = [column.name.lower() for column in columns]
        wanted = [
            _column(column, ours, details[column.name], is_twin=lower in folded[:place])
            for place, (column, ours, lower) in enumerate(
                zip(columns, column_names(list(table.columns)), folded, strict=True)
            )
        ]
        sample = _sample(connection, table.quoted, columns, wanted)
    drafted = tuple(
        _drafted(column, one, details[column.name], sample[one.name])
        for column, one in zip(columns, wanted, strict=True)
    )
    return Draft(stream, table.quoted, table.quoted, drafted, is_sample=sample.height == SAMPLED)


def _column(source: SourceColumn, name: str, details: dict[str, Any], *, is_twin: bool) -> Column:
    """The contract's column for one of the source's; of a type that it has not, as text.

    Args:
        source: The source's.
        name: The contract's name for it.
        details: What `_DETAILS` gives of it.
        is_twin: Whether its name differs from another's in case alone: that is read by expression,
            as a contract's names are found in any case.
    """
    expression = identifier(source.name) if is_twin else None
    known = _TYPES.get(source.type, "string")
    if source.is_enum:
        known = "array<string>" if source.type.endswith("[]") else "string"
    return Column(
        name=name,
        type=known,
        required=bool(details["not_null"]),
        description="",
        classification="L1",
        physical_name=source.name,
        transform=expression if _is_held(source) else f"{identifier(source.name)}::text",
        timezone="UTC" if source.type == "timestamp without time zone" else None,
        decimal=precision_and_scale(details["declared"]),
    )


def _is_held(source: SourceColumn) -> bool:
    return source.is_enum or source.type in _TYPES


def _sample(
    connection: Connection, table: str, columns: list[SourceColumn], wanted: list[Column]
) -> pl.DataFrame:
    selected = ", ".join(
        f"{_read(source, column)} AS {identifier(column.name)}"
        for source, column in zip(columns, wanted, strict=True)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {selected} FROM {table} LIMIT {SAMPLED}")  # noqa: S608 - quoted
        found = pl.DataFrame(pl.from_arrow(cursor.fetch_arrow_table()))
    return found.select(in_type(one, found[one.name]).alias(one.name) for one in wanted)


def _read(source: SourceColumn, column: Column) -> str:
    if not _is_held(source):
        return f"{source.quoted}::text"
    return readable(source.in_zone("UTC") if column.timezone else source, column)


def _drafted(
    source: SourceColumn, column: Column, details: dict[str, Any], values: pl.Series
) -> DraftColumn:
    return DraftColumn(
        name=column.name,
        source_name=source.name,
        type=column.type,
        values=values,
        physical_type=column.type_in_words if column.decimal else "",
        is_inexact=source.type == "numeric" and column.decimal is None,
        transform=column.transform,
        is_naive=column.timezone is not None,
        not_null=column.required,
        key=details["place"],
        description=" ".join(details["described"].split()),
    )
