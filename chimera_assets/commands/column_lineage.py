"""`chimera lineage --column`: what a column is made of, down to the operational database."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from chimera_assets.commands.tables import named
from chimera_assets.commands.terminal import print_json, print_table
from chimera_assets.contracts import known_contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.lake import open_lake
from chimera_assets.lineage.columns import ways_down
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.system_tables.column_lineage import column_lineages
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.lineage.columns import ColumnStep
    from chimera_assets.privacy.origins import Source


def show_columns(column: str, *, beside: str | None, as_json: bool) -> int:
    """Print every step from a column, or from each of a table, down to its source.

    Args:
        column: `layer/table.column`, or `layer/table`.
        beside: A stream that was named as well, which is a mistake.
        as_json: Whether for programs.

    Raises:
        ArgumentError: There is no such table or column.
    """
    if beside is not None:
        msg = f"--column: expected no stream beside it, found {beside}"
        raise ArgumentError(msg)
    steps = list(dict.fromkeys(step for start in _chosen(column) for step in _ways(start)))
    if as_json:
        print_json([asdict(step) for step in steps])
        return 0
    rows = (
        (f"{step.table}.{step.column}", _made_of(step), step.how) for step in dict.fromkeys(steps)
    )
    print_table(("column", "made of", "how"), rows)
    return 0


def _chosen(column: str) -> list[Source]:
    layer, _, rest = column.partition("/")
    name, dot, wanted = rest.partition(".")
    table = named(f"{layer}/{name}")
    known = table.schema().names
    if dot and wanted not in known:
        msg = f"column of {layer}/{name}: expected {one_of(known, wanted)}, found {wanted}"
        raise ArgumentError(msg)
    return [(layer, name, one) for one in ([wanted] if dot else known)]


def _ways(start: Source) -> Iterator[ColumnStep]:
    lineages = column_lineages(open_lake())
    return ways_down(lineages, known_contracts(), active_aggregates(), start)


def _made_of(step: ColumnStep) -> str | None:
    if step.from_table is None:
        return None
    return f"{step.from_table}.{step.from_column}" if step.from_column else step.from_table
