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


def origins(model: str, column: str) -> frozenset[Origin] | None:
    """The columns of streams that a model's column is made of, through all models between.

    None if that is not known: the model was not run here, or its SQL was not understood.
    """
    return _origins(model, column, frozenset())


def _origins(model: str, column: str, above: frozenset[str]) -> frozenset[Origin] | None:
    folder = get_settings().home / "dbt" / "lineage"
    kept = sorted(folder.glob(f"{model}-{_CHECKSUM}.json"), key=lambda file: file.stat().st_mtime)
    if not kept or model in above:
        return None
    sources = json.loads(kept[-1].read_text()).get(column)
    if sources is None:
        return None
    found: set[Origin] = set()
    for layer, table, name in sources:
        if layer in STREAM_LAYERS:
            found.add((table, name))
        elif (further := _origins(table, name, above | {model})) is not None:
            found |= further
        else:
            return None
    return frozenset(found)
