"""Which columns of a contract no rule looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.contracts.rules.batch_checks import BATCH_CHECKS
from chimera_assets.contracts.rules.row_checks import violation

if TYPE_CHECKING:
    from chimera_assets.contracts.model import Contract, Rule


def columns_without_rule(contract: Contract) -> tuple[str, ...]:
    """The columns, in order, that no rule is about: of one column, of several, or of an hour.

    Presence that is required, of the key's columns always, and the hour of the event's time are
    rules.
    """
    looked_at = {name for rule in contract.rules for name in _columns(rule)}
    return tuple(name for name in contract.column_names if name not in looked_at)


def _columns(rule: Rule) -> set[str]:
    named = {rule.column} if rule.column is not None else set()
    if rule.check == "references":  # its expression asks for the other table's values
        return named
    read = (
        [violation(rule, {})]
        if rule.level == "row"
        else BATCH_CHECKS[rule.check].statistics(rule).values()
    )
    return named.union(*(expression.meta.root_names() for expression in read))
