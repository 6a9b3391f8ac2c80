"""The clock is read where a run or command begins, and nowhere below."""

from __future__ import annotations

import ast
from pathlib import Path

import chimera_assets

PACKAGE = Path(chimera_assets.__file__).parent

#: Where runs and commands begin.
EDGES = {"cli", "commands", "monitoring", "orchestration"}

#: What deltalake's cleanup of a log will delete goes by the clock, which deltalake asks itself.
GOES_BY_DELTALAKES_CLOCK = "lake/log_retention.py"


def clock_reads(source: str) -> list[int]:
    """The lines that ask for today or now."""
    names = {"now", "today", "utcnow"}
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in names
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date"}
    ]


def test_no_logic_asks_the_clock() -> None:
    assert clock_reads("datetime.now(UTC)") == [1]
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in EDGES
        and str(path.relative_to(PACKAGE)) != GOES_BY_DELTALAKES_CLOCK
        for line in clock_reads(path.read_text())
    ]
    assert found == []
