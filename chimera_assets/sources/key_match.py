"""Comparing keys that the lake has, which are texts, with those of a source table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimera_assets.contracts import Column
    from chimera_assets.sources.catalogue import SourceColumn

_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_UUID = "^[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}$"
#: PostgreSQL type -> what its column is compared with, so that an index on it serves.
_COMPARED = {
    **dict.fromkeys(_INTEGERS, "{given}"),
    **dict.fromkeys(("text", "character varying", "name"), "{given}"),
    "character": "{given}::bpchar",
    "citext": "{given}::{declared}",
    "uuid": f"CASE WHEN {{given}} ~ '{_UUID}' THEN {{given}}::uuid END",
    **dict.fromkeys(("timestamp with time zone", "date", "boolean"), "{given}::{declared}"),
}


def given_as(column: SourceColumn) -> str:
    """As what type a key is read from JSON: one that holds every key that the lake may have.

    It may have some that the source never could: rows also come from files.
    """
    return "bigint" if column.type in _INTEGERS else "text"


def equal(column: SourceColumn, wanted: Column) -> str:
    """SQL for whether a row of the table, `own`, has the key `given`; an index may serve it."""
    own, given = f"own.{column.quoted}", f"given.{column.quoted}"
    if wanted.decimal is not None:
        return f"{own}::numeric = {given}::numeric"
    if column.type in {"numeric", "real", "double precision"}:
        return f"{own}::double precision = {given}::double precision"
    compared = _COMPARED.get(column.type)
    if compared is None:  # an enum, which need not have the key among its labels
        return f"{own}::text = {given}"
    return f"{own} = {compared.format(given=given, declared=column.declared)}"
