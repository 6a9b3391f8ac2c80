"""Which columns of streams a dbt model's column is made of, by the lineage of every model between.

A column that nobody could follow through a model's SQL may hold anything that the model reads: it
is made of whole tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.layers import STREAM_LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: A table of the lake, or a view over it: layer and name.
Relation = tuple[str, str]

#: A column of a relation: layer, name, column.
Source = tuple[str, str, str]

#: In place of a column: any column of the relation.
ANY = "*"


@dataclass(frozen=True, slots=True)
class ModelLineage:
    """What one version of a model makes its columns of.

    Attributes:
        columns: Column -> what it is made of, nothing for a constant or a count of rows; None if
            the SQL was not understood.
        reads: All that the version reads; None if not even that is known.
    """

    columns: Mapping[str, frozenset[Source] | None]
    reads: frozenset[Relation] | None

    def sources(self, column: str) -> frozenset[Source] | None:
        """All that a column may be made of; None if nobody can say."""
        followed = self.columns[column] if column != ANY else None
        if followed is not None:
            return followed
        if self.reads is None:
            return None
        return frozenset((layer, table, ANY) for layer, table in self.reads)


#: Relation -> the versions of the model that makes it, each that was ever run, by any key.
Lineages = dict[Relation, dict[str, ModelLineage]]


@dataclass(frozen=True, slots=True)
class Origins:
    """What a column is made of, in the end.

    Attributes:
        columns: Stream and column of what it is made of.
        streams: Streams of which it may hold any column.
        known: Whether this is all; else it may hold anything.
    """

    columns: frozenset[tuple[str, str]]
    streams: frozenset[str]
    known: bool


def origins(lineages: Lineages, layer: str, table: str, column: str) -> Origins:
    """What a model's column is made of, through all models between.

    A table holds hours of every version of its model that was run, and so do those above it: the
    column is made of what any version made it of.

    Args:
        lineages: The lineage of every model.
        layer: The layer of the model's table.
        table: Its name.
        column: The column.
    """
    reached = set(_reached(lineages, (layer, table, column)))
    ends = {source for source in reached if source is not None and source[0] in STREAM_LAYERS}
    return Origins(
        columns=frozenset((stream, name) for _, stream, name in ends if name != ANY),
        streams=frozenset(stream for _, stream, name in ends if name == ANY),
        known=None not in reached,
    )


def _reached(lineages: Lineages, start: Source) -> Iterator[Source | None]:
    """A column and all that it is made of; None for what nobody knows.

    A model may read its own table: what is in there came the same ways.
    """
    waiting, seen = [start], set[Source]()
    while waiting:
        source = waiting.pop()
        if source in seen:
            continue
        seen.add(source)
        yield source
        layer, table, column = source
        if layer in STREAM_LAYERS:
            continue
        versions = lineages.get((layer, table), {}).values()
        made_of = [one.sources(column) for one in versions if column in {ANY, *one.columns}]
        if not made_of or None in made_of:
            yield None
        waiting.extend(one for sources in made_of for one in sources or ())
