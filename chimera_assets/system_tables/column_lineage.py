"""`quality/column_lineage`: a row a version of a dbt model, with what it makes its columns of.

A row is written before the first rows that its version makes are, and kept for as long as the lake:
a table may have hours of every version. Readers mask by it, see `privacy.table_masks`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import polars as pl

from chimera_assets.layers import QUALITY
from chimera_assets.privacy.origins import Lineages, ModelLineage

if TYPE_CHECKING:
    from chimera_assets.lake import Lake
    from chimera_assets.lake.table import Table

NAME = "column_lineage"

#: `version` is another one when a model's SQL is. `columns` and `reads` are JSON: an object, column
#: -> its [layer, table, column] or null, and an array of [layer, table] or null.
COLUMN_LINEAGE = pl.Schema(
    {
        "layer": pl.String(),
        "table": pl.String(),
        "version": pl.String(),
        "columns": pl.String(),
        "reads": pl.String(),
    }
)

#: The table -> the version that was read last, and what it says: the pages ask for each model.
_known: WeakKeyDictionary[Table, tuple[int, Lineages]] = WeakKeyDictionary()


def append_lineages(lake: Lake, lineages: Lineages) -> None:
    """Add versions of models."""
    rows = [
        {
            "layer": layer,
            "table": table,
            "version": version,
            "columns": json.dumps(
                {name: _sorted(sources) for name, sources in one.columns.items()}
            ),
            "reads": json.dumps(_sorted(one.reads)),
        }
        for (layer, table), versions in lineages.items()
        for version, one in versions.items()
    ]
    lake.table(QUALITY, NAME).append(pl.DataFrame(rows, schema=COLUMN_LINEAGE))


def column_lineages(lake: Lake) -> Lineages:
    """Every version of every model that ever wrote into the lake."""
    table = lake.table(QUALITY, NAME)
    if not table.exists():
        return {}
    known = _known.get(table)
    if known is None or known[0] != table.version():
        known = _known[table] = (table.version(), _read(table))
    return {model: {**versions} for model, versions in known[1].items()}


def _read(table: Table) -> Lineages:
    found: Lineages = {}
    for row in table.read(columns=list(COLUMN_LINEAGE)).collect().iter_rows(named=True):
        columns, reads = json.loads(row["columns"]), json.loads(row["reads"])
        found.setdefault((row["layer"], row["table"]), {})[row["version"]] = ModelLineage(
            {
                name: None if sources is None else frozenset(map(tuple, sources))
                for name, sources in columns.items()
            },
            None if reads is None else frozenset(map(tuple, reads)),
        )
    return found


def _sorted(names: frozenset[tuple[str, ...]] | None) -> list[tuple[str, ...]] | None:
    return None if names is None else sorted(names)
