"""The text of a rule, for docs and for reports of what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.contracts.rules.bounds import in_words

if TYPE_CHECKING:
    from chimera_assets.contracts.model import Rule


def rule_text(rule: Rule) -> str:
    """The check and its parameters: `range of latency_ms (min 0, max 10000)` for instance."""
    of = f" of {rule.column}" if rule.column else ""
    if rule.check in ("row_count", "duplicate_rows"):
        return f"{_plain(rule.check)}{of} {in_words(rule.params)}{_unit(rule)}"
    if rule.check == "broken_rows":
        inner: Rule = rule.params["rule"]
        return f"rows breaking {rule_text(inner)} {in_words(rule.params)}{_unit(rule)}"
    if rule.check == "expression":
        return f"`{rule.params['sql']}`"
    given = ", ".join(f"{name} {value}" for name, value in rule.params.items())
    return f"{_plain(rule.check)}{of}" + (f" ({given})" if given else "")


def _plain(check: str) -> str:
    return check.replace("_", " ")


def _unit(rule: Rule) -> str:
    return " percent" if rule.params.get("unit") == "percent" else ""
