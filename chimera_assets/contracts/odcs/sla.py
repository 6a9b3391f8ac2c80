"""Reads what a contract says beside columns and rules: roles of columns, periods, thresholds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.contracts.file_marks import is_mark
from chimera_assets.contracts.file_query import check_file_query
from chimera_assets.contracts.model import LEVELS
from chimera_assets.contracts.odcs.columns import OPTIONAL_AT_SOURCE, TABLE
from chimera_assets.contracts.rules.parameters import (
    DAYS,
    NAMES,
    NUMBER,
    SHARE,
    TEXT,
    TRUTH,
    Parameter,
    choice,
)
from chimera_assets.hours import LONGEST_DAYS
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from open_data_contract_standard.model import (
        OpenDataContractStandard,
        SchemaObject,
        ServiceLevelAgreementProperty,
    )

    from chimera_assets.contracts.model import Column
    from chimera_assets.contracts.odcs.document import Document, Location

_MARKS = Parameter(
    "a list of names, or of paths such as $.calls[*].usage",
    lambda value: NAMES.accepts(value) and all(map(is_mark, value)),
)

#: What a table's `customProperties` can say, beside those that name another vendor.
CUSTOM: dict[str, Parameter] = {
    "streamKind": choice("stream", "reference"),
    "eventTime": TEXT,
    "arrivalTime": TEXT,
    "dataSubject": TEXT,
    "tenant": TEXT,
    "quarantineDays": DAYS,
    "vacuumDays": DAYS,
    "passRate": SHARE,
    "fileMarks": _MARKS,
    "fileQuery": TEXT,
    "mayLack": NAMES,
    OPTIONAL_AT_SOURCE: TRUTH,
    "keepUnmapped": Parameter(f"true or {one_of(LEVELS)}", (True, *LEVELS).__contains__),
}

#: Custom properties that name a column -> the types it may have; None for any.
_ROLES: dict[str, tuple[str, ...] | None] = {
    "eventTime": ("timestamp",),
    "arrivalTime": ("timestamp",),
    "dataSubject": None,
    "tenant": ("string", "integer"),
}

#: The column that names the tenant where the contract does not say which one does.
_TENANT = "tenant_id"

#: How what the contract does not describe is classified, unless it says so.
_UNMAPPED_LEVEL = "L3"

_DEFAULTS: dict[str, Any] = {"quarantineDays": 7, "vacuumDays": 7, "passRate": 0.99}

#: Hours in a unit of the standard's service level agreements.
_HOURS = {"h": 1, "hour": 1, "hours": 1, "d": 24, "day": 24, "days": 24, "y": 8766, "years": 8766}


@dataclass(frozen=True, slots=True)
class Sla:
    """The terms of a contract; the attributes are those of `Contract`."""

    kind: str
    event_time: str | None
    arrival_time: str | None
    subject: str | None
    tenant: str | None
    retention_days: int
    table_retention: Mapping[str, int]
    vacuum_days: int
    quarantine_days: int
    pass_rate: float
    freshness_hours: float
    unmapped: str | None
    file_query: str | None
    file_marks: tuple[str, ...]
    may_lack: tuple[str, ...]
    optional_at_source: bool


def read_sla(
    document: Document,
    standard: OpenDataContractStandard,
    table: SchemaObject,
    columns: Sequence[Column],
) -> Sla:
    """The terms of a contract; what is wrong with them is noted in the document."""
    said = _read_custom(document, table)
    kind = said.get("streamKind", "stream")
    if kind == "stream":
        for name in ("eventTime", "arrivalTime"):
            if name not in said:
                expected = f"a custom property {name} that names a timestamp column"
                document.problem(TABLE, name, expected=expected, found="none")
    _check_columns(document, table, said, columns)
    _check_query(document, table, said, columns)
    hours = _read_agreements(document, standard.slaProperties or [])
    return Sla(
        kind=kind,
        event_time=said.get("eventTime"),
        arrival_time=said.get("arrivalTime"),
        subject=said.get("dataSubject"),
        tenant=said.get("tenant", _default_tenant(columns)),
        retention_days=_days(hours.get("retention", 0)),
        table_retention={
            name.removeprefix("retention "): _days(value)
            for name, value in hours.items()
            if name.startswith("retention ")
        },
        vacuum_days=said.get("vacuumDays", _DEFAULTS["vacuumDays"]),
        quarantine_days=said.get("quarantineDays", _DEFAULTS["quarantineDays"]),
        pass_rate=float(said.get("passRate", _DEFAULTS["passRate"])),
        freshness_hours=hours.get("freshness", 0.0),
        optional_at_source=said.get(OPTIONAL_AT_SOURCE, False),
        unmapped=_UNMAPPED_LEVEL if (kept := said.get("keepUnmapped")) is True else kept,
        file_query=said.get("fileQuery"),
        file_marks=tuple(said.get("fileMarks", ())),
        may_lack=tuple(said.get("mayLack", ())),
    )


def _read_custom(document: Document, table: SchemaObject) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for position, custom in enumerate(table.customProperties or []):
        here = (*TABLE, "customProperties", position)
        name = custom.property or ""
        if custom.vendor not in (None, "chimera"):
            continue
        if name not in CUSTOM:
            expected = f"{one_of(CUSTOM, name)}; a property of another tool names its vendor"
            document.problem(here, "custom property", expected=expected, found=name or "none")
        elif not CUSTOM[name].accepts(custom.value):
            expected = CUSTOM[name].expected
            document.problem((*here, "value"), name, expected=expected, found=repr(custom.value))
        else:
            said[name] = custom.value
    return said


def _check_columns(
    document: Document, table: SchemaObject, said: dict[str, Any], columns: Sequence[Column]
) -> None:
    types = {column.name: column.type for column in columns}
    optional = {column.name for column in columns if column.optional_at_source}
    for position, custom in enumerate(table.customProperties or []):
        here = (*TABLE, "customProperties", position, "value")
        name = custom.property
        if name not in _ROLES or name not in said:
            continue
        named, allowed = said[name], _ROLES[name]
        if named not in types:
            document.problem(here, name, expected=one_of(types, named), found=named)
        elif allowed is not None and types[named] not in allowed:
            expected = f"a column of type {' or '.join(allowed)}"
            document.problem(here, name, expected=expected, found=f"{named}: {types[named]}")
        elif name in ("eventTime", "arrivalTime") and named in optional:
            _refuse_optional(document, here, named, "it says which hour a row belongs to")
    for position, column in enumerate(table.properties or []):
        if column.primaryKey and column.name in optional:
            here = (*TABLE, "properties", position)
            _refuse_optional(document, here, column.name, "it is part of the key")


def _refuse_optional(document: Document, here: Location, column: str, why: str) -> None:
    expected = f"a column that every source has, as {why}"
    found = f"{column}, which is {OPTIONAL_AT_SOURCE}"
    document.problem(here, OPTIONAL_AT_SOURCE, expected=expected, found=found)


def _check_query(
    document: Document, table: SchemaObject, said: dict[str, Any], columns: Sequence[Column]
) -> None:
    if "fileQuery" not in said:
        return
    position = [one.property for one in table.customProperties or []].index("fileQuery")
    here = (*TABLE, "customProperties", position, "value")
    if said.get("streamKind", "stream") != "stream":
        expected = "none, as reference tables are not read from files"
        document.problem(here, "fileQuery", expected=expected, found="one")
        return
    check_file_query(document, here, said["fileQuery"], columns)


def _default_tenant(columns: Sequence[Column]) -> str | None:
    names = (column.name for column in columns if column.type in (_ROLES["tenant"] or ()))
    return _TENANT if _TENANT in names else None


def _read_agreements(
    document: Document, agreements: Sequence[ServiceLevelAgreementProperty]
) -> dict[str, float]:
    """Hours of `retention` and `freshness`; other agreements are for people to read.

    A retention whose element is `layer/table` is that one table's: `retention layer/table`.
    """
    hours: dict[str, float] = {}
    for position, agreement in enumerate(agreements):
        here: Location = ("slaProperties", position)
        name = agreement.property or ""
        if name not in ("retention", "freshness"):
            continue
        value: Any = agreement.value
        if not NUMBER.accepts(value) or value <= 0:
            expected = "a number greater than 0"
            document.problem((*here, "value"), name, expected=expected, found=repr(value))
        elif agreement.unit not in _HOURS:
            expected, found = one_of(_HOURS), agreement.unit or "none"
            document.problem((*here, "unit"), f"unit of {name}", expected=expected, found=found)
        elif value > (most := LONGEST_DAYS * 24 // _HOURS[agreement.unit]):
            expected = f"at most {most:,}"
            document.problem((*here, "value"), name, expected=expected, found=repr(value))
        else:
            hours[_of(agreement)] = float(value) * _HOURS[agreement.unit]
    for name in ("retention", "freshness"):
        if not any(_of(agreement) == name for agreement in agreements):
            expected = f"a service level with property {name}"
            document.problem(("slaProperties",), name, expected=expected, found="none")
    return hours


def _of(agreement: ServiceLevelAgreementProperty) -> str:
    element = agreement.element or ""
    of_table = agreement.property == "retention" and "/" in element
    return f"retention {element}" if of_table else agreement.property or ""


def _days(hours: float) -> int:
    """Whole days, never fewer than were promised."""
    return math.ceil(hours / 24)
