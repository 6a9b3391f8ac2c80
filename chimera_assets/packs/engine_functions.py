"""What DuckDB says of its functions: which give other values each time, which are of many rows."""

from __future__ import annotations

import re
from functools import lru_cache

#: Names that stand for a time or a place, and functions whose values depend on the day, on chance
#: or on this DuckDB, though it does not say so.
_CHANGING_TOO = (
    "age", "current_time", "current_timestamp", "localtime", "localtimestamp", "reservoir_quantile",
    "rowid", "version",
)  # fmt: skip

#: Of these the names that stand for a value without brackets, where no column is called so.
CHANGING_VALUES = frozenset(
    {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "rowid"}
)

#: What a macro calls, or names that stand for a function.
_USED = re.compile(r"\b\w+(?=\()|\bcurrent_(?:date|time\w*)")


@lru_cache(maxsize=1)
def changing_names() -> frozenset[str]:
    """The functions, and names that stand for one, whose values change from run to run."""
    # Of some that tell the time it says that they are consistent.
    names = _names("stability <> 'CONSISTENT' OR regexp_matches(function_name, 'local.*time')")
    return _with_macros({*names, *_CHANGING_TOO} - {"error"})


@lru_cache(maxsize=1)
def aggregates() -> frozenset[str]:
    """The functions that make one value of many rows."""
    return _with_macros(_names("function_type = 'aggregate'"))


def _names(condition: str) -> set[str]:
    sql = f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE {condition}"  # noqa: S608
    return {str(name) for (name,) in _asked(sql)}


def _with_macros(names: set[str]) -> frozenset[str]:
    """These names, and those of DuckDB's macros that use one of them, or one that does."""
    sql = (
        "SELECT function_name, macro_definition FROM duckdb_functions() WHERE macro_definition > ''"
    )
    used = {
        str(macro): set(_USED.findall(str(definition).lower())) for macro, definition in _asked(sql)
    }
    found, more = set(names), set(names)
    while more:
        more = {macro for macro, those in used.items() if those & found} - found
        found |= more
    return frozenset(found)


def _asked(sql: str) -> list[tuple[object, ...]]:
    import duckdb  # noqa: PLC0415 - most packs have no SQL of which this is asked

    with duckdb.connect(":memory:") as connection:
        return connection.execute(sql).fetchall()
