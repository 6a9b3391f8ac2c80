"""What changed between two versions of a contract, in words, and what it means.

A change is compatible if every row that was accepted still is, and every column that a reader used
is still there, of the same type, no better hidden. Anything else is breaking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.contracts.compatibility import may_reject_more
from chimera_assets.contracts.rules.rule_text import rule_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chimera_assets.contracts.model import Column, Contract, Rule

#: Terms that are numbers -> what they are called, and which way of changing them breaks a promise.
_NUMBERS = {
    "retention_days": ("days of retention", "lowered"),
    "quarantine_days": ("days of quarantine", "lowered"),
    "vacuum_days": ("days of time travel", "lowered"),
    "pass_rate": ("pass rate", "raised"),
    "freshness_hours": ("hours of freshness", "raised"),
}
_ROLES = {
    "stream": "stream",
    "kind": "kind",
    "key": "key",
    "event_time": "event time",
    "arrival_time": "arrival time",
    "subject": "data subject",
}
_WORDING = {"description": "description", "owner": "owner", "tags": "tags"}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: what it concerns, in words, whether it breaks, the version bump it asks."""

    where: str
    words: str
    breaking: bool
    bump: str

    def __str__(self) -> str:
        """`breaking: column cost_usd removed (it was number)`, for instance."""
        verdict = "breaking" if self.breaking else "compatible"
        return f"{verdict}: {self.where} {self.words}"


def _breaking(where: str, words: str) -> Change:
    return Change(where, words, breaking=True, bump="major")


def _compatible(where: str, words: str, bump: str = "minor") -> Change:
    return Change(where, words, breaking=False, bump=bump)


def diff(old: Contract, new: Contract) -> list[Change]:
    """The differences, breaking ones first."""
    changes = [*_sla(old, new), *_columns(old, new), *_rules(old, new)]
    return sorted(changes, key=lambda change: not change.breaking)


def bump(changes: Sequence[Change]) -> str:
    """The semantic version part that the changes ask to raise: major, minor, patch or none."""
    asked = {change.bump for change in changes}
    return next((part for part in ("major", "minor", "patch") if part in asked), "none")


def next_version(version: str, part: str) -> str:
    """The version after `version` when `part` is raised."""
    major, minor, patch = (int(number) for number in version.split("."))
    raised = {
        "major": (major + 1, 0, 0),
        "minor": (major, minor + 1, 0),
        "patch": (major, minor, patch + 1),
    }
    return ".".join(str(number) for number in raised.get(part, (major, minor, patch)))


def version_suffices(old: Contract, new: Contract) -> bool:
    """Whether the new contract's version is raised at least as far as its changes ask."""
    least = next_version(old.version, bump(diff(old, new)))
    return _numbers(new.version) >= _numbers(least)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _sla(old: Contract, new: Contract) -> Iterator[Change]:
    for name, words in _ROLES.items():
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield _breaking(words, f"changed from {_said(before)} to {_said(after)}")
    if old.tenant != new.tenant:
        words = f"changed from {_said(old.tenant)} to {_said(new.tenant)}"
        # Legal holds of a tenant go by it; where there was none, there can be none.
        yield _breaking("tenant", words) if old.tenant else _compatible("tenant", words)
    for name, (words, breaks_when) in _NUMBERS.items():
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        change = f"{'lowered' if after < before else 'raised'} from {before:g} to {after:g}"
        broken = breaks_when == ("lowered" if after < before else "raised")
        yield _breaking(words, change) if broken else _compatible(words, change)
    yield from _table_retention(old, new)
    yield from _optional("source table", old, new)
    if old.source_table != new.source_table:
        words = f"changed from {old.source_table} to {new.source_table}"
        yield _compatible("source table", words)
    for name, words in _WORDING.items():
        if getattr(old, name) != getattr(new, name):
            yield _compatible(words, "changed", "patch")


def _optional(where: str, old: Contract | Column, new: Contract | Column) -> Iterator[Change]:
    """What the source has to have is no promise to readers."""
    if old.optional_at_source != new.optional_at_source:
        words = "may be missing" if new.optional_at_source else "has to be there"
        yield _compatible(where, f"{words} at the source")


