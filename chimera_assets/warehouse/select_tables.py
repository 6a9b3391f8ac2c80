"""Which tables a SELECT of a user's reads; and that it reads nothing else.

It is told from DuckDB's own reading of the statement. A view is no wall in DuckDB: whoever may name
a file or call a function that reads one sees more than the views show. So a query may name tables
alone, and of the functions that give tables those that compute them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import duckdb

from chimera_assets.errors import ArgumentError, one_line
from chimera_assets.layers import QUALITY
from chimera_assets.yaml_documents import did_you_mean, one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_COMPUTING = frozenset({"generate_series", "range", "repeat", "repeat_row", "unnest"})

#: Functions that tell of this machine: its folders, who runs it.
_OF_THE_MACHINE = frozenset({"current_setting", "getenv"})

#: Names that DuckDB never takes for a file.
_PLAIN_NAME = re.compile(r"\w+")

#: How its own catalogue is called, which a name that a WITH gives could lead to outside of that.
_OWN = re.compile(r"(?:duckdb|pg|pragma|sqlite)_")


#: Parts of a query that take columns without their names: a star, a join by what two tables share.
_UNNAMED = frozenset({"NATURAL", "POSITIONAL_REFERENCE", "SHOW_REF", "STAR"})
_KINDS = ("class", "ref_type", "type")

#: What a whole row of a table can be called by, as if it were a column.
_NAMES_OF_ROWS = ("alias", "table_name")


class UnknownTableError(ArgumentError):
    """A query names a table that is not there.

    Args:
        named: The table, as the query names it.
        expected: What it could name, in words.
    """

    def __init__(self, named: TableName, expected: str) -> None:
        self.named, self.expected = named, expected
        super().__init__(f"the query: {named}: no such table in the lake; expected {expected}")


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as a query names it: with or without its layer, in any case."""

    layer: str
    name: str

    def __str__(self) -> str:
        return f"{self.layer}.{self.name}" if self.layer else self.name


@dataclass(frozen=True, slots=True)
class Read:
    """A table of the lake that a query reads.

    Attributes:
        layer: Its layer.
        name: Its name in the layer.
        bare: Whether the query leaves the layer out somewhere.
    """

    layer: str
    name: str
    bare: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What a query reads.

    Attributes:
        tables: The tables.
        words: Every name in it, in lower case; None if it names columns without their names.
        computing: The same without the columns that it merely lists.
    """

    tables: tuple[Read, ...]
    words: frozenset[str] | None
    computing: frozenset[str] | None

    def may_use(self, column: str) -> bool:
        """Whether it may use a column of that name."""
        return self.words is None or column.lower() in self.words

    def may_compute(self, column: str) -> bool:
        """Whether it may do more with such a column than list it: compare, count, join by it."""
        return self.computing is None or column.lower() in self.computing


def what_is_read(query: str, known: Iterable[tuple[str, str]]) -> Reading:
    """What a query reads.

    Args:
        query: One SELECT (or FROM, VALUES, DESCRIBE, SUMMARIZE), in DuckDB's SQL.
        known: Layer and name of the tables that there are.

    Raises:
        ArgumentError: It is not one SELECT, or reads something else than these tables.
        UnknownTableError: Of these, it names a table that is not there.
    """
    tree = _parsed(query)
    nodes = list(_nodes(tree))
    _refuse_functions(nodes)
    common = {key.lower() for node in nodes for key in _common_tables(node)}
    tables = set(known)
    found = {
        read
        for named in _named_tables(nodes)
        if (read := _resolved(named, tables, common)) is not None
    }
    ordered = sorted(found, key=lambda read: (read.layer, read.name, read.bare))
    beside = list(_nodes(_without_plain_list(tree["statements"][0]["node"])))
    return Reading(tuple(ordered), _words(nodes), _words(beside))


def _parsed(query: str) -> Any:  # noqa: ANN401 - JSON
    if "\0" in query:
        msg = "the query: expected text, found a null character"
        raise ArgumentError(msg)
    with _parser().cursor() as parser:
        try:
            statements = parser.extract_statements(query)
        except duckdb.Error as error:
            msg = f"the query: {_without_place(str(error))}"
            raise ArgumentError(msg) from None
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            kinds = ", ".join(one.type.name for one in statements) or "nothing"
            msg = f"the query: expected one SELECT, found {kinds}"
            raise ArgumentError(msg)
        tree = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()
    try:
        read = json.loads(tree[0] if tree is not None else "{}")
    except RecursionError:
        msg = "the query: expected parts that are nested less deep"
        raise ArgumentError(msg) from None
    if read.get("error"):
        msg = f"the query: expected one SELECT, found something that cannot be checked: {query!r}"
        raise ArgumentError(msg)
    return read


@lru_cache(maxsize=1)
def _parser() -> duckdb.DuckDBPyConnection:
    """A database that only parses: to make one takes thirty times as long as to parse a query."""
    return duckdb.connect(":memory:", config={"threads": 1})


def _without_place(message: str) -> str:
    """DuckDB's words without the lines that point into the statement."""
    return one_line(message.partition("\n\nLINE ")[0])


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _refuse_functions(nodes: Iterable[dict[str, Any]]) -> None:
    for node in nodes:
        if node.get("type") == "TABLE_FUNCTION":
            name = (node.get("function") or {}).get("function_name", "")
            if name.lower() not in _COMPUTING:
                msg = f"the query: {name}(...): expected tables of the lake, by their names"
                raise ArgumentError(msg)
        if node.get("class") == "FUNCTION" and node["function_name"].lower() in _OF_THE_MACHINE:
            msg = f"the query: {node['function_name']}(...): expected functions of values"
            raise ArgumentError(msg)
        if node.get("type") == "SHOW_REF" and not node.get("query"):
            msg = "the query: expected a SELECT, found SHOW; `chimera table list` lists the tables"
            raise ArgumentError(msg)


