"""Reads a contract's columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from chimera_assets.contracts.decimals import MOST_DIGITS, precision_and_scale
from chimera_assets.contracts.json_path import is_path, read_path
from chimera_assets.contracts.model import LEVELS, POLARS_TYPES, UNMAPPED, Column
from chimera_assets.contracts.rules.parameters import TRUTH
from chimera_assets.contracts.transform import TransformError, read_transform
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaObject, SchemaProperty

    from chimera_assets.contracts.odcs.document import Document, Location

#: Where the one table of a contract stands in its file.
TABLE: Location = ("schema", 0)

#: Names that the platform gives to columns of its own, beside all that begin with an underscore.
RESERVED = (*HOUR_COLUMNS, "index", "reasons")

#: The custom property of columns and tables that a source need not have.
OPTIONAL_AT_SOURCE = "optionalAtSource"

#: So many bytes a name may have in PostgreSQL.
_LONGEST = 63

#: What is meant to be an exact number.
_EXACT = re.compile(r"(?:numeric|decimal)\s*\(", re.IGNORECASE)

#: Of the time zone database, and another on each machine, or none.
_NO_ZONES = {"Factory", "localtime"}

#: No quotes, nor what SQL, a path or a message could be taken apart by.
_NAME = re.compile(r"[^\W\d]([\w.$ -]*\w)?")


def read_columns(document: Document, table: SchemaObject) -> tuple[Column, ...]:
    """The columns of a contract; what is wrong with them is noted in the document."""
    if not table.properties:
        document.problem(TABLE, "properties", expected="at least one column", found="none")
    columns: dict[str, Column] = {}
    sources: dict[str, str] = {}
    for position, declared in enumerate(table.properties or []):
        here = (*TABLE, "properties", position)
        column = _read_column(document, declared, here)
        if column.name.lower() in columns:  # engines do not tell them apart
            expected = "each column once, whatever its case"
            document.problem(here, f"column {column.name}", expected=expected, found="it again")
        columns[column.name.lower()] = column
        if column.transform is None:
            other = sources.setdefault(column.source_name.lower(), column.name)
            if other != column.name:
                expected = "a column of the source once (transformLogic may read it again)"
                what, found = f"source of column {column.name}", f"{column.source_name}, as {other}"
                document.problem((*here, "physicalName"), what, expected=expected, found=found)
    return tuple(columns.values())


def unmapped_column(level: str) -> Column:
    """The column with what the source has beside the others, as a JSON object."""
    words = "What the source has beside the columns of the contract, as a JSON object."
    return Column(UNMAPPED, "string", required=False, description=words, classification=level)


def _read_column(document: Document, declared: SchemaProperty, here: Location) -> Column:
    name = declared.name or ""
    if _NAME.fullmatch(name) is None or len(name.encode()) > _LONGEST:
        expected = f"letters, digits, _ and inside of it . $ - or blanks, at most {_LONGEST} bytes"
        place, found = (*here, "name"), repr(name) if name else "none"
        document.problem(place, "name of a column", expected=expected, found=found)
    if name.lower() in RESERVED or name.startswith("_"):
        expected = f"a name other than {', '.join(RESERVED)} and _… (the platform's own)"
        document.problem((*here, "name"), "name of a column", expected=expected, found=name)
    level = declared.classification
    if level not in LEVELS:
        expected = one_of(LEVELS)
        what = f"classification of column {name}"
        document.problem((*here, "classification"), what, expected=expected, found=level or "none")
    return Column(
        name=name,
        type=_read_type(document, declared, here),
        required=bool(declared.required) or bool(declared.primaryKey),
        description=" ".join((declared.description or "").split()),
        classification=level if level in LEVELS else LEVELS[-1],
        physical_name=_read_physical_name(document, declared, here),
        transform=_read_transform(document, declared, here),
        timezone=_read_timezone(document, declared, here),
        decimal=_read_decimal(document, declared, here),
        optional_at_source=_read_optional(document, declared, here),
        line=document.line(here),
        adapter_line=_adapter_line(document, here),
    )


def _adapter_line(document: Document, here: Location) -> int | None:
    patched = document.patches.get((*here, "physicalName"))
    return patched[1] if patched is not None else None


def _read_physical_name(document: Document, declared: SchemaProperty, here: Location) -> str | None:
    name = declared.physicalName or None
    if name is not None and is_path(name) and read_path(name) is None:
        what = f"physicalName of column {declared.name}"
        expected = "a name, or a path to one value such as $.usage.tokens or $.choices[0]['a b']"
        document.problem((*here, "physicalName"), what, expected=expected, found=name)
    return name


def _read_transform(document: Document, declared: SchemaProperty, here: Location) -> str | None:
    text = declared.transformLogic
    if text is None:
        return None
    what = f"transformLogic of column {declared.name}"
    try:
        read_transform(text)
    except TransformError as error:
        place = (*here, "transformLogic")
        document.problem(place, what, expected=error.expected, found=error.found)
    if declared.physicalName:
        expected = "no physicalName beside it; the expression names the columns"
        found = declared.physicalName
        document.problem((*here, "physicalName"), what, expected=expected, found=found)
    return text


def _read_optional(document: Document, declared: SchemaProperty, here: Location) -> bool:
    for position, custom in enumerate(declared.customProperties or []):
        if custom.property != OPTIONAL_AT_SOURCE or custom.vendor not in (None, "chimera"):
            continue
        place = (*here, "customProperties", position, "value")
        what = f"{OPTIONAL_AT_SOURCE} of column {declared.name}"
        if not TRUTH.accepts(custom.value):
            document.problem(place, what, expected=TRUTH.expected, found=repr(custom.value))
        elif custom.value and declared.required and not declared.primaryKey:
            expected = "required: false beside it, or every row of a source without it is rejected"
            document.problem(place, what, expected=expected, found="required: true")
        else:
            return bool(custom.value)
    return False


def _read_decimal(
    document: Document, declared: SchemaProperty, here: Location
) -> tuple[int, int] | None:
    """Precision and scale, which the standard leaves to the physical type."""
    physical = (declared.physicalType or "").strip()
    if declared.logicalType != "number" or not _EXACT.match(physical):
        return None
    found = precision_and_scale(physical)
    if found is None:
        what = f"physicalType of column {declared.name}"
        expected = (
            f"numeric(digits, digits after the point), at most {MOST_DIGITS} and no more after it"
        )
        document.problem((*here, "physicalType"), what, expected=expected, found=physical)
    return found


def _read_timezone(document: Document, declared: SchemaProperty, here: Location) -> str | None:
    zone = (declared.logicalTypeOptions or {}).get("defaultTimezone")
    if zone is None:
        return None
    known = available_timezones() - _NO_ZONES
    if not isinstance(zone, str) or zone not in known:
        what = f"defaultTimezone of column {declared.name}"
        expected = f"a time zone such as Europe/Berlin, {one_of(known, str(zone))}"
        place = (*here, "logicalTypeOptions", "defaultTimezone")
        document.problem(place, what, expected=expected, found=str(zone))
        return None
    return zone


def _read_type(document: Document, declared: SchemaProperty, here: Location) -> str:
    kind = declared.logicalType or "none"
    if kind == "array":
        kind = f"array<{declared.items.logicalType if declared.items else None}>"
    if kind not in POLARS_TYPES:
        expected = one_of(POLARS_TYPES, kind)
        what = f"type of column {declared.name}"
        document.problem((*here, "logicalType"), what, expected=expected, found=kind)
        return "string"
    return kind


def read_key(document: Document, table: SchemaObject) -> tuple[str, ...]:
    """The primary key's columns, by their position in it."""
    properties = table.properties or []
    keys = [column for column in properties if column.primaryKey and column.name]
    keys.sort(key=lambda column: column.primaryKeyPosition or len(keys))
    if not keys and properties:
        expected = "at least one column with primaryKey: true"
        document.problem((*TABLE, "properties"), "key", expected=expected, found="none")
    for position, column in enumerate(properties):
        if column.primaryKey and column.required is False:
            here = (*TABLE, "properties", position, "required")
            what = f"key column {column.name}"
            document.problem(here, what, expected="required: true", found="required: false")
    return tuple(column.name or "" for column in keys)
