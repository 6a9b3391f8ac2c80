"""What the columns that a report's SQL reads are made of, down to the operational tables."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from chimera_assets.contracts import known_contracts
from chimera_assets.errors import ChimeraError
from chimera_assets.lineage.columns import SOURCE, ways_down
from chimera_assets.packs import active_packs
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.packs.sections import sections_of
from chimera_assets.reports import document as doc
from chimera_assets.warehouse.select_tables import what_is_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chimera_assets.lake import Lake
    from chimera_assets.lineage.columns import ColumnStep
    from chimera_assets.privacy.origins import Lineages
    from chimera_assets.privacy.origins import Source as ColumnOf

ORIGIN_COLUMNS = (
    doc.Column("column", "Column"),
    doc.Column("made_of", "Made of"),
    doc.Column("source", "At the source"),
)

#: Of a number of rows for instance, which are of all columns alike.
_NO_COLUMN = "no single column"


def columns_read(lake: Lake) -> list[ColumnOf]:
    """The columns of tables that the SQL of packs' sections names, in order."""
    known = lake.tables()
    sections = sections_of(active_packs())
    queries = [one.sql for section in sections for one in section.figures.values()]
    queries += [one.sql for section in sections for one in section.tables.values()]
    found: set[ColumnOf] = set()
    for query in queries:
        with suppress(ChimeraError):  # of a query or table its own section says so
            reading = what_is_read(query, known)
            for read in reading.tables:
                names = filter(reading.may_use, lake.table(read.layer, read.name).schema().names)
                found.update((read.layer, read.name, name) for name in names)
    return sorted(found)


def origin_rows(columns: Iterable[ColumnOf], lineages: Lineages) -> Iterator[tuple[doc.Value, ...]]:
    """Of each column what it is made of directly, and which columns of the source that is."""
    contracts, aggregates = known_contracts(), active_aggregates()
    for layer, table, name in columns:
        here = f"{layer}/{table}"
        steps = list(ways_down(lineages, contracts, aggregates, (layer, table, name)))
        direct = [one for one in steps if (one.table, one.column) == (here, name)]
        last = [one for one in steps if (one.from_table or "").startswith(f"{SOURCE}/")]
        made_of = _together(direct, by_how=True) or "not known"
        yield f"{here}.{name}", made_of, _together(last, by_how=False) or _NO_COLUMN


def _together(steps: Sequence[ColumnStep], *, by_how: bool) -> str:
    return "; ".join(dict.fromkeys(_in_words(one, by_how=by_how) for one in steps))


def _in_words(step: ColumnStep, *, by_how: bool) -> str:
    if step.from_table is None:
        return step.how or "nothing"
    place = step.from_table.removeprefix(f"{SOURCE}/")
    made_of = f"{place}.{step.from_column}" if step.from_column else place
    return f"{made_of} ({step.how})" if step.how and by_how else made_of
