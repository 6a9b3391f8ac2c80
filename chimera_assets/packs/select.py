"""What a SELECT of a pack reads, by DuckDB's own parser; and whether that is its business.

A pack is data. Its SQL is over the tables it is given: no files, no network, no other database.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chimera_assets.errors import in_short, one_line
from chimera_assets.packs.errors import OutsideError, SelectError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import duckdb

#: The table functions that make rows of their arguments alone. Others read files, other databases,
#: settings, or SQL in a text.
_PURE = frozenset({"generate_series", "json_each", "json_tree", "range", "repeat", "unnest"})

#: The functions that read settings, the environment, or what else goes on in DuckDB, or write.
_OF_THE_ENGINE = frozenset(
    {
        "current_query",
        "current_setting",
        "getenv",
        "getvariable",
        "in_search_path",
        "nextval",
        "currval",
        "write_log",
    }
)

#: Where DuckDB tells of itself: schemas, and how tables of that are called that are in every one.
_CATALOGS = frozenset({"information_schema", "pg_catalog"})
_TABLES_OF_CATALOGS = ("duckdb_", "pg_", "pragma_", "sqlite_")

#: Nodes by which `DESCRIBE`, `SHOW` and `SUMMARIZE` are SELECTs, too.
_SHOWS = "SHOW_REF"

#: Expressions over one row, tables without any that are joined, and what puts rows together.
_OF_ONE_ROW = frozenset(
    {"BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION",
     "CONSTANT", "FUNCTION", "LAMBDA", "LAMBDA_REF", "OPERATOR", "STAR"}
)  # fmt: skip
_ROWS = frozenset({"BASE_TABLE", "ORDER_MODIFIER", "SELECT_NODE", "SUBQUERY"})
_TOGETHER = ("group_expressions", "group_sets", "having", "modifiers", "qualify", "sample")

_NO_GROUP_BY_ALL = "STANDARD_HANDLING"

_WIDTH = 80

#: What is expected.
_ONE, _KNOWN = "one SELECT", "a SELECT that DuckDB knows"
_OF_LAKE = "a SELECT over tables of the lake"
_SHALLOW = "a SELECT that is nested less deep"


@dataclass(frozen=True, slots=True)
class Select:
    """What a SELECT reads.

    Attributes:
        tables: The tables that it names, without those that it defines itself by WITH.
        relations: Schema and name of each, "" where it names no schema; a name with a schema is
            never one of WITH.
        recursive: Whether it has a WITH RECURSIVE that reads itself, which may never end.
    """

    tables: frozenset[str]
    relations: frozenset[tuple[str, str]]
    recursive: bool


@lru_cache(maxsize=1024)  # rules and models are read by several checks
def read_select(sql: str) -> Select:
    """See that a text is one SELECT over tables, and what it reads.

    Raises:
        SelectError: It is none, or nested too deep.
        OutsideError: It reads something else than tables.
    """
    tree = _parsed(sql)
    nodes = list(_nodes(tree))
    kinds = {node["type"] for node in nodes}
    if _SHOWS in kinds:
        raise SelectError(_ONE, one_line(sql, _WIDTH))
    functions = {
        str(node["function"]["function_name"]).lower()
        for node in nodes
        if node["type"] == "TABLE_FUNCTION"
    }
    if outside := sorted(functions - _PURE):
        expected = f"a SELECT over tables and, of table functions, {', '.join(sorted(_PURE))}"
        raise OutsideError(expected, in_short([f"{name}()" for name in outside]))
    called = {str(node["function_name"]).lower() for node in nodes if node["type"] == "FUNCTION"}
    if inside := sorted(called & _OF_THE_ENGINE):
        expected = "a SELECT without functions of DuckDB's own state"
        raise OutsideError(expected, in_short([f"{name}()" for name in inside]))
    relations = frozenset(_relations(tree))
    tables = frozenset(name for _, name in relations)
    if catalogs := sorted(_catalogs(nodes, tables)):
        raise OutsideError(_OF_LAKE, in_short(catalogs))
    return Select(tables, relations, "RECURSIVE_CTE_NODE" in kinds)


def names_in_select(sql: str) -> frozenset[str]:
    """The names that a SELECT calls functions and columns by, in lower case.

    Raises:
        SelectError: It is none.
    """
    plain = (node["column_names"] for node in _nodes(_parsed(sql)) if node["type"] == "COLUMN_REF")
    columns = (names[0] for names in plain if len(names) == 1)
    return functions_in_select(sql) | {str(name).lower() for name in columns}


def functions_in_select(sql: str) -> frozenset[str]:
    """The names of the functions that a SELECT calls, in lower case.

    Raises:
        SelectError: It is none.
    """
    nodes = _nodes(_parsed(sql))
    called = (node["function_name"] for node in nodes if node["type"] == "FUNCTION")
    return frozenset(str(name).lower() for name in called)


def takes_samples(sql: str) -> bool:
    """Whether a SELECT takes some rows by chance.

    Raises:
        SelectError: It is none.
    """
    return any(node.get("sample") for node in _nodes(_parsed(sql)))


def may_give_several_rows(sql: str, aggregates: Collection[str]) -> bool:
    """Whether it is plain that a SELECT gives a row for each row, or for each group of rows.

    Args:
        sql: The SELECT.
        aggregates: The names of all aggregate functions.

    Raises:
        SelectError: It is none.
    """
    node = _parsed(sql)["statements"][0]["node"]
    is_plain = node["type"] == "SELECT_NODE" and node["from_table"]["type"] != "EMPTY"
    if not is_plain or any(one["type"] == "LIMIT_MODIFIER" for one in node["modifiers"]):
        return False
    called = (one for one in _nodes(node["select_list"]) if one["type"] == "FUNCTION")
    names = {str(one["function_name"]).lower() for one in called}
    return bool(node["group_expressions"]) or names.isdisjoint(aggregates)


def is_row_by_row(sql: str, aggregates: Collection[str]) -> bool:
    """Whether what a SELECT makes of a row follows from that row alone.

    Args:
        sql: The SELECT.
        aggregates: The names of all aggregate functions.

    Raises:
        SelectError: It is none.
    """
    return all(_is_of_one_row(node, aggregates) for node in _nodes(_parsed(sql)))


def _is_of_one_row(node: dict[str, Any], aggregates: Collection[str]) -> bool:
    kind = node["type"]
    if "class" in node:
        called = str(node["function_name"]).lower() if kind == "FUNCTION" else ""
        return node["class"] in _OF_ONE_ROW and called not in aggregates
    if kind == "SELECT_NODE":
        alone = node.get("aggregate_handling", _NO_GROUP_BY_ALL) == _NO_GROUP_BY_ALL
        return alone and not any(node.get(part) for part in _TOGETHER)
    if kind == "ORDER_MODIFIER":
        return not node["orders"]
    return kind in _ROWS or kind.endswith("_TYPE_INFO")


def _catalogs(nodes: Iterable[dict[str, Any]], tables: Collection[str]) -> Iterator[str]:
    """The tables that are DuckDB's own, with their schemas."""
    for node in nodes:
        if node["type"] == "BASE_TABLE":
            schema, name = str(node["schema_name"]), str(node["table_name"])
            own = name.lower().startswith(_TABLES_OF_CATALOGS) and name in tables
            if schema.lower() in _CATALOGS or own:
                yield f"{schema}.{name}" if schema else name


