"""The standard's own metrics, as checks.

`mustBe: 0` of nullValues, missingValues or invalidValues judges each row; any other bound, such as
`mustBeLessThan: 5` with `unit: percent`, judges the hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chimera_assets.contracts.model import Column, Rule
from chimera_assets.contracts.rules.bounds import read_bounds
from chimera_assets.contracts.rules.parameters import REGEX, VALUES
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality

    from chimera_assets.contracts.odcs.document import Document, Location

#: The standard's metrics -> the arguments of each.
METRICS: dict[str, tuple[str, ...]] = {
    "nullValues": (),
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern"),
    "duplicateValues": ("properties",),
    "rowCount": (),
}

_UNITS = ("rows", "percent")


def metric_check(
    document: Document,
    quality: DataQuality,
    here: Location,
    column: Column | None,
    key: tuple[str, ...],
) -> tuple[str, str, dict[str, Any]]:
    """Level, name and parameters of the check that a metric stands for."""
    metric = str(quality.metric)
    arguments = quality.arguments or {}
    for name in arguments:
        if name not in METRICS[metric]:
            expected = one_of(METRICS[metric], name) if METRICS[metric] else "no argument"
            place = (*here, "arguments", name)
            document.problem(place, f"argument of {metric}", expected=expected, found=name)
    bounds = read_bounds(quality) | _unit(document, quality, here)
    if metric == "rowCount":
        return "batch", "row_count", bounds
    if metric == "duplicateValues":
        of = tuple(arguments.get("properties") or ((column.name,) if column else key))
        if set(of) != set(key):
            # Duplicates are found where rows are deduplicated, which is by key.
            expected, found = f"the key, {', '.join(key)}", ", ".join(of)
            document.problem(here, "columns of duplicateValues", expected=expected, found=found)
        return "batch", "duplicate_rows", bounds
    if column is None:
        expected = "to stand under `quality` of a column"
        document.problem(here, f"metric {metric}", expected=expected, found="it under the table's")
        return "row", "", {}
    check, params = _row_check(document, metric, arguments, here)
    if bounds == {"min": 0, "max": 0}:
        return "row", check, params
    inner = Rule("inner", column.name, "row", "warning", "", "", check, params)
    return "batch", "broken_rows", bounds | {"rule": inner}


def _unit(document: Document, quality: DataQuality, here: Location) -> dict[str, Any]:
    if quality.unit in (None, "rows"):
        return {}
    if quality.unit not in _UNITS or quality.metric == "rowCount":
        expected = "rows" if quality.metric == "rowCount" else one_of(_UNITS)
        document.problem((*here, "unit"), "unit", expected=expected, found=quality.unit)
    return {} if quality.mustBe == 0 else {"unit": quality.unit}


def _row_check(
    document: Document, metric: str, arguments: dict[str, Any], here: Location
) -> tuple[str, dict[str, Any]]:
    if metric == "nullValues":
        return "not_null", {}
    if metric == "missingValues":
        values = arguments.get("missingValues", [None, ""])
        if not VALUES.accepts(values):
            what = "missingValues"
            document.problem(here, what, expected=VALUES.expected, found=repr(values))
        return "not_missing", {"values": values}
    if "pattern" in arguments and "validValues" not in arguments:
        if not REGEX.accepts(arguments["pattern"]):
            place = (*here, "arguments", "pattern")
            found = repr(arguments["pattern"])
            document.problem(place, "pattern", expected=REGEX.expected, found=found)
        return "pattern", {"regex": arguments["pattern"]}
    values = arguments.get("validValues")
    if not VALUES.accepts(values) or "pattern" in arguments:
        expected = "one argument, validValues (a list) or pattern"
        document.problem(here, "invalidValues", expected=expected, found=repr(arguments))
    return "in_set", {"values": values}
