"""A contract as a page of Markdown, for the docs and the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.contracts.rules.rule_text import rule_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chimera_assets.contracts.model import Contract


def contract_markdown(contract: Contract) -> str:
    """The terms, the columns and the rules of a contract, each as a table."""
    sla = [
        ("kind", contract.kind),
        ("owner", contract.owner),
        ("source table", contract.source_table),
        ("key", ", ".join(contract.key)),
        ("event time", contract.event_time),
        ("arrival time", contract.arrival_time),
        ("data subject", contract.subject),
        ("tenant", contract.tenant),
        ("fresh within", f"{contract.freshness_hours:g} h"),
        ("rows kept", f"{contract.retention_days} days"),
        ("rejected rows kept", f"{contract.quarantine_days} days"),
        ("table versions kept", f"{contract.vacuum_days} days"),
        ("pass rate", f"{contract.pass_rate:.2%}"),
    ]
    columns = (
        (c.name, c.type, "yes" if c.required else "", c.classification, c.description)
        for c in contract.columns
    )
    rules = (
        (r.name, r.level, r.severity, r.dimension, rule_text(r), r.description)
        for r in contract.rules
    )
    parts = [
        f"# {contract.stream} {contract.version}",
        contract.description,
        _table(("term", "value"), ((name, value or "none") for name, value in sla)),
        "## Columns",
        _table(("column", "type", "required", "class", "description"), columns),
        "## Rules",
        _table(("rule", "judges", "severity", "dimension", "asks for", "description"), rules),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
