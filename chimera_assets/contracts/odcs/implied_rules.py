"""The rules that a column's own description implies, so that no word of it goes unchecked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chimera_assets.contracts.model import Column, Rule
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from open_data_contract_standard.model import SchemaProperty

    from chimera_assets.contracts.odcs.document import Document, Location

#: `logicalTypeOptions` that become rules -> check and parameter.
_OPTIONS: dict[str, tuple[str, str]] = {
    "minimum": ("range", "min"),
    "maximum": ("range", "max"),
    "minLength": ("length", "min"),
    "maxLength": ("length", "max"),
    "minItems": ("list_length", "min"),
    "maxItems": ("list_length", "max"),
    "pattern": ("pattern", "regex"),
}

#: `logicalTypeOptions` that inform people and ask for no check.
_TELLING = ("timezone", "defaultTimezone", "format")

_CHECK_TYPES = {
    "range": ("integer", "number"),
    "length": ("string",),
    "list_length": ("array<string>",),
    "pattern": ("string",),
}

_DIMENSION = {"not_null": "completeness", "within_hour": "timeliness"}


def implied_rules(
    document: Document,
    declared: SchemaProperty,
    column: Column,
    here: Location,
    written: Sequence[Rule],
) -> list[Rule]:
    """Rules from `required`, `enum` and `logicalTypeOptions`, unless such a rule is written."""
    checks: dict[str, dict[str, Any]] = {}
    if column.required:
        checks["not_null"] = {}
    if declared.enum:
        checks["in_set"] = {"values": [item.value for item in declared.enum]}
    for option, value in (declared.logicalTypeOptions or {}).items():
        if option in _TELLING:
            continue
        check, parameter = _OPTIONS.get(option, ("", ""))
        if column.type not in _CHECK_TYPES.get(check, ()):
            fitting = [
                name for name, (kind, _) in _OPTIONS.items() if column.type in _CHECK_TYPES[kind]
            ]
            place = (*here, "logicalTypeOptions", option)
            expected = one_of((*fitting, *_TELLING), option)
            document.problem(
                place, f"option of column {column.name}", expected=expected, found=option
            )
            continue
        checks.setdefault(check, {})[parameter] = value
    has = {(rule.column, rule.check) for rule in written if rule.severity == "error"}
    return [
        _rule(column, check, params, document.line(here))
        for check, params in checks.items()
        if (column.name, check) not in has
    ]


def event_rules(column: Column, line: int, written: Sequence[Rule]) -> list[Rule]:
    """The rule that an hourly stream's event lies in its row's hour, unless such a rule is written.

    A row whose event seems to be later than its arrival is kept under the hour of its arrival (see
    `sources/placement.py`), and must not be published there.
    """
    if any((rule.column, rule.check) == (column.name, "within_hour") for rule in written):
        return []
    return [_rule(column, "within_hour", {}, line)]


def _rule(column: Column, check: str, params: dict[str, Any], line: int) -> Rule:
    return Rule(
        name=f"{column.name}_{check}",
        column=column.name,
        level="row",
        severity="error",
        dimension=_DIMENSION.get(check, "conformity"),
        description=f"Follows from the description of column {column.name}.",
        check=check,
        params=params,
        line=line,
    )
