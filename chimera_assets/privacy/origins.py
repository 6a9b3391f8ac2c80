"""Which contracts' columns a dbt model's column is made of, as runs found and kept it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chimera_assets.layers import STREAM_LAYERS
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from pathlib import Path

#: A stream, and a column of it.
Origin = tuple[str, str]

_CHECKSUM = "[0-9a-f]" * 64


def lineage_file(model: str, checksum: str) -> Path:
    """Where a model's lineage is kept: column -> the (layer, table, column) it is made of."""
    return get_settings().room("dbt", "lineage") / f"{model}-{checksum}.json"


def origins(model: str, column: str) -> tuple[frozenset[Origin], bool]:
    """The columns of streams that a model's column is made of, through all models between.

    A table holds hours of every version of its model that was run, and so do those above it: the
    column is made of what any version made it of.

    Returns:
        The columns, and whether these are all: they are not where the model was not run here, or
        the SQL of a version was not understood.
    """
    return _origins(model, column, frozenset())


def _origins(model: str, column: str, above: frozenset[str]) -> tuple[frozenset[Origin], bool]:
    folder = get_settings().home / "dbt" / "lineage"
    versions = [json.loads(f.read_text()) for f in folder.glob(f"{model}-{_CHECKSUM}.json")]
    made_of = [version[column] for version in versions if column in version]
    if not made_of or model in above:
        return frozenset(), False
    found: set[Origin] = set()
    # Made of nothing is what nobody understood, or a constant; so is a version without columns.
    complete = all(made_of) and all(versions)
    for layer, table, name in (source for sources in made_of for source in sources):
        if layer in STREAM_LAYERS:
            found.add((table, name))
            continue
        further, known = _origins(table, name, above | {model})
        found |= further
        complete = complete and known
    return frozenset(found), complete
