"""Which columns a dbt model's columns are made from, read off its compiled SQL by sqlglot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import dagster as dg

from chimera_assets.privacy.origins import lineage_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sqlglot.lineage import Node

#: Column -> the (layer, table, column) it depends on.
Lineage = dict[str, list[list[str]]]


def column_lineage(
    manifest: Mapping[str, Any], unique_id: str, compiled: Path
) -> dg.TableColumnLineage | None:
    """A model's column lineage; None if its SQL was not compiled, or sqlglot cannot work it out.

    It is worked out once for each version of a model and kept under CHIMERA_HOME.

    Args:
        manifest: The dbt manifest, whose described columns say what `*` stands for.
        unique_id: dbt's id of the model.
        compiled: The folder into which dbt compiled the project.
    """
    model = manifest["nodes"][unique_id]
    path = compiled / model["package_name"] / model["original_file_path"]
    if not path.exists():
        return None
    kept = lineage_file(model["name"], model["checksum"]["checksum"])
    if not kept.exists():
        kept.write_text(json.dumps(_lineage(path.read_text(), _columns(manifest))))
    found: Lineage = json.loads(kept.read_text())
    if not found:
        return None
    return dg.TableColumnLineage(
        {
            name: [
                dg.TableColumnDep(dg.AssetKey([layer, table]), column)
                for layer, table, column in deps
            ]
            for name, deps in found.items()
        }
    )


def _columns(manifest: Mapping[str, Any]) -> dict[str, dict[str, dict[str, str]]]:
    """Schema -> table -> column -> type, of every model and source."""
    described: dict[str, dict[str, dict[str, str]]] = {}
    for node in [*manifest["nodes"].values(), *manifest["sources"].values()]:
        if node["resource_type"] in {"model", "source"}:
            columns = {c["name"]: c.get("data_type") or "varchar" for c in node["columns"].values()}
            described.setdefault(node["schema"], {})[node["name"]] = columns
    return described


def _lineage(sql: str, columns: dict[str, dict[str, dict[str, str]]]) -> Lineage:
    """What a SELECT's columns are made from; nothing if sqlglot cannot tell."""
    from sqlglot import exp, parse_one  # noqa: PLC0415 - heavy, and only needed for new SQL
    from sqlglot.errors import SqlglotError  # noqa: PLC0415 - as above
    from sqlglot.lineage import lineage  # noqa: PLC0415 - as above

    try:
        query = parse_one(sql, dialect="duckdb")
        for table in query.find_all(exp.Table):
            table.set("catalog", None)  # the in-memory database's name says nothing
        nodes = lineage(None, query, columns, dialect="duckdb", validate_qualify_columns=False)
    except (SqlglotError, RecursionError):
        return {}  # the table is there already: this must not fail its step
    return {name: sorted(_leaves(node.walk())) for name, node in nodes.items()}


def _leaves(nodes: Iterable[Node]) -> list[list[str]]:
    from sqlglot import exp  # noqa: PLC0415 - as above

    leaves = {
        (node.expression.db, node.expression.name, node.name.rpartition(".")[2].strip('"'))
        for node in nodes
        if isinstance(node.expression, exp.Table) and node.expression.db
    }
    return [list(leaf) for leaf in leaves]