def _parsed(sql: str) -> dict[str, Any]:
    found = one_line(sql, _WIDTH)
    if "\0" in sql:
        raise SelectError(_KNOWN, "a text with a zero byte")
    with _parser().cursor() as cursor:
        # With parameters the driver looks for pandas each time, which takes longer than parsing.
        quoted = sql.replace("'", "''")
        row = cursor.execute(f"SELECT json_serialize_sql('{quoted}')").fetchone()
    try:
        tree: dict[str, Any] = json.loads(row[0] if row is not None else "{}")
    except RecursionError as error:
        raise SelectError(_SHALLOW, found) from error
    if not tree.get("error") and len(tree["statements"]) == 1:
        return tree
    if tree.get("error_type") == "parser":
        raise SelectError(_KNOWN, one_line(str(tree["error_message"])))
    raise SelectError(_ONE, found)


@lru_cache(maxsize=1)
def _parser() -> duckdb.DuckDBPyConnection:
    """A DuckDB that only parses; it runs no SQL of a pack."""
    import duckdb  # noqa: PLC0415 - most that import this only ask for an order

    return duckdb.connect(":memory:", config={"enable_external_access": "false"})


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Every node of a tree that has a kind; without recursion, as trees are deep."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("type"), str):  # of a value, it is a mapping itself
                yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _relations(tree: object) -> Iterator[tuple[str, str]]:
    """Schema and name of the tables that are read; what a WITH names is none where that holds.

    It holds in the query that has it, and in what else the same WITH names after it.
    """
    waiting: list[tuple[object, frozenset[str]]] = [(tree, frozenset())]
    while waiting:
        node, own = waiting.pop()
        if isinstance(node, list):
            waiting.extend((one, own) for one in node)
        elif isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                schema, name = str(node["schema_name"]), str(node["table_name"])
                if schema or name.lower() not in own:
                    yield schema, name
            if node.get("type") == "RECURSIVE_CTE_NODE":
                own |= {str(node["cte_name"]).lower()}
            for one in _defined(node):
                waiting.append((one["value"], own))
                own |= {str(one["key"]).lower()}
            waiting.extend((part, own) for name, part in node.items() if name != "cte_map")


def _defined(node: dict[str, Any]) -> list[dict[str, Any]]:
    """What a node defines by WITH, in order."""
    defined = node.get("cte_map")
    return defined["map"] if isinstance(defined, dict) else []
