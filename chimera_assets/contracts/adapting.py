"""A contract's file as an adapter changes it: the same columns, from elsewhere."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chimera_assets.contracts.odcs.columns import OPTIONAL_AT_SOURCE, TABLE
from chimera_assets.errors import in_short
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts.odcs.document import Document, Location
    from chimera_assets.packs.adapters import Adapter, ColumnSource

#: Parts of a column that say where it comes from.
_SOURCE_PARTS = ("physicalName", "transformLogic", "logicalTypeOptions", "required")

#: Parts of a rule that are not parameters of its check.
_SEVERITY, _CHECK = "severity", "implementation"


@dataclass
class _Adapted:
    """A copy of a contract's document that is being changed."""

    document: Document
    adapter: Adapter

    @cached_property
    def table(self) -> dict[str, Any]:
        """The contract's table."""
        table: dict[str, Any] = self.document.data["schema"][0]
        return table

    @cached_property
    def properties(self) -> dict[str, tuple[int, dict[str, Any]]]:
        """The columns by name, each with its position."""
        columns = self.table.get("properties") or []
        return {column["name"]: (position, column) for position, column in enumerate(columns)}

    def changed(self, part: Location, at: Location) -> None:
        """Note that a part of the contract stands in the adapter now."""
        self.document.patches[part] = self.adapter.document.place(at)

    def wrong(self, at: Location, what: str, *, expected: str, found: str) -> None:
        """Note something that is wrong in the adapter."""
        self.adapter.document.problem(at, what, expected=expected, found=found)

    def set_custom(self, holder: dict[str, Any], name: str, value: object, at: Location) -> None:
        """Give a table, or a column, a custom property."""
        customs = [one for one in holder.get("customProperties") or [] if one["property"] != name]
        holder["customProperties"] = [*customs, {"property": name, "value": value}]
        if holder is self.table:
            self.changed((*TABLE, "customProperties", len(customs)), at)


def adapted(document: Document, adapter: Adapter) -> Document:
    """A contract's document with an adapter's changes; its file stays as it is.

    Args:
        document: The contract's, sound by itself.
        adapter: An adapter of its stream.

    Raises:
        PackError: The adapter names columns or rules that the contract does not have, or leaves
            out what has to be known; holds every problem, by line.
    """
    changed = replace(document, data=copy.deepcopy(document.data), patches={}, problems=[])
    work = _Adapted(changed, adapter)
    changes = adapter.changes
    for name, source in changes.columns.items():
        _change_column(work, name, source)
    if changes.table is not None:
        work.table["physicalName"] = changes.table
        work.changed((*TABLE, "physicalName"), ("table",))
        _leave_out_others(work)
    for custom in ("mayLack", "fileQuery", "fileMarks"):
        if value := getattr(changes, custom):
            written = list(value) if isinstance(value, tuple) else value
            work.set_custom(work.table, custom, written, (custom,))
    for name, change in changes.rules.items():
        _change_rule(work, name, change)
    for position, name in enumerate(changes.without):
        _drop_rule(work, name, ("without", position))
    adapter.document.raise_problems()
    return changed


def _change_column(work: _Adapted, name: str, source: ColumnSource) -> None:
    at: Location = ("columns", name)
    if name not in work.properties:
        expected = f"a column of {work.adapter.changes.stream}, {one_of(work.properties, name)}"
        work.wrong(at, "column", expected=expected, found=name)
        return
    position, column = work.properties[name]
    given = source.model_dump(exclude_none=True)
    zone = given.pop("defaultTimezone", None)
    if "physicalName" in given or "transformLogic" in given:
        column.pop("physicalName", None)
        column.pop("transformLogic", None)
    column.update(given)
    if zone is not None:
        options = column.get("logicalTypeOptions") or {}
        column["logicalTypeOptions"] = {**options, "defaultTimezone": zone}
    for part in _SOURCE_PARTS:
        work.changed((*TABLE, "properties", position, part), at)


def _leave_out_others(work: _Adapted) -> None:
    """See that what has to be known is said; the table may have the other columns, or not."""
    listed, customs = work.adapter.changes.columns, work.table.get("customProperties") or []
    roles = ("eventTime", "arrivalTime")
    times = {one["value"] for one in customs if one.get("property") in roles}
    others = {name: one for name, (_, one) in work.properties.items() if name not in listed}
    missing = [
        name
        for name, column in others.items()
        if column.get("required") or column.get("primaryKey") or name in times
    ]
    if missing:
        expected = "every column that has to be known of each row"
        work.wrong(("columns",), "columns", expected=expected, found=f"no {in_short(missing)}")
        return
    for column in others.values():
        work.set_custom(column, OPTIONAL_AT_SOURCE, value=True, at=())


def _rules(work: _Adapted) -> Iterator[tuple[list[dict[str, Any]], Location]]:
    """Every list of rules, and where it is."""
    for position, column in work.properties.values():
        yield column.get("quality") or [], (*TABLE, "properties", position, "quality")
    yield work.table.get("quality") or [], (*TABLE, "quality")


def _change_rule(work: _Adapted, name: str, change: dict[str, Any]) -> None:
    for rules, here in _rules(work):
        for number, rule in enumerate(rules):
            if rule.get("name") != name:
                continue
            given = dict(change)
            if _SEVERITY in given:
                rule[_SEVERITY] = given.pop(_SEVERITY)
            if given and not isinstance(rule.get(_CHECK), dict):
                expected = "severity alone, as the rule's check has no parameters"
                work.wrong(("rules", name), name, expected=expected, found=", ".join(given))
            elif given:
                rule[_CHECK] = {**rule[_CHECK], **given}
            for part in (_SEVERITY, _CHECK):
                work.changed((*here, number, part), ("rules", name))
            return
    _no_rule(work, name, ("rules", name))


def _drop_rule(work: _Adapted, name: str, at: Location) -> None:
    for rules, _ in _rules(work):
        for number, rule in enumerate(rules):
            if rule.get("name") == name:
                # The others keep their places, and with them their lines.
                rules[number] = {"type": "text", "description": rule.get("description")}
                return
    _no_rule(work, name, at)


def _no_rule(work: _Adapted, name: str, at: Location) -> None:
    known = [rule["name"] for rules, _ in _rules(work) for rule in rules if "name" in rule]
    expected = f"a rule of {work.adapter.changes.stream}, {one_of(known, name)}"
    work.wrong(at, "rule", expected=expected, found=name)
