"""Reads a contract's quality rules, the standard's own metrics and ours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.contracts.model import Column, Rule
from chimera_assets.contracts.odcs.columns import TABLE
from chimera_assets.contracts.odcs.implied_rules import event_rules, implied_rules
from chimera_assets.contracts.odcs.standard_metrics import METRICS, metric_check
from chimera_assets.contracts.rules.batch_checks import BATCH_CHECKS, BatchCheck
from chimera_assets.contracts.rules.bounds import OPERATORS, UNSUPPORTED, read_bounds
from chimera_assets.contracts.rules.dry_run import dry_run_problem
from chimera_assets.contracts.rules.row_checks import ROW_CHECKS, RowCheck
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from open_data_contract_standard.model import DataQuality, SchemaObject

    from chimera_assets.contracts.odcs.document import Document, Location
    from chimera_assets.contracts.rules.parameters import Parameter

#: The one engine that `type: custom` rules can name.
ENGINE = "pandera"

_SEVERITIES = ("error", "warning")
_DIMENSIONS = (
    "accuracy",
    "completeness",
    "conformity",
    "consistency",
    "coverage",
    "timeliness",
    "uniqueness",
)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class _Reader:
    """What the reading of each rule needs to know."""

    document: Document
    columns: Mapping[str, Column]
    key: tuple[str, ...]


def read_rules(
    document: Document,
    table: SchemaObject,
    columns: Sequence[Column],
    key: tuple[str, ...],
    placed_by: str | None,
) -> tuple[Rule, ...]:
    """All rules of a contract: those written, and those that its columns imply.

    What is wrong with them is noted in the document.

    Args:
        document: The contract's file.
        table: Its table.
        columns: The columns.
        key: Those of the key.
        placed_by: The column whose time says which hour a row belongs to; None for a reference
            table.
    """
    reader = _Reader(document, {column.name: column for column in columns}, key)
    rules: list[Rule] = []
    for position, declared in enumerate(table.properties or []):
        here = (*TABLE, "properties", position)
        column = reader.columns.get(declared.name or "")
        for number, quality in enumerate(declared.quality or []):
            rules.extend(_read_rule(reader, quality, (*here, "quality", number), column))
        if column is not None:
            rules.extend(implied_rules(document, declared, column, here, rules))
            if column.name == placed_by:
                rules.extend(event_rules(column, document.line(here), rules))
    for number, quality in enumerate(table.quality or []):
        rules.extend(_read_rule(reader, quality, (*TABLE, "quality", number), None))
    return _unique(document, rules)


def _unique(document: Document, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    by_name: dict[str, Rule] = {}
    for rule in rules:
        if rule.name in by_name:
            document.lines[("rule", rule.name)] = rule.line
            expected = f"a name of its own (line {by_name[rule.name].line} has it already)"
            what = "name of a rule"
            document.problem(("rule", rule.name), what, expected=expected, found=rule.name)
        by_name[rule.name] = rule
    return tuple(by_name.values())


def _read_rule(
    reader: _Reader, quality: DataQuality, here: Location, column: Column | None
) -> list[Rule]:
    """The rule, in a list of one; an empty list if it is text for people, or wrong."""
    document = reader.document
    kind = quality.type or "library"
    before = len(document.problems)
    if kind == "text":
        return []
    if kind == "library":
        level, check, params = _library(reader, quality, here, column)
    elif kind == "custom":
        level, check, params = _custom(reader, quality, here, column)
    else:
        expected = "library, custom or text (no engine here runs other types)"
        document.problem((*here, "type"), "type of a rule", expected=expected, found=kind)
        return []
    rule = Rule(
        name=_name(document, quality, here, column, check),
        column=column.name if column else None,
        level=level,
        severity=_severity(document, quality, here, level),
        dimension=_dimension(document, quality, here, level, check),
        description=" ".join((quality.description or "").split()),
        check=check,
        params=params,
        line=document.line(here),
    )
    if len(document.problems) > before:
        return []
    if wrong := dry_run_problem(rule, tuple(reader.columns.values())):
        document.problem(here, f"rule {rule.name}", expected=wrong[0], found=wrong[1])
        return []
    return [rule]


def _library(
    reader: _Reader, quality: DataQuality, here: Location, column: Column | None
) -> tuple[str, str, dict[str, Any]]:
    document = reader.document
    if quality.metric not in METRICS:
        expected, found = one_of(METRICS, quality.metric), quality.metric or "none"
        document.problem((*here, "metric"), "metric of a rule", expected=expected, found=found)
        return "row", "", {}
    for name in UNSUPPORTED:
        if getattr(quality, name) is not None:
            document.problem((*here, name), "operator", expected=one_of(OPERATORS), found=name)
    if not read_bounds(quality):
        expected = f"an operator, {one_of(OPERATORS)}"
        document.problem(here, f"metric {quality.metric}", expected=expected, found="none")
        return "row", "", {}
    return metric_check(document, quality, here, column, reader.key)


def _custom(
    reader: _Reader, quality: DataQuality, here: Location, column: Column | None
) -> tuple[str, str, dict[str, Any]]:
    document = reader.document
    if quality.engine != ENGINE:
        document.problem(
            (*here, "engine"), "engine of a rule", expected=ENGINE, found=quality.engine or "none"
        )
        return "row", "", {}
    written = quality.implementation
    # One line is enough for a rule: a text is a Polars SQL expression.
    params = {"check": "expression", "sql": written} if isinstance(written, str) else written
    params = dict(params or {})
    check = str(params.pop("check", "none"))
    place = (*here, "implementation")
    known: dict[str, RowCheck | BatchCheck] = {**ROW_CHECKS}
    known |= {name: found for name, found in BATCH_CHECKS.items() if found.custom}
    if check not in known:
        what = "check that an engine knows"
        document.problem((*place, "check"), what, expected=one_of(known, check), found=check)
        return "row", "", {}
    _check_parameters(reader, check, known[check].parameters, params, place)
    _check_type(document, check, known[check].types, column, here)
    return "row" if check in ROW_CHECKS else "batch", check, params


def _check_parameters(
    reader: _Reader,
    check: str,
    parameters: Mapping[str, Parameter],
    given: Mapping[str, Any],
    place: Location,
) -> None:
    document = reader.document
    for name, value in given.items():
        what = f"{name} of check {check}"
        if name not in parameters:
            expected = one_of(parameters, name) if parameters else "no parameter"
            document.problem(
                (*place, name), f"parameter of check {check}", expected=expected, found=name
            )
        elif not parameters[name].accepts(value):
            expected = parameters[name].expected
            document.problem((*place, name), what, expected=expected, found=repr(value))
        elif parameters[name].is_column:
            _check_columns(reader, what, value, (*place, name))
    for name, parameter in parameters.items():
        if parameter.required and name not in given:
            what = f"{name} of check {check}"
            document.problem(place, what, expected=parameter.expected, found="none")
    bounds = [name for name in ("min", "max") if name in parameters]
    if bounds and not any(name in given for name in bounds):
        document.problem(place, f"check {check}", expected="min, max or both", found="neither")
    elif bounds and {"min", "max"} <= given.keys() and given["min"] > given["max"]:
        found = f"min {given['min']}, max {given['max']}"
        document.problem(place, f"check {check}", expected="min no greater than max", found=found)


def _check_columns(reader: _Reader, what: str, named: str | Sequence[str], place: Location) -> None:
    for column in [named] if isinstance(named, str) else named:
        if column not in reader.columns:
            expected = f"a column: {one_of(reader.columns, column)}"
            reader.document.problem(place, what, expected=expected, found=column)


def _check_type(
    document: Document, check: str, types: frozenset[str], column: Column | None, here: Location
) -> None:
    needs = check in BATCH_CHECKS or ROW_CHECKS[check].needs_column
    if needs and column is None:
        expected = "to stand under `quality` of a column"
        document.problem(here, f"check {check}", expected=expected, found="it under the table's")
    elif needs and column is not None and column.type not in types:
        expected = f"a column of type {' or '.join(sorted(types))}"
        found = f"{column.name}: {column.type}"
        document.problem(here, f"check {check}", expected=expected, found=found)


def _name(
    document: Document, quality: DataQuality, here: Location, column: Column | None, check: str
) -> str:
    name = quality.name or (f"{column.name}_{check}" if column else check)
    if not _NAME.fullmatch(name):
        expected = "lower-case letters, digits and _"
        document.problem((*here, "name"), "name of a rule", expected=expected, found=name)
    return name


def _severity(document: Document, quality: DataQuality, here: Location, level: str) -> str:
    # One-sided or small hours still flow: batch rules warn unless the contract says otherwise.
    severity = quality.severity or ("error" if level == "row" else "warning")
    if severity not in _SEVERITIES:
        what = "severity of a rule"
        document.problem((*here, "severity"), what, expected=one_of(_SEVERITIES), found=severity)
    return severity


def _dimension(
    document: Document, quality: DataQuality, here: Location, level: str, check: str
) -> str:
    dimension = quality.dimension
    if dimension is None:
        checks: Mapping[str, Any] = ROW_CHECKS if level == "row" else BATCH_CHECKS
        return str(checks[check].dimension) if check else ""
    if dimension not in _DIMENSIONS:
        what = "dimension of a rule"
        document.problem((*here, "dimension"), what, expected=one_of(_DIMENSIONS), found=dimension)
    return dimension