def _words(nodes: Sequence[dict[str, Any]]) -> frozenset[str] | None:
    """See `Reading.words`."""
    # What an expression is called names no rows: `sum(price) AS price`.
    sources = [node for node in nodes if "class" not in node]
    rows = {node[name].lower() for node in sources for name in _NAMES_OF_ROWS if node.get(name)}
    found: set[str] = set()
    for node in nodes:
        kinds = {node.get(name) for name in _KINDS if isinstance(node.get(name), str)}
        last = str((node.get("column_names") or [""])[-1]).lower()
        if kinds & _UNNAMED or node.get("column_name_alias") or last in rows:
            return None
        values = (one if isinstance(one, list) else [one] for one in node.values())
        found.update(each.lower() for some in values for each in some if isinstance(each, str))
    return frozenset(found)


def _without_plain_list(node: dict[str, Any]) -> dict[str, Any]:
    """A query without the columns that it lists as they are; all of it where rows are put together.

    A column with another name stays: a condition may be about that.
    """
    if node["type"] != "SELECT_NODE" or node["group_expressions"]:
        return node
    kinds = {modifier["type"] for modifier in node["modifiers"]}
    if "DISTINCT_MODIFIER" in kinds or node["aggregate_handling"] != "STANDARD_HANDLING":
        return node
    orders = [order for modifier in node["modifiers"] for order in modifier.get("orders", ())]
    if any(order["expression"]["class"] == "CONSTANT" for order in orders):  # ORDER BY 1
        return node
    computed = [item for item in node["select_list"] if not _is_listed(item)]
    return {**node, "select_list": computed}


def _is_listed(item: dict[str, Any]) -> bool:
    """Whether an item of a select list is a column, or all of them, as it is."""
    if item["type"] == "STAR":
        return not any(item[part] for part in ("replace_list", "rename_list", "columns", "expr"))
    return item["type"] == "COLUMN_REF" and not item["alias"]


def _common_tables(node: dict[str, Any]) -> Iterator[str]:
    """The names that a WITH gives."""
    entries = (node.get("cte_map") or {}).get("map", [])
    return (entry["key"] for entry in entries)


def _named_tables(nodes: Iterable[dict[str, Any]]) -> Iterator[TableName]:
    for node in nodes:
        if node.get("type") == "BASE_TABLE":
            if node.get("catalog_name"):
                parts = (node["catalog_name"], node["schema_name"], node["table_name"])
                msg = f"the query: expected layer.table, found {'.'.join(parts)}"
                raise ArgumentError(msg)
            yield TableName(node.get("schema_name", ""), node["table_name"])


def _resolved(named: TableName, known: set[tuple[str, str]], common: set[str]) -> Read | None:
    """The table that is meant; None if it can only be a name that a WITH gives.

    What a WITH names holds in its own part of the query alone: a table of that name counts as read.
    """
    layer, name = named.layer.lower(), named.name.lower()
    meant = [one for one in known if one[1] == name and layer in {"", one[0]}]
    if len(meant) == 1:
        return Read(*meant[0], bare=not layer)
    if not layer and name in common and _PLAIN_NAME.fullmatch(name) and not _OWN.match(name):
        return None  # without its layer nothing is called so: several tables are, or none
    if meant:
        listed = ", ".join(sorted(".".join(one) for one in meant))
        msg = f"the query: {named}: expected one table, found several of that name: {listed}"
        raise ArgumentError(msg)
    raise UnknownTableError(named, _what_could_be_meant(named, known))


def _what_could_be_meant(named: TableName, known: set[tuple[str, str]]) -> str:
    """The tables that there are; the platform's own only if one of them is spelt alike."""
    names = [".".join(one) for one in known]
    if not did_you_mean(str(named), names):
        names = [".".join(one) for one in known if one[0] != QUALITY]
    if names:
        return one_of(names, named, listed_by="chimera table list")
    return "a table, but there are no data yet" if known else "a table, but the lake is empty"
