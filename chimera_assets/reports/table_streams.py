"""Of which streams' rows a table is made, through all models between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.layers import STREAM_LAYERS

if TYPE_CHECKING:
    from collections.abc import Collection

    from chimera_assets.privacy.origins import Lineages, Relation


def streams_of(lineages: Lineages, tables: Collection[str]) -> frozenset[str] | None:
    """The streams that tables are made of; None if nobody can say.

    Args:
        lineages: What models read.
        tables: Layer and name of each.
    """
    found: set[str] = set()
    waiting: list[Relation] = [
        (layer, name) for layer, _, name in (t.partition("/") for t in tables)
    ]
    known: set[Relation] = set()
    while waiting:
        relation = waiting.pop()
        if relation in known:
            continue
        known.add(relation)
        layer, name = relation
        if layer in STREAM_LAYERS:
            found.add(name)
            continue
        versions = lineages.get(relation)
        if not versions:
            return None
        for version in versions.values():
            if version.reads is None:
                return None
            waiting += version.reads
    return frozenset(found)
