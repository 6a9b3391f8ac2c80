"""docs/types.md: what becomes of each type of PostgreSQL, Parquet, JSON and CSV, as it is seen.

`REMAKE=1 pytest tests/sources/test_type_table.py` writes the page.
"""

from __future__ import annotations

import json
import os
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from pyarrow import parquet

from chimera_assets.contracts.drafting import LeftOut
from chimera_assets.sources.landing.file_draft import draft_of_file
from chimera_assets.sources.table_draft import draft_of_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from chimera_assets.contracts.drafting import DraftColumn

    Run = Callable[..., None]

PAGE = Path(__file__).parents[2] / "docs" / "types.md"

HEAD = """\
# Types

What `chimera contract new` makes of each type, and what a value of it is in the lake: for whoever
maps a source. This page is written by a test that reads a real table and real files.
"""

#: PostgreSQL type -> a value of it.
POSTGRESQL = {
    "smallint": "-1", "integer": "2147483647", "bigint": "9223372036854775807", "oid": "7",
    "numeric(12,4)": "1.5", "numeric": "0.1", "real": "0.1", "double precision": "1e300",
    "money": "1234.5", "boolean": "true", "text": "a", "varchar(9)": "a", "char(3)": "a",
    "name": "a", "uuid": "c0ffee00-0000-0000-0000-000000000001", "mood": "ok",
    "json": '{"a": 1}', "jsonb": '{"a": 1}', "bytea": "\\\\x00ff", "bit(3)": "101",
    "inet": "192.0.2.1", "cidr": "192.0.2.0/24", "macaddr": "08:00:2b:01:02:03",
    "date": "2026-07-01", "time": "12:30", "timetz": "12:30+02", "timestamp": "2026-07-01 12:30",
    "timestamptz": "2026-07-01 12:30+02", "interval": "1 day 02:00", "text[]": "{a,NULL}",
    "mood[]": "{ok}", "integer[]": "{1,2}", "int4range": "[1,3)", "point": "(1,2)",
    "tsvector": "a b",
}  # fmt: skip

_NOON = datetime(2026, 7, 1, 12, 30)  # noqa: DTZ001
PARQUET: dict[str, pa.Array] = {
    "int8 to int64": pa.array([2**63 - 1]),
    "uint8 to uint32": pa.array([2**32 - 1], pa.uint32()),
    "uint64": pa.array([2**63 - 1], pa.uint64()),
    "uint64 beyond int64": pa.array([2**63], pa.uint64()),
    "float, double": pa.array([0.1]),
    "decimal128(12, 4)": pa.array([Decimal("1.5")], pa.decimal128(12, 4)),
    "bool": pa.array([True]),
    "string, large_string": pa.array(["a"]),
    "dictionary of strings": pa.array(["a"]).dictionary_encode(),
    "binary of UTF-8": pa.array([b"a"]),
    "date32": pa.array([date(2026, 7, 1)]),
    "time64[us]": pa.array([time(12, 30)]),
    "timestamp[us, UTC]": pa.array([_NOON], pa.timestamp("us", "UTC")),
    "timestamp[ns]": pa.array([_NOON], pa.timestamp("ns")),
    "list of strings": pa.array([["a", None]]),
    "list of integers": pa.array([[1, 2]]),
}
REFUSED_PARQUET: dict[str, pa.Array] = {
    "binary that is no UTF-8": pa.array([b"\xff"]),
    "duration": pa.array([timedelta(seconds=1)]),
    "interval, bytes of a fixed size": pa.array([b"x" * 12], pa.binary(12)),
    "struct": pa.array([{"a": 1}]),
    "map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
    "list of structs": pa.array([[{"a": 1}]]),
}

JSON = {
    "12": 12, "12.5": 12.5, "true": True, '"a"': "a", '"12"': "12", '"2026-07-01"': "2026-07-01",
    '"2026-07-01T12:30:00Z"': "2026-07-01T12:30:00Z",
    '"2026-07-01T12:30:00"': "2026-07-01T12:30:00", '["a",1,null]': ["a", 1, None],
    '{"a":{"b":1}}': {"a": {"b": 1}}, '[{"a":1}]': [{"a": 1}],
}  # fmt: skip

