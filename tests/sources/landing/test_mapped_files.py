"""A file that another tool wrote is read as the contract maps it: names, nested JSON, zones."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from chimera_assets.contracts import Column
from chimera_assets.contracts.odcs.columns import unmapped_column
from chimera_assets.sources.landing.csv_lines import CsvLines
from chimera_assets.sources.landing.json_lines import JsonLines
from chimera_assets.sources.landing.nested_json import nested_schema
from chimera_assets.sources.landing.parquet import ParquetRows
from chimera_assets.sources.landing.values import typed
from tests.sources.landing.conftest import LIMITS, contract

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.contracts.json_path import Steps
    from chimera_assets.sources.landing.parsed import Parsed


LIKE: dict[str, Any] = {"required": False, "description": "", "classification": "L1"}


def mapped(**columns: dict[str, Any]) -> Contract:
    """A contract of these columns."""
    made = [
        Column(name, about.pop("type", "string"), **LIKE, **about)
        for name, about in columns.items()
    ]
    return dataclasses.replace(contract(), columns=tuple(made))


def read(parts: Iterable[Parsed], by: Contract) -> tuple[dict[str, list[Any]], list[Any]]:
    """The columns, and what could not be read of each row."""
    frames, unread = zip(*(typed(part, by) for part in parts), strict=True)
    told = [text and json.loads(text) for series in unread for text in series]
    return pl.concat(frames).to_dict(as_series=False), told


def json_file(folder: Path, *rows: object) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_columns_lie_within_nested_json(tmp_path: Path) -> None:
    by = mapped(
        id={"physical_name": "$.meta.id"},
        tokens={"type": "integer", "physical_name": "$.usage.total"},
        text={"physical_name": "$.choices[0].message['the text']"},
        at={"type": "timestamp", "physical_name": "$.meta.at"},
    )
    whole = {"meta": {"id": "a", "at": "2026-01-31T05:00:00Z"}, "usage": {"total": 3},
             "choices": [{"message": {"the text": "hi"}}, {}], "more": 1}  # fmt: skip
    path = json_file(
        tmp_path, whole, {"usage": None, "choices": []}, {"usage": "none", "meta": {"id": 7}}
    )

    reader = JsonLines(by, path, zipped=False, limits=LIMITS)
    columns, told = read(reader, by)

    assert columns["id"] == ["a", None, "7"]
    assert columns["tokens"] == [3, None, None]
    assert columns["text"] == ["hi", None, None]
    assert columns["at"] == [datetime(2026, 1, 31, 5, tzinfo=UTC), None, None]
    assert told == [None, None, None]
    assert reader.unknown == {"more"}


def test_what_is_mapped_is_not_kept_again_beside_it(tmp_path: Path) -> None:
    """What a column protects must not be readable in `_unmapped`."""
    by = mapped(
        prompt={"physical_name": "$.req.messages[0].content"}, who={"physical_name": "$.req.user"}
    )
    by = dataclasses.replace(by, columns=(*by.columns, unmapped_column("L1")))
    hidden = {"req": {"messages": [{"content": "secret", "role": "user"}, {"content": "b"}]}}
    path = json_file(tmp_path, hidden, {"req": {"user": "me"}}, {"who": "me", "req": [1]})

    columns, _ = read(JsonLines(by, path, zipped=False, limits=LIMITS), by)

    assert columns["prompt"] == ["secret", None, None]
    assert columns["who"] == [None, "me", "me"]
    assert columns["_unmapped"] == [
        '{"req":{"messages":[{"role":"user"},{"content":"b"}]}}', None, '{"req":[1]}',
    ]  # fmt: skip


@pytest.mark.parametrize("odd", [False, True])
def test_json_has_the_names_of_the_source_or_the_contracts(tmp_path: Path, odd: bool) -> None:  # noqa: FBT001
    """Each line its own; quickly, and where one line is no plain object patiently."""
    by = mapped(
        id={"physical_name": "Call Id"},
        n={"type": "integer", "physical_name": "$.usage.n"},
        b={"physical_name": "c"},
        c={"physical_name": "b"},
        d={"physical_name": "a.n"},  # a name with a point is no path
    )
    lines = [
        {"Call Id": "1", "usage": {"n": 1}, "b": "x", "a.n": "p"},
        {"id": "2", "n": 2, "c": "y", "d": "q"},
        {"ID": "3"},
    ]
    path = json_file(tmp_path, *lines)
    if odd:
        path.write_text(path.read_text() + "no object\n")

    columns, _ = read(JsonLines(by, path, zipped=False, limits=LIMITS), by)

    assert columns == {
        "id": ["1", "2", None], "n": [1, 2, None], "b": [None, "y", None], "c": ["x", None, None],
        "d": ["p", "q", None],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ways", "schema"),
    [
        ({"a": (("x", "a"), ("a",)), "b": (("x", "y", "b"),)}, True),
        ({"a": (("x", 0),)}, False),
        ({"a": (("x", 0, "a"),)}, False),
        ({"a": (("x",),), "b": (("x", "b"),)}, False),
        ({"a": (("x", "a"),), "b": (("x",),)}, False),
    ],
)
def test_nested_columns_are_read_quickly_unless_one_lies_in_a_list_or_another(
    ways: dict[str, tuple[Steps, ...]],
    schema: bool,  # noqa: FBT001
) -> None:
    kinds = {"a": pa.int64(), "b": pa.string()}
    found = nested_schema({name: kinds[name] for name in ways}, ways)
    inner = pa.struct([("a", pa.int64()), ("y", pa.struct([("b", pa.string())]))])
    assert found == (pa.schema([("x", inner), ("a", pa.int64())]) if schema else None)


def test_quick_and_patient_reading_of_nested_json_agree(tmp_path: Path) -> None:
    """[PROPERTY] Random nested objects are read as Python finds their values."""
    paths = {"a": "$.x.a", "b": "$.x.y.b", "c": "c", "d": "$.z.d"}
    by = mapped(
        **{
            name: {"type": "integer" if name in "ad" else "string", "physical_name": path}
            for name, path in paths.items()
        }
    )
    random = Random(11)  # noqa: S311

    def value(name: str) -> object:
        return random.choice([None, random.randrange(100) if name in "ad" else f"t{name}"])

    for odd in (False, True):
        rows: list[Any] = []
        for _ in range(200):
            row: dict[str, Any] = {"c": value("c"), "x": {"a": value("a"), "y": {"b": value("b")}}}
            if random.random() < 0.5:
                row["z"] = {"d": value("d"), "e": [1]}
            if odd and random.random() < 0.1:
                row["x"] = random.choice([None, [], "text", {"y": 3}])
            rows.append(row)

        columns, _ = read(
            JsonLines(by, json_file(tmp_path, *rows), zipped=False, limits=LIMITS), by
        )

        for name, path in paths.items():
            keys = path.removeprefix("$.").split(".")
            assert columns[name] == [_found(row, keys) for row in rows], (name, odd)


def _found(value: Any, keys: list[str]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


@pytest.mark.parametrize(
    "header", ["Call Id,startTime,note", "call id,STARTTIME,note", "id,at,note", "ID,At,note"]
)
def test_a_header_has_the_names_of_the_source_or_the_contracts(tmp_path: Path, header: str) -> None:
    by = mapped(id={"physical_name": "Call Id"}, at={"physical_name": "startTime"})
    for quote in ("", '"'):  # quickly, and with line ends in quotes patiently
        path = tmp_path / "rows.csv"
        path.write_text(f"{header}\n1,x,y\n2,{quote}z{quote * 2 and quote},\n")
        reader = CsvLines(by, path, zipped=False, limits=LIMITS)

        columns, _ = read(reader, by)

        assert columns == {"id": ["1", "2"], "at": ["x", "z"]}
        assert reader.unknown == {"note"}


def test_a_name_is_another_columns_only_once(tmp_path: Path) -> None:
    """Of two columns whose names are swapped at the source, each has its own."""
    by = mapped(a={"physical_name": "b"}, b={"physical_name": "a"})
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n")

    columns, _ = read(CsvLines(by, path, zipped=False, limits=LIMITS), by)

    assert columns == {"a": ["2"], "b": ["1"]}


def test_columns_of_parquet_by_the_names_of_the_source(tmp_path: Path) -> None:
    by = mapped(
        id={"physical_name": "Call Id"},
        at={"type": "timestamp", "physical_name": "startTime", "timezone": "Europe/Berlin"},
    )
    times = [datetime(2026, 7, 1, 12), datetime(2026, 10, 25, 2, 30), datetime(2026, 3, 29, 2, 30)]  # noqa: DTZ001
    table = pa.table({"Call Id": ["1", "2", "3"], "startTime": pa.array(times, pa.timestamp("us"))})
    parquet.write_table(table, tmp_path / "rows.parquet")

    reader = ParquetRows(
        by, tmp_path / "rows.parquet", zipped=False, limits=LIMITS, folder=tmp_path
    )
    columns, told = read(reader, by)

    assert columns["id"] == ["1", "2", "3"]
    assert columns["at"] == [datetime(2026, 7, 1, 10, tzinfo=UTC), None, None]
    assert [set(one or ()) for one in told] == [set(), {"at"}, {"at"}]


def test_texts_of_times_without_a_zone_are_in_the_contracts(tmp_path: Path) -> None:
    by = mapped(at={"type": "timestamp", "timezone": "America/New_York"})
    texts = {
        "2026-07-01T12:00:00": datetime(2026, 7, 1, 16, tzinfo=UTC),
        "2026-07-01 12:00": datetime(2026, 7, 1, 16, tzinfo=UTC),
        "2026-07-01": datetime(2026, 7, 1, 4, tzinfo=UTC),
        "2026-07-01T12:00:00Z": datetime(2026, 7, 1, 12, tzinfo=UTC),
        "2026-07-01T12:00:00+02:00": datetime(2026, 7, 1, 10, tzinfo=UTC),
        "2026-11-01T01:30:00": None,  # twice
        "2026-03-08T02:30:00": None,  # never
    }
    path = json_file(tmp_path, *({"at": text} for text in texts))

    columns, told = read(JsonLines(by, path, zipped=False, limits=LIMITS), by)

    assert columns["at"] == list(texts.values())
    assert [one and one["at"] for one in told] == [
        None if value else text for text, value in texts.items()
    ]


def test_what_the_contract_does_not_have_is_kept_if_it_says_so(tmp_path: Path) -> None:
    by = mapped(id={"physical_name": "$.meta.id"}, note={})
    by = dataclasses.replace(by, columns=(*by.columns, unmapped_column("L3")))
    plain = dataclasses.replace(by, columns=(Column("id", "string", **LIKE), *by.columns[1:]))

    path = json_file(tmp_path, {"meta": {"id": "a", "b": 1.50}, "x": [1]}, {"note": "n"})
    columns, _ = read(JsonLines(by, path, zipped=False, limits=LIMITS), by)
    assert columns["_unmapped"] == ['{"meta":{"b":1.5},"x":[1]}', None]

    for quote in ("", '"'):
        path = tmp_path / "rows.csv"
        path.write_text(f"id,x,y\n1,{quote}a{quote * 2 and quote},\n2,,\n")
        columns, _ = read(CsvLines(plain, path, zipped=False, limits=LIMITS), plain)
        assert columns["id"] == ["1", "2"]
        assert columns["_unmapped"] == ['{"x":"a","y":null}', None]

    table = pa.table({"id": ["1", "2"], "x": [1.5, None], "y": [[1], None]})
    parquet.write_table(table, tmp_path / "rows.parquet")
    reader = ParquetRows(
        plain, tmp_path / "rows.parquet", zipped=False, limits=LIMITS, folder=tmp_path
    )
    columns, _ = read(reader, plain)
    assert columns["_unmapped"] == ['{"x":"1.5","y":"[1]"}', None]


@pytest.mark.parametrize("form", ["text", "number", "parquet"])
def test_exact_numbers_are_what_was_written_or_are_told(tmp_path: Path, form: str) -> None:
    """[PROPERTY] Of random numbers each is read as Python's own decimals say, or told."""
    by = mapped(cost={"type": "number", "decimal": (9, 3)})
    random = Random(form)  # noqa: S311
    texts = [_written(random) for _ in range(400)]
    if form == "parquet":
        texts = [format(Decimal(text), "f") for text in texts if abs(Decimal(text)) < 10**20]
        values = pa.array([Decimal(text) for text in texts], pa.decimal128(38, 12))
        parquet.write_table(pa.table({"cost": values}), tmp_path / "rows.parquet")
        reader: Iterable[Parsed] = ParquetRows(
            by, tmp_path / "rows.parquet", zipped=False, limits=LIMITS, folder=tmp_path
        )
    else:
        quote = '"' if form == "text" else ""
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(f'{{"cost":{quote}{text}{quote}}}\n' for text in texts))
        reader = JsonLines(by, path, zipped=False, limits=LIMITS)

    columns, told = read(reader, by)

    fits = [_fitted(text) for text in texts]
    assert columns["cost"] == fits
    assert sum(one is None for one in fits) > 20
    assert [one is not None for one in told] == [one is None for one in fits]


def _written(random: Random) -> str:
    """A number as JSON may have it, of few or many digits."""
    whole, part = random.randrange(1, 9), random.choice([0, 1, 2, 3, 3, 4])
    text = f"{random.choice(['', '-'])}{random.randrange(10**whole)}"
    if part:
        text += f".{random.randrange(10**part):0{part}}" + "0" * random.randrange(3)
    return text + random.choice(["", "", "", f"e{random.randrange(-3, 3)}"])


def _fitted(text: str) -> Decimal | None:
    number = Decimal(text)
    is_short = number == round(number, 3) and abs(number) < 10**6
    return number if is_short else None
