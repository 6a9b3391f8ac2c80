"""A pack's `aggregates.yaml`: what its aggregates are, and in which order its facts are kept.

    for aggregate in active_aggregates(): ...

An aggregate is a table by the hour that dbt makes from facts. Here stands, apart from the model's
SQL, what its sums are: for verification, which makes them again, and for monitoring.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, PrivateAttr

from chimera_assets.packs import active_packs
from chimera_assets.packs.claims import Claim, repeated
from chimera_assets.packs.ending_select import ending_select
from chimera_assets.packs.errors import PackError
from chimera_assets.packs.metrics import Metrics, note_metrics
from chimera_assets.packs.models import unknown_tables
from chimera_assets.packs.select import read_select
from chimera_assets.platform_metrics import TAKEN_NAMES
from chimera_assets.yaml_documents import Problem, one_of, read_document
from chimera_assets.yaml_documents.models import Name, Part, checked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chimera_assets.packs import Pack
    from chimera_assets.yaml_documents import Document, Location

#: What the file is called in its pack.
FILE = "aggregates.yaml"


#: What a measure's rows are called, and the SELECT that it is a part of.
_SOURCE = "source"
_OF_SOURCE = "SELECT {} AS measure FROM source"


def _measure(sql: str) -> str:
    """Check that a text can be part of a SELECT."""
    ending_select(_OF_SOURCE.format(sql))
    return sql


class Aggregate(Part):
    """An aggregate: what it is made from, by which columns, and its sums.

    Args:
        table: Its name in the layer `aggregates`.
        facts: The tables of the layer `marts` that it is made from.
        grain: The columns that identify its rows, beside those of the hour.
        source: A SELECT over the facts, with the hour's two columns and what measures read.
        measures: Column of the aggregate -> its SQL over the source; those that verification makes
            again.
        metrics: What monitoring draws from it.
    """

    table: Name
    facts: Annotated[tuple[Name, ...], Field(min_length=1)]
    grain: tuple[Name, ...]
    source: Annotated[str, AfterValidator(ending_select)]
    measures: Annotated[dict[Name, Annotated[str, AfterValidator(_measure)]], Field(min_length=1)]
    metrics: Metrics | None = None

    _place: tuple[Path, int] = PrivateAttr((Path(FILE), 1))

    def problem(self, what: str, *, expected: str, found: str) -> PackError:
        """Something that is wrong with it, with its place."""
        path, line = self._place
        return PackError([Problem(path, line, what, expected, found)])


class Definitions(Part):
    """What a pack says of its facts and aggregates.

    Args:
        order_by: Fact -> the columns by which its rows are kept in order.
        aggregates: Its aggregates.
    """

    order_by: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    aggregates: tuple[Aggregate, ...] = ()

    _claims: tuple[Claim, ...] = PrivateAttr(())
    _reads: tuple[Claim, ...] = PrivateAttr(())

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The names that no other definition may have, with their places."""
        return self._claims

    @property
    def reads(self) -> tuple[Claim, ...]:
        """The facts that aggregates are made from, with their places."""
        return self._reads


@lru_cache
def read_definitions(pack: Pack) -> Definitions:
    """What a pack says of its facts and aggregates; nothing if it has no such file.

    Raises:
        PackError: The file cannot be used; it has every problem with its line.
    """
    path = pack.folder / FILE
    if not path.exists():
        return Definitions()
    document = read_document(path, FILE, PackError)
    found = checked(document, Definitions)
    for position, aggregate in enumerate(found.aggregates):
        here = ("aggregates", position)
        _note_tables(document, here, aggregate)
        aggregate._place = (path, document.line(here))  # noqa: SLF001 - it is made here alone
        if (metrics := aggregate.metrics) is not None:
            grain, measures = aggregate.grain, aggregate.measures
            note_metrics(document, (*here, "metrics"), metrics, grain, measures)
    document.raise_problems()
    found._claims = tuple(_claims(document, found))  # noqa: SLF001 - as above
    found._reads = tuple(_reads(document, found))  # noqa: SLF001
    return found


def _note_tables(document: Document, here: Location, aggregate: Aggregate) -> None:
    """Note the tables that its SQL reads and that are none of its facts."""
    selects: dict[Location, str] = {("source",): aggregate.source}
    for name, sql in aggregate.measures.items():
        selects["measures", name] = _OF_SOURCE.format(sql)
    for part, sql in selects.items():
        for name in sorted(read_select(sql).tables - {*aggregate.facts, _SOURCE}):
            expected = f"facts of the aggregate, {one_of(aggregate.facts, name)}"
            document.problem((*here, *part), f"table in {part[-1]}", expected=expected, found=name)


def _claims(document: Document, definitions: Definitions) -> Iterator[Claim]:
    path = document.path
    for fact in definitions.order_by:
        yield Claim("an order", "order_by", fact, path, document.line(("order_by", fact)))
    for position, aggregate in enumerate(definitions.aggregates):
        here = ("aggregates", position)
        line = document.line((*here, "table"))
        yield Claim("an aggregate", "table", aggregate.table, path, line)
        for figure in aggregate.metrics.figures if aggregate.metrics is not None else ():
            line = document.line((*here, "metrics", "figures", figure))
            yield Claim("a metric", "figure", figure, path, line)


def _reads(document: Document, definitions: Definitions) -> Iterator[Claim]:
    for position, aggregate in enumerate(definitions.aggregates):
        for number, fact in enumerate(aggregate.facts):
            line = document.line(("aggregates", position, "facts", number))
            yield Claim("a fact", "facts", fact, document.path, line)


def definitions_of(packs: Iterable[Pack]) -> tuple[Definitions, ...]:
    """What packs that are used together say of their facts and aggregates.

    Raises:
        PackError: A file cannot be used, a table or metric is defined twice, a metric is called as
            one of the platform's, or no model makes a table that is named.
    """
    used = tuple(packs)
    found = tuple(map(read_definitions, used))
    if problems := definition_problems(used, found):
        raise PackError(problems)
    return found


def definition_problems(packs: Iterable[Pack], definitions: Iterable[Definitions]) -> list[Problem]:
    """What keeps the definitions of packs from being used together."""
    used = tuple(definitions)
    claims = [claim for one in used for claim in one.claims]
    reads = [claim for one in used for claim in one.reads]
    return [*repeated(claims), *_taken(claims), *unknown_tables(packs, [*claims, *reads])]


def _taken(claims: Iterable[Claim]) -> Iterator[Problem]:
    """A problem for each metric that has the name of one of the platform's."""
    for claim in claims:
        if claim.kind == "a metric" and claim.name in TAKEN_NAMES:
            expected = "a name that no metric of the platform has"
            yield Problem(claim.path, claim.line, claim.what, expected, claim.name)


def active_aggregates() -> tuple[Aggregate, ...]:
    """The aggregates of all packs of this process.

    Raises:
        PackError: A file cannot be used, a table or metric is defined twice, or no model makes a
            table that is named.
    """
    return tuple(one for each in definitions_of(active_packs()) for one in each.aggregates)


def active_order() -> Mapping[str, tuple[str, ...]]:
    """Fact -> the columns by which it is kept in order, of all packs of this process.

    Raises:
        PackError: A file cannot be used, a fact has an order twice, or no model makes it.
    """
    return {
        table: columns
        for each in definitions_of(active_packs())
        for table, columns in each.order_by.items()
    }