CSV = ("12", "-1.5e3", "true", "007", "a", "2026-07-01", "2026-07-01 12:30:00+02:00",
       "2026-07-01 12:30:00")  # fmt: skip


def test_the_page_says_what_becomes_of_each_type(database: str, run: Run, tmp_path: Path) -> None:
    parts = [
        *_section("PostgreSQL", _postgresql(database, run)),
        *_section("Parquet", _parquet(tmp_path)),
        *_section("JSON lines", _json(tmp_path)),
        *_section("CSV", _csv(tmp_path)),
    ]
    made = HEAD + "\n".join(parts) + "\n"
    if os.environ.get("REMAKE"):
        PAGE.write_text(made)

    assert PAGE.read_text() == made


def _section(title: str, rows: Iterable[tuple[str, DraftColumn | LeftOut]]) -> Iterator[str]:
    what = "type" if title in {"PostgreSQL", "Parquet"} else "value"
    yield ""
    yield f"## {title}"
    yield ""
    yield f"| {what} | in the contract | in the lake |"
    yield "|---|---|---|"
    for name, column in rows:
        if isinstance(column, LeftOut):
            yield f"| `{name}` | left out | null as a string, its text kept, its row rejected |"
            continue
        yield f"| `{name}` | {_in_contract(column)} | {_in_lake(column.values)} |"


def _in_contract(column: DraftColumn) -> str:
    words = "array of string" if column.type == "array<string>" else column.type
    if column.physical_type:
        words += f", `physicalType: {column.physical_type.replace('decimal', 'numeric')}`"
    if column.is_naive:
        words += ", `defaultTimezone`"
    if column.transform is not None:
        words += ", `transformLogic: …::text`"
    if column.source_name.startswith("$"):
        words += f", `physicalName: {column.source_name}`"
    return words


def _in_lake(values: pl.Series) -> str:
    value = values[0]
    if isinstance(value, pl.Series):
        return f"`{json.dumps(value.to_list())}`"
    return f"`{value.isoformat() if isinstance(value, date) else value}`"


def _postgresql(database: str, run: Run) -> Iterator[tuple[str, DraftColumn]]:
    declared = ", ".join(f'"{name}" {name}' for name in POSTGRESQL)
    values = ", ".join("'" + value.replace("\\\\", "\\") + "'" for value in POSTGRESQL.values())
    run(
        "CREATE TYPE mood AS ENUM ('ok', 'bad')",
        f"CREATE TABLE types ({declared})",
        f"INSERT INTO types VALUES ({values})",  # noqa: S608
    )
    columns = {one.source_name: one for one in draft_of_table(database, "types", "types").columns}
    return ((name, columns[name]) for name in POSTGRESQL)


def _parquet(folder: Path) -> Iterator[tuple[str, DraftColumn | LeftOut]]:
    table = pa.table(PARQUET | REFUSED_PARQUET)
    parquet.write_table(table, folder / "types.parquet")
    draft = draft_of_file(folder / "types.parquet", "types")
    assert [one.source_name for one in draft.left_out] == list(REFUSED_PARQUET)
    return ((one.source_name, one) for one in (*draft.columns, *draft.left_out))


def _json(folder: Path) -> Iterator[tuple[str, DraftColumn | LeftOut]]:
    for number, (name, value) in enumerate(JSON.items()):
        path = folder / f"{number}.jsonl"
        held = value if isinstance(value, dict) else {"value": value}
        path.write_text(json.dumps({"at": "2026-07-01T12:30:00Z"} | held))
        yield name, _other_than_the_time(path)


def _csv(folder: Path) -> Iterator[tuple[str, DraftColumn | LeftOut]]:
    for number, value in enumerate(CSV):
        path = folder / f"{number}.csv"
        path.write_text(f"at,value\n2026-07-01T12:30:00Z,{value}\n")
        yield value, _other_than_the_time(path)


def _other_than_the_time(path: Path) -> DraftColumn | LeftOut:
    """What became of the one value of a file that is not the time of its row."""
    draft = draft_of_file(path, "types")
    _, other = (*draft.columns, *draft.left_out)
    return other
