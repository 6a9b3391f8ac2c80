"""Each of the platform's own tables has one module that knows its name and its columns."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import chimera_assets
from chimera_assets import system_tables

PACKAGE = Path(chimera_assets.__file__).parent
HOME = Path(system_tables.__file__).parent


def opened_or_named(tree: ast.Module, names: set[str]) -> list[int]:
    """The lines that open a table of the layer `quality`, or whose string is the name of one."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args else None
            if node.func.attr == "table" and isinstance(first, ast.Name) and first.id == "QUALITY":
                lines.append(node.lineno)
        elif isinstance(node, ast.Constant) and node.value in names:
            lines.append(node.lineno)
    return lines


def test_system_tables_are_opened_and_named_in_their_modules_only() -> None:
    modules = [import_module(f"{system_tables.__name__}.{m.name}") for m in iter_modules([HOME])]
    names = {f"quality/{one.NAME}" for one in modules if hasattr(one, "NAME")}
    assert names == {
        "quality/batches",
        "quality/check_results",
        "quality/column_lineage",
        "quality/column_profiles",
        "quality/dropped",
        "quality/legal_holds",
        "quality/replays",
        "quality/upkeep",
    }
    assert opened_or_named(
        ast.parse('lake.table(QUALITY, "batches"); x = "quality/dropped"'), names
    )
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in PACKAGE.rglob("*.py")
        if path.parent != HOME
        for line in opened_or_named(ast.parse(path.read_text()), names)
    ]
    assert found == []
