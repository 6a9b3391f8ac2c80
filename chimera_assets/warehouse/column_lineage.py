"""What a model makes its columns of, read off its compiled SQL.

Whoever shows rows trusts this, so that it says less rather than too much: as soon as there is
something in the SQL that sqlglot does not follow as DuckDB runs it, the model's columns are made of
whatever the model reads. What it reads, DuckDB's own parser says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.packs.errors import OutsideError, SelectError
from chimera_assets.packs.select import read_select
from chimera_assets.privacy.origins import ModelLineage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlglot import exp
    from sqlglot.lineage import Node

    from chimera_assets.privacy.origins import Relation, Source

#: Relation -> its columns.
Columns = dict["Relation", "Collection[str]"]

#: Column -> what it is made of; None where that is not understood.
MadeOf = dict[str, "frozenset[Source] | None"]


def model_lineage(
    sql: str, outputs: Collection[str], columns_of: Callable[[Relation], Collection[str]]
) -> ModelLineage:
    """What a model's columns are made of.

    Args:
        sql: Its SQL as DuckDB runs it.
        outputs: The columns that come out, as DuckDB names them.
        columns_of: Gives the columns of a relation that the SQL reads.
    """
    try:
        reads = read_select(sql).relations
    except (OutsideError, SelectError):
        return ModelLineage(dict.fromkeys(outputs), None)
    made_of = followed(sql, {relation: columns_of(relation) for relation in reads})
    return ModelLineage({name: made_of.get(name.lower()) for name in outputs}, reads)


def followed(sql: str, columns: Mapping[Relation, Collection[str]]) -> MadeOf:
    """What a SELECT's columns, in small letters, are made of; nothing if sqlglot cannot tell."""
    from sqlglot import exp, parse_one  # noqa: PLC0415 - heavy, and only needed for new SQL
    from sqlglot.errors import SqlglotError  # noqa: PLC0415 - as above
    from sqlglot.lineage import lineage  # noqa: PLC0415 - as above

    schema: dict[str, dict[str, dict[str, str]]] = {}
    for (layer, table), names in columns.items():
        schema.setdefault(layer, {})[table] = dict.fromkeys(names, "varchar")
    try:
        query = parse_one(sql, dialect="duckdb")
        if any(map(_is_opaque, query.walk())):
            return {}
        for named in query.find_all(exp.Table):
            named.set("catalog", None)  # the in-memory database's name says nothing
        # Without a copy of the whole query for each column, which nobody looks at.
        options = {"copy": False, "trim_selects": False, "validate_qualify_columns": False}
        nodes = lineage(None, query, schema, dialect="duckdb", **options)
    # The table is about to be written: a defect of sqlglot's must not keep it from that.
    except (SqlglotError, RecursionError, LookupError, ValueError, AttributeError, TypeError):
        return {}
    known = {
        (layer, table, name.lower()): (layer, table, name)
        for (layer, table), names in columns.items()
        for name in names
    }
    return {name: _sources(node, known) for name, node in nodes.items()}


def _is_opaque(part: exp.Expr) -> bool:
    """Whether a part of a query makes columns in a way that sqlglot does not follow."""
    from sqlglot import exp  # noqa: PLC0415 - as above

    if isinstance(part, exp.SetOperation):
        return bool(part.args.get("by_name"))  # sqlglot goes by the position
    if isinstance(part, exp.TableAlias):
        return bool(part.args.get("columns")) and not isinstance(part.parent, exp.CTE)
    # A dot before a function makes its first argument of a name that is no column's to sqlglot.
    return isinstance(part, (exp.Columns, exp.Dot, exp.Pivot, exp.PositionalColumn))


def _sources(start: Node, known: Mapping[Source, Source]) -> frozenset[Source] | None:
    """The columns of tables that a column is made of; None unless each way to it was followed."""
    from sqlglot import exp  # noqa: PLC0415 - as above

    found: set[Source] = set()
    for node in start.walk():
        if isinstance(node.expression, exp.Table):
            name = node.name.rpartition(".")[2].strip('"').lower()
            source = known.get((node.expression.db, node.expression.name, name))
            if source is None:  # the row as a whole, or a column nobody described
                return None
            found.add(source)
        elif not _is_followed(node):
            return None
    return frozenset(found)


def _is_followed(node: Node) -> bool:
    """Whether all that a step's expression names is among the steps before it."""
    from sqlglot import exp  # noqa: PLC0415 - as above

    if not node.downstream and node.expression.find(exp.Column, exp.Placeholder):
        return False
    # A name that is no column's is that of a table, whose rows are meant, or of a lambda.
    named_by = (exp.Alias, exp.Column, exp.PropertyEQ)
    names = node.expression.find_all(exp.Identifier)
    return all(isinstance(name.parent, named_by) for name in names)