def _table_retention(old: Contract, new: Contract) -> Iterator[Change]:
    """What a table's own retention was instead is its layer's business, so only more is safe."""
    for table in sorted({*old.table_retention, *new.table_retention}):
        before, after = old.table_retention.get(table), new.table_retention.get(table)
        if before == after:
            continue
        where = f"days of retention of {table}"
        words = f"changed from {_said(before)} to {_said(after)}"
        safe = before is not None and after is not None and after > before
        yield _compatible(where, words) if safe else _breaking(where, words)


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return "none" if value is None else str(value)


def _columns(old: Contract, new: Contract) -> Iterator[Change]:
    before = {column.name: column for column in old.columns}
    after = {column.name: column for column in new.columns}
    for name, column in before.items():
        if name not in after:
            yield _breaking(f"column {name}", f"removed (it was {column.type_in_words})")
        else:
            yield from _column(column, after[name])
    for name, column in after.items():
        if name in before:
            continue
        if column.required:
            yield _breaking(f"column {name}", f"added as required ({column.type_in_words})")
        else:
            yield _compatible(f"column {name}", f"added, may be null ({column.type_in_words})")
    shared = [name for name in before if name in after]
    if shared != [name for name in after if name in before]:
        yield _compatible("columns", "reordered", "patch")


def _column(old: Column, new: Column) -> Iterator[Change]:
    where = f"column {old.name}"
    if old.polars_type != new.polars_type:
        yield _breaking(where, f"retyped from {old.type_in_words} to {new.type_in_words}")
    if new.required and not old.required:
        yield _breaking(where, "made required (null was accepted)")
    elif old.required and not new.required:
        yield _compatible(where, "no longer required (null is accepted)")
    if new.classification > old.classification:
        words = f"classified higher, from {old.classification} to {new.classification}"
        yield _breaking(where, f"{words}: hidden from readers who saw it")
    elif new.classification < old.classification:
        words = f"classified lower, from {old.classification} to {new.classification}"
        yield _compatible(where, f"{words}: shown to readers who did not see it")
    if new.description != old.description:
        yield _compatible(where, "described anew", "patch")
    yield from _source(where, old, new)


def _source(where: str, old: Column, new: Column) -> Iterator[Change]:
    """What is read from another place is the same; what is computed otherwise need not be."""
    if old.transform != new.transform:
        words = f"computed otherwise: {_said(new.transform)} (before: {_said(old.transform)})"
        yield _breaking(where, words)
    elif old.source_name != new.source_name:
        words = f"read from {new.source_name} (before: {old.source_name})"
        yield _compatible(where, words)
    yield from _optional(where, old, new)
    if old.timezone != new.timezone:
        zones = f"{_said(old.timezone)} to {_said(new.timezone)}"
        yield _breaking(where, f"zone of times without one changed from {zones}")


def _rules(old: Contract, new: Contract) -> Iterator[Change]:
    before = {rule.name: rule for rule in old.rules}
    after = {rule.name: rule for rule in new.rules}
    for name, rule in before.items():
        if name not in after:
            yield _compatible(f"rule {name}", f"removed ({rule_text(rule)})")
        else:
            yield from _rule(rule, after[name])
    for name, rule in after.items():
        if name not in before:
            words = f"added: {rule_text(rule)} ({rule.severity})"
            known_column = rule.column is None or rule.column in old.column_names
            # A rule on a column that is new as well can reject nothing that was accepted.
            strict = rule.severity == "error" and known_column
            yield _breaking(f"rule {name}", words) if strict else _compatible(f"rule {name}", words)


def _rule(old: Rule, new: Rule) -> Iterator[Change]:
    where = f"rule {old.name}"
    asked_before, asked_after = rule_text(old), rule_text(new)
    if old.severity != new.severity:
        words = f"severity changed from {old.severity} to {new.severity}"
        strict = new.severity == "error"
        yield _breaking(where, words) if strict else _compatible(where, words)
    if asked_before != asked_after or (old.level, old.column) != (new.level, new.column):
        change = f"from {asked_before} to {asked_after}"
        if not may_reject_more(old, new):
            yield _compatible(where, f"loosened {change}")
        elif new.severity == "error":
            yield _breaking(where, f"tightened {change}")
        else:
            yield _compatible(where, f"changed {change} (a warning rejects nothing)")
    if old.description != new.description:
        yield _compatible(where, "described anew", "patch")
