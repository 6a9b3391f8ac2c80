"""The draft as a contract file, with a comment wherever somebody should look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from chimera_assets.contracts.drafting.personal import INTERNAL, judged
from chimera_assets.contracts.drafting.roles import roles
from chimera_assets.contracts.drafting.rules import is_never_null, suggested

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts.drafting.draft import Draft, DraftColumn
    from chimera_assets.contracts.drafting.roles import Roles

_REVIEW = "  # review: "


def draft_text(draft: Draft) -> str:
    """The file; what was guessed or judged from the sample has a comment that begins `review`."""
    found = roles(draft)
    return "\n".join([*_head(draft, found), *_columns(draft, found), *_foot()]) + "\n"


def _head(draft: Draft, found: Roles) -> Iterator[str]:
    rows = f"{'the first ' if draft.is_sample else ''}{draft.rows:,} rows"
    yield f"# Drafted from {rows} of {draft.origin}; look at each line with `review`."
    yield "apiVersion: v3.1.0"
    yield "kind: DataContract"
    yield f"id: {_yaml(f'urn:contract:{draft.stream}')}"
    yield f"name: {_yaml(draft.stream.replace('_', ' ').capitalize())}"
    yield "version: 0.1.0"
    yield "status: draft"
    yield f"description: {{purpose: {_yaml(f'Rows of {draft.origin}.')}}}{_REVIEW}for whom"
    yield f"team: {{name: data}}{_REVIEW}who answers for it"
    yield "slaProperties:"
    yield f"  - {{property: freshness, value: 2, unit: h}}{_REVIEW}how old the newest hour may be"
    yield f"  - {{property: retention, value: 90, unit: d}}{_REVIEW}how long rows are kept"
    yield "schema:"
    yield f"  - name: {draft.stream}"
    yield f"    physicalName: {_yaml(draft.source_table)}"
    yield "    logicalType: object"
    yield "    customProperties:"
    if found.event is None:
        yield f"      - {{property: streamKind, value: reference}}{_REVIEW}no column is a time"
    else:
        yield f"      - {{property: eventTime, value: {found.event}}}{_REVIEW}when it happened"
        yield f"      - {{property: arrivalTime, value: {found.arrival}}}{_REVIEW}when it came"
    if found.tenant is not None:
        yield f"      - {{property: tenant, value: {found.tenant}}}{_REVIEW}whose row it is"
    if found.subject is not None:
        yield f"      - {{property: dataSubject, value: {found.subject}}}{_REVIEW}whom it is about"


def _columns(draft: Draft, found: Roles) -> Iterator[str]:
    yield "    properties:"
    first = {name: place for place, name in enumerate(found.key)}
    for column in sorted(draft.columns, key=lambda one: first.get(one.name, len(first))):
        yield from _column(column, found)
    for other in draft.left_out:
        yield f"      # left out: {_yaml(other.source_name)}: {other.why}"


def _column(column: DraftColumn, found: Roles) -> Iterator[str]:
    yield f"      - name: {column.name}"
    if column.transform is not None:
        yield f"        transformLogic: {_yaml(column.transform)}"
    elif column.source_name != column.name:
        yield f"        physicalName: {_yaml(column.source_name)}"
    yield from _type(column)
    is_key = column.name in found.key
    if is_key:
        yield f"        primaryKey: true{_of_key(column, found)}"
        if len(found.key) > 1:
            yield f"        primaryKeyPosition: {found.key.index(column.name) + 1}"
    if is_key or column.not_null:
        yield "        required: true"
    elif is_never_null(column):
        yield f"        required: true{_REVIEW}no null in the rows looked at"
    level, why = judged(column)
    yield f"        classification: {level}{_REVIEW + why if why else ''}"
    described = column.description or f"{column.source_name} of the source."
    yield f"        description: {_yaml(described)}"
    # Values of people do not belong into a contract.
    check = suggested(column, is_key=is_key) if level == INTERNAL else None
    if check is not None:
        yield from _rule(column, check)


def _of_key(column: DraftColumn, found: Roles) -> str:
    """What to look at of a column of the key."""
    said = ["guessed, as the source has no key"] if found.key_is_guessed else []
    if found.key_lost_event and column.name == found.key[0]:
        said.append(
            f"the source's key has {found.event}, too; the rows looked at differ without it, "
            "and so a row whose time is corrected stays the same row"
        )
    if column.name == found.event:
        said.append(
            "the event's time: a row whose time is corrected is another row, and there twice"
        )
    return f"{_REVIEW}{'; '.join(said)}" if said else ""


def _type(column: DraftColumn) -> Iterator[str]:
    if column.type == "array<string>":
        yield "        logicalType: array"
        yield "        items: {logicalType: string}"
        return
    said = ""
    if column.is_inexact:
        said = f"{_REVIEW}floating point; for money say physicalType: numeric(p, s), p at most 38"
    elif column.not_finite:
        said = f"{_REVIEW}{column.not_finite:,} values are NaN or infinite: their rows are rejected"
    yield f"        logicalType: {column.type}{said}"
    if column.physical_type:
        yield f"        physicalType: {_yaml(column.physical_type)}"
    if column.is_naive:
        zone = f"{_REVIEW}its times have no zone"
        yield f"        logicalTypeOptions: {{defaultTimezone: UTC}}{zone}"


def _rule(column: DraftColumn, check: dict[str, Any]) -> Iterator[str]:
    yield "        quality:"
    yield f"          - name: {column.name}_{check['check']}"
    yield "            type: custom"
    yield "            engine: pandera"
    yield f"            implementation: {_yaml(check)}"
    yield f"            severity: warning{_REVIEW}as in the rows looked at; then error"
    yield "            description: As it was when the contract was drafted."


def _foot() -> Iterator[str]:
    yield "    quality:"
    yield "      - name: volume"
    yield "        type: library"
    yield "        metric: rowCount"
    yield "        mustBeGreaterThan: 0"
    yield "        severity: warning"
    yield "        description: It is never empty."


def _yaml(value: object) -> str:
    """A value on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False
    )
    return str(text).removesuffix("...\n").rstrip("\n")
