"""`chimera contract new`: a first contract that fits its table or file, and says where to look."""

from __future__ import annotations

import gzip
import json
import math
import os
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from chimera_assets.cli import run as run_chimera
from chimera_assets.contracts import contracts, load_contract
from chimera_assets.contracts.drafting import DraftColumn, column_names
from chimera_assets.contracts.drafting.personal import judged
from chimera_assets.contracts.lint import lint
from chimera_assets.contracts.rules.row_checks import row_violations
from chimera_assets.hours import HourRange
from chimera_assets.settings import get_settings
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.contract_check import source_problems
from chimera_assets.sources.landing.formats import reader_of
from chimera_assets.sources.landing.json_draft import of_objects
from chimera_assets.sources.landing.values import typed
from chimera_assets.sources.postgres import PostgresSource
from tests.sources.landing.conftest import LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chimera_assets.contracts import Contract

    Run = Callable[..., None]
    Draft = Callable[..., tuple[Contract, str]]

START = datetime(2026, 7, 1, 10, tzinfo=UTC)

TABLE = """
    CREATE TABLE app."LLM_Calls" (
        "Call Id" uuid PRIMARY KEY, "startTime" timestamp(3), "createdAt" timestamptz NOT NULL,
        state app.state, model varchar(40) NOT NULL, spend numeric(12, 6), ratio real, tokens int,
        "endUser" text, payload jsonb, tags text[], ports int[], peer inet, hour int, prompt text,
        day date, "Ä" text
    )
"""
ROW = """
    INSERT INTO app."LLM_Calls" SELECT gen_random_uuid(), '2026-07-01 10:00'::timestamp + n * '1s'
        ::interval, '2026-07-01Z'::timestamptz + n * '1s'::interval,
        (ARRAY['ok', 'failed'])[1 + n % 2]::app.state, 'model-' || n % 3, n / 7.0, random(), n,
        'u' || n || '@example.com', '{}', ARRAY['a'], ARRAY[1, 2], '192.0.2.1', n % 24, 'Hi ' || n,
        '2026-07-01', NULL
    FROM generate_series(1, 200) n
"""


@pytest.fixture
def draft(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Draft:
    def draft(*arguments: str) -> tuple[Contract, str]:
        """The contract that `chimera contract new calls …` prints, and its text."""
        assert run_chimera(["contract", "new", "calls", *arguments]) == 0
        text = capsys.readouterr().out
        path = tmp_path / "drafted" / "calls.odcs.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        assert lint([path.parent]) == []
        return load_contract(path), text

    return draft


def line_of(text: str, column: str, word: str) -> str:
    """The line with a word in the part of a column."""
    part = text.partition(f"- name: {column}\n")[2].partition("      - name: ")[0]
    return next(line for line in part.splitlines() if word in line)


def test_a_table_of_another_shape(
    draft: Draft, database: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("CREATE SCHEMA app", "CREATE TYPE app.state AS ENUM ('ok', 'failed', 'new')", TABLE, ROW)
    run("COMMENT ON COLUMN app.\"LLM_Calls\".spend IS 'What it cost, in dollars'")
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", database)
    get_settings.cache_clear()

    contract, text = draft("--from-table", "app.llm_calls")

    assert source_problems(database, contract) == []
    assert contract.source_table == 'app."LLM_Calls"'
    assert contract.key == ("call_id",)
    assert "guessed" not in line_of(text, "call_id", "primaryKey")
    assert (contract.event_time, contract.arrival_time) == ("start_time", "created_at")
    assert contract.subject == "end_user"
    types = {column.name: column.type_in_words for column in contract.columns}
    assert types == {
        "call_id": "string", "start_time": "timestamp", "created_at": "timestamp",
        "state": "string", "model": "string", "spend": "decimal(12, 6)", "ratio": "number",
        "tokens": "integer", "end_user": "string", "payload": "string", "tags": "array<string>",
        "ports": "string", "peer": "string", "hour_value": "integer", "prompt": "string",
        "day": "date", "column": "string",
    }  # fmt: skip
    required = {column.name for column in contract.columns if column.required}
    assert required == set(types) - {"column"}
    assert "no null in the rows" not in line_of(text, "model", "required")
    assert "no null in the rows" in line_of(text, "spend", "required")
    assert contract.column("start_time").timezone == "UTC"
    assert contract.column("spend").description == "What it cost, in dollars"
    rules = {r.column: (r.check, r.params) for r in contract.rules if r.severity == "warning"}
    assert rules["state"] == ("in_set", {"values": ["failed", "ok"]})
    assert rules["model"] == ("in_set", {"values": ["model-0", "model-1", "model-2"]})
    assert rules["tokens"] == ("range", {"min": 0})
    assert rules["ratio"] == ("range", {"min": 0, "max": 1})
    assert "end_user" not in rules
    levels = {column.name: column.classification for column in contract.columns}
    assert [name for name, level in levels.items() if level == "L3"] == [
        "end_user", "payload", "peer", "prompt"]  # fmt: skip
    assert "look like e-mail addresses" in line_of(text, "end_user", "classification")
    assert "look like IP addresses" in line_of(text, "peer", "classification")


def test_a_key_of_several_columns_in_its_order_and_no_value_of_a_person(
    draft: Draft, database: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(
        "CREATE TABLE seats (row text, note text, hall int, at timestamptz, customer text, "
        "PRIMARY KEY (hall, row))",
        "INSERT INTO seats SELECT n::text, 'x', 1, now(), 'c' || n % 2 || '@example.com' "
        "FROM generate_series(1, 100) n",
    )
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", database)
    get_settings.cache_clear()

    contract, text = draft("--from-table", "seats")

    assert contract.key == ("hall", "row")
    assert "guessed" not in text
    assert "c1@example.com" not in text


PARTITIONED = """
    CREATE TABLE calls (
        tenant text, call int, started_at timestamptz, stored_at timestamptz NOT NULL,
        PRIMARY KEY (tenant, started_at, call)
    ) PARTITION BY RANGE (started_at)
"""


def test_the_key_of_a_table_partitioned_by_time_does_without_the_time_if_it_can(
    database: str, run: Run, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(PARTITIONED, "CREATE TABLE calls_all PARTITION OF calls DEFAULT")
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", database)
    get_settings.cache_clear()
    run(
        "INSERT INTO calls SELECT 'acme', n, now() + n * '1s'::interval, now()"
        " FROM generate_series(1, 9) n"
    )

    contract, text = draft("--from-table", "calls")

    assert contract.key == ("tenant", "call")
    said = "review: the source's key has started_at, too; the rows looked at differ without it"
    assert said in line_of(text, "tenant", "primaryKey")
    assert "review" not in line_of(text, "call", "primaryKey")


def test_a_key_that_needs_the_time_is_warned_of(
    tmp_path: Path,
    database: str,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(
        PARTITIONED,
        "CREATE TABLE calls_all PARTITION OF calls DEFAULT",
        "INSERT INTO calls SELECT 'acme', n % 3, now() + n * '1s'::interval, now()"
        " FROM generate_series(1, 9) n",
    )
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", database)
    get_settings.cache_clear()

    assert run_chimera(["contract", "new", "calls", "--from-table", "calls"]) == 0

    text = capsys.readouterr().out
    path = tmp_path / "calls.odcs.yaml"
    path.write_text(text)
    assert load_contract(path).key == ("tenant", "started_at", "call")
    assert "# review: the event's time: a row whose" in line_of(text, "started_at", "primaryKey")
    assert run_chimera(["contract", "check", str(path), "--source"]) == 0
    line = text.splitlines().index("      - name: started_at") + 1
    told = " ".join(capsys.readouterr().out.split())
    assert (
        f"calls.odcs.yaml:{line}: key: expected columns that name a row whatever its time" in told
    )
    assert "found the event time started_at; a row whose time is corrected is there twice" in told


def test_a_domain_has_the_size_of_the_type_below_it(
    draft: Draft, database: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(
        "CREATE DOMAIN funds AS numeric(20, 10) NOT NULL",
        "CREATE DOMAIN price AS funds CHECK (VALUE >= 0)",
        "CREATE DOMAIN code AS varchar(12)",
        "CREATE TABLE sales (id code PRIMARY KEY, paid price, tax numeric(9, 2))",
        "INSERT INTO sales VALUES ('s-1', 1234567890.0123456789, 1.50)",
    )
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", database)
    get_settings.cache_clear()

    contract, text = draft("--from-table", "sales")

    types = {column.name: column.type_in_words for column in contract.columns}
    assert types == {"id": "string", "paid": "decimal(20, 10)", "tax": "decimal(9, 2)"}
    assert "decimal(20, 10)" in line_of(text, "paid", "physicalType")
    assert source_problems(database, contract) == []
    narrow = replace(
        contract,
        columns=tuple(
            replace(one, decimal=(12, 4)) if one.name == "paid" else one for one in contract.columns
        ),
    )
    (problem,) = source_problems(database, narrow)
    assert (problem.what, problem.severity) == ("column paid", "warning")
    assert "numeric(20, 10), as the source has it" in problem.expected


def test_a_table_without_key_time_or_rows(
    draft: Draft, database: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("CREATE TABLE plans (name text, price int)")
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", database)
    get_settings.cache_clear()

    contract, text = draft("--from-table", "plans")

    assert (contract.kind, contract.key) == ("reference", ("name",))
    assert "guessed, as the source has no key" in line_of(text, "name", "primaryKey")
    assert source_problems(database, contract) == []


def made(random: Random, number: int) -> dict[str, Any]:
    """An event as a gateway writes it."""
    moment = START + timedelta(seconds=number)
    return {
        "requestId": f"r-{number}",
        "at": moment.isoformat(),
        "loggedAt": f"{moment:%Y-%m-%d %H:%M:%S}",
        "usage": {"total": random.randrange(100), "the cost": random.random(), "cached": None},
        "ok": random.random() < 0.5,
        "status": random.choice(["ok", "error", "timeout"]),
        "tags": random.choices("abc", k=random.randrange(3)),
        "choices": [{"text": "hi"}],
        "code": f"{random.randrange(100):05}",
        "mixed": random.choice([1, "one", True]),
        "day": f"{moment:%Y-%m-%d}",
    } | ({"user": {"email": f"u{number}@example.com"}} if number % 2 else {})


def test_columns_that_differ_in_case_alone_are_both_read(
    database: str, run: Run, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(
        'CREATE TABLE twins (id int PRIMARY KEY, at timestamptz NOT NULL, "Name" text, name int,'
        " paid numeric)",
        "INSERT INTO twins SELECT n, '2026-07-01 10:00Z', 'Zoë', n FROM generate_series(1, 3) n",
    )
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", database)
    get_settings.cache_clear()

    contract, text = draft("--from-table", "twins")

    assert "physicalType: numeric(p, s)" in line_of(text, "paid", "logicalType")

    with PostgresSource(database).now(contract) as now:
        rows = now.rows(HourRange.single(START), Batch.new("calls", START)).read_all()
    taken = pl.DataFrame(pl.from_arrow(rows)).select("name", "name_2")
    assert taken.sort("name_2").rows() == [("Zoë", 1), ("Zoë", 2), ("Zoë", 3)]


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "json", "json.gz", "csv", "parquet"])
def test_a_file_fits_what_was_drafted_from_it(draft: Draft, tmp_path: Path, form: str) -> None:
    """[PROPERTY] Every row of it is read whole, and breaks no rule that was judged from them."""
    random = Random(5)  # noqa: S311
    rows = [made(random, number) for number in range(300)]
    path = tmp_path / f"calls.{form}"
    flat = pl.DataFrame([_flat(row) for row in rows], infer_schema_length=None)
    if form == "csv":
        flat.drop("tags").write_csv(path)
    elif form == "parquet":
        flat = flat.with_columns(
            pl.col("usage_total").cast(pl.Decimal(9, 2)),
            pl.col("at").str.to_datetime("%+", time_unit="us", time_zone="UTC"),
            pl.col("loggedAt").str.to_datetime("%F %T", time_unit="us"),
        )
        parquet.write_table(flat.to_arrow(), path)
    else:
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        is_document = form.removesuffix(".gz") == "json"
        content = (json.dumps(rows) if is_document else lines).encode()
        path.write_bytes(gzip.compress(content) if form.endswith("gz") else content)

    contract, text = draft("--from-file", str(path))

    read = _read(contract, path, tmp_path)
    assert _rejected(contract, path, tmp_path) == 0
    assert contract.key == ("request_id",)
    assert contract.event_time == "at"
    assert contract.column("at").timezone is None
    assert contract.column("logged_at").timezone == "UTC"
    assert "have no zone" in line_of(text, "logged_at", "logicalTypeOptions")
    assert contract.column("code").type == "string"
    assert contract.column("usage_total").type in {"integer", "number"}
    levels = [c.classification for c in contract.columns if c.name in {"user_email", "email"}]
    assert levels == ["L3"]
    if form.startswith("json"):
        assert contract.column("usage_the_cost").source_name == "$.usage['the cost']"
        assert read["usage_the_cost"].to_list() == [row["usage"]["the cost"] for row in rows]
        assert not {"choices", "usage_cached"} & set(contract.column_names)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "requestId": row["requestId"], "at": row["at"], "loggedAt": row["loggedAt"],
        "usage_total": row["usage"]["total"], "ok": row["ok"], "status": row["status"],
        "tags": row["tags"], "code": row["code"], "email": row.get("user", {}).get("email"),
    }  # fmt: skip


#: Of each kind that Parquet files have, what is read of all values, of some, and of none.
_NAIVE = datetime(2026, 7, 1, 10)  # noqa: DTZ001
_ODD = b"\xff"
READ_WHOLE: dict[str, pa.Array] = {
    "id": pa.array(["a", "b", "c"]).dictionary_encode(),
    "at": pa.array([START] * 3, pa.timestamp("us", "UTC")),
    "naive": pa.array([_NAIVE, None, _NAIVE], pa.timestamp("ns")),
    "small": pa.array([1, None, 2], pa.int8()),
    "beyond": pa.array([2**63, 1, None], pa.uint64()),
    "ratio": pa.array([0.5, None, 2.0], pa.float32()),
    "paid": pa.array([Decimal("1.5"), None, Decimal(2)], pa.decimal128(38, 4)),
    "vast": pa.array([Decimal("1e40"), None, Decimal(2)], pa.decimal256(50, 2)),
    "ok": pa.array([True, None, False]),
    "day": pa.array([date(2026, 7, 1)] * 3),
    "clock": pa.array([time(12, 30)] * 3, pa.time64("us")),
    "utf8": pa.array([b"a", None, b"b"]),
    "several": pa.array([["a"], None, ["b", None]]),
    "pair": pa.array([[1, 2]] * 3, pa.list_(pa.int32(), 2)),
    "nothing": pa.nulls(3),
}
LEFT_OUT: dict[str, tuple[pa.Array, str]] = {
    "st": (pa.array([{"a": 1}, None, None]), "values of type struct cannot"),
    "empty_st": (pa.nulls(3, pa.struct([("x\ny", pa.int8())])), "values of type struct cannot"),
    "mapped": (pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64())), "type map cannot"),
    "took": (pa.array([1, None, 2], pa.duration("ms")), "values of type duration[ms] cannot"),
    "interval": (pa.array([b"x" * 12] * 3, pa.binary(12)), "type fixed_size_binary[12] cannot"),
    "raw": (pa.array([_ODD, _ODD, None]), "2 of 2 values of type binary cannot"),
    "some_raw": (pa.array([b"a", _ODD, b"b"]), "1 of 3 values of type binary cannot"),
    "deep": (pa.array([[{"a": 1}]] * 3), "values of type list of struct cannot"),
    "far": (pa.array([2**60, 1, 2], pa.timestamp("ms")), "1 of 3 values of type timestamp[ms]"),
}


def test_a_parquet_file_of_every_type_is_read_by_what_was_drafted_from_it(
    draft: Draft, tmp_path: Path
) -> None:
    path = tmp_path / "calls.parquet"
    parquet.write_table(pa.table(READ_WHOLE | {n: v for n, (v, _) in LEFT_OUT.items()}), path)

    contract, text = draft("--from-file", str(path))

    assert _rejected(contract, path, tmp_path) == 0
    assert set(contract.column_names) == set(READ_WHOLE)
    types = {one.name: one.type_in_words for one in contract.columns}
    assert (types["beyond"], types["paid"]) == ("decimal(20, 0)", "decimal(38, 4)")
    assert (types["vast"], types["pair"]) == ("string", "array<string>")
    for name, (_, why) in LEFT_OUT.items():
        (said,) = (one for one in text.splitlines() if one.startswith(f"      # left out: {name}:"))
        assert why in said


def test_numbers_of_a_parquet_file_that_are_none_are_said(draft: Draft, tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    numbers = {"ratio": [0.5, math.nan, math.inf], "fine": [0.5, 1.0, None]}
    parquet.write_table(pa.table({"id": ["a", "b", "c"], "at": [START] * 3, **numbers}), path)

    contract, text = draft("--from-file", str(path))

    assert [contract.column(name).type for name in numbers] == ["number", "number"]
    assert "review: 2 values are NaN or infinite" in line_of(text, "ratio", "logicalType")
    assert "review" not in line_of(text, "fine", "logicalType")
    assert _rejected(contract, path, tmp_path) == 2


def test_json_lines_of_every_kind_are_read_by_what_was_drafted_from_them(
    draft: Draft, tmp_path: Path
) -> None:
    path = tmp_path / "calls.jsonl"
    rows = [
        {"id": "a", "at": "2026-07-01T10:00:00Z", "far": 2**70, "vast": 10**400, "few": [1, "b"],
         "part": {}, "$odd": 1, "obj": [{"q": 1}], "either": {"a": 1}, "lists": [[1]], "or": [1]},
        {"id": "b", "at": "2026-07-01T10:00:00Z", "far": 1, "vast": 2.5, "few": None,
         "part": {"of": 1}, "obj": [], "either": "text", "lists": None, "or": 1, "none": None,
         "a": {"b": {"c": {"d": {"e": {"f": 1}}}}}},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    contract, text = draft("--from-file", str(path))

    assert _rejected(contract, path, tmp_path) == 0
    assert {one.name: one.type for one in contract.columns} == {
        "id": "string", "at": "timestamp", "far": "number", "vast": "string",
        "few": "array<string>", "part_of": "integer", "odd": "integer", "either_a": "integer",
    }  # fmt: skip
    assert "floating point" in line_of(text, "far", "logicalType")
    said = dict(
        one.removeprefix("      # left out: ").split(": ", 1)
        for one in text.splitlines()
        if "left out" in one
    )
    within = "objects or lists within; a path may lead to a value in them (docs/mapping.md)"
    assert said == {
        "obj": within, "lists": within, "$.a.b.c.d.e": within, "or": "values in some rows, lists "
        "in others", "either": "values in some rows, objects in others",
        "none": "no value in the rows looked at",
    }  # fmt: skip


def test_values_of_several_kinds_are_drafted_as_their_texts() -> None:
    rows = [{"v": 1}, {"v": "a"}, {}, {"v": True}, {"v": None}, {"v": 2.50}]
    assert [
        (one.name, one.source_name, one.type, one.values.to_list())
        for one in of_objects(rows)
        if isinstance(one, DraftColumn)
    ] == [("v", "v", "string", ["1", "a", None, "true", None, "2.5"])]


def _rejected(contract: Contract, path: Path, folder: Path) -> int:
    """How often the file's own rows break a rule, or have a value that cannot be read."""
    read = _read(contract, path, folder)
    placed = read.with_columns(hour_partition=pl.col("at").dt.date(), hour=pl.col("at").dt.hour())
    assert read.height
    unreadable = read.height - read["_unreadable"].null_count()
    return unreadable + placed.select(row_violations(contract, {})).sum().sum_horizontal().item()


def _read(contract: Contract, path: Path, folder: Path) -> pl.DataFrame:
    class File:
        zipped = path.suffix == ".gz"
        format = path.name.removesuffix(".gz").rpartition(".")[2]

    parts = [typed(part, contract) for part in reader_of(File, contract, path, folder, LIMITS)]  # type: ignore[arg-type]
    return pl.concat([rows.with_columns(unread) for rows, unread in parts])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["calls"], "expected one of --from-table and --from-file, found neither"),
        (["calls", "--from-table", "x", "--from-file", "y.csv"], "found both"),
        (["Calls", "--from-table", "x"], "name of the stream: expected lower-case"),
        (["calls", "--from-file", "{}/rows.xml"], "expected a file that ends in .csv, .jsonl"),
        (["calls", "--from-file", "{}/none.csv"], "No such file"),
        (["calls", "--from-file", "{}/empty.csv"], "expected rows with columns, found none"),
        (["calls", "--from-file", "{}/bad.parquet"], "it is damaged"),
        (["calls", "--from-file", "{}/bad.jsonl"], "it is damaged"),
        (["calls", "--from-file", "{}/deep.jsonl"], "it is damaged"),
        (["calls", "--from-file", "{}/bad.json"], "it is no JSON document (line 1)"),
        (["calls", "--from-file", "{}/pipe.csv"], "expected a file, found a FIFO or device"),
        (["calls", "--from-file", "{}/folder.json"], "expected a file, found a folder"),
        (["calls", "--from-file", "{}/semicolons.csv"], "commas (RFC 4180), found 3 separated by"),
        (["calls", "--from-file", "{}/semicolons.csv"], "semicolons; write the file with commas"),
        (["calls", "--from-file", "{}/tabs.csv"], "found 2 separated by tabs"),
        (["calls", "--from-file", "{}/bars.csv"], "found 2 separated by bars"),
        (
            ["calls", "--from-file", "{}/timeless.csv"],
            "none among id (integer), am (string), b;c;d",
        ),
        (["calls", "--from-file", "{}/timeless.csv"], "such a time as 2026-01-31T12:30:00Z"),
        (["calls", "--from-file", "{}/deep.json"], "found q (objects or lists within;"),
    ],
)
def test_what_cannot_be_drafted_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "bad.parquet").write_text("no")
    for name in ("bad.jsonl", "bad.json"):
        (tmp_path / name).write_text("{no")
    (tmp_path / "deep.jsonl").write_text("[" * 100_000)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "deep.json").write_text('[{"q": [{"a": 1}]}]')
    semicolons = "\ufeffId;Größe, m²;Betrag\r\n1;2,5;0,50\r\n2;3,5;1,50\r\n"
    (tmp_path / "semicolons.csv").write_bytes(semicolons.encode())
    (tmp_path / "tabs.csv").write_text("id\tat\n1\t2026-07-01\n")
    (tmp_path / "bars.csv").write_text("id|at\n")
    (tmp_path / "timeless.csv").write_text('id,am,"b;c;d;e"\n1,31.01.2026,x\n')
    os.mkfifo(tmp_path / "pipe.csv")

    code = run_chimera(["contract", "new", *(one.format(tmp_path) for one in arguments)])

    assert code == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_file_has_its_rows_by_the_day_where_no_column_says_more(
    draft: Draft, tmp_path: Path
) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("born,at,id,note,note\n,2026-07-01,1,a,b\n2000-01-01,2026-07-02,2,a,b\n")

    contract, text = draft("--from-file", str(path))

    assert (contract.kind, contract.event_time, contract.arrival_time) == ("stream", "at", "at")
    assert "    physicalName: calls\n" in text
    assert contract.column("born").type == "date"
    assert "      # left out: note: several columns have this name" in text
    assert _rejected(contract, path, tmp_path) == 0


def test_values_of_texts_are_in_a_contract_only_if_they_are_a_category(
    draft: Draft, tmp_path: Path
) -> None:
    names = ("Ada Example", "Bo Example", "Cy Example")
    rows = [f"{at},2026-07-01T10:00:00Z,{names[at % 3]},kind-{at % 3}\n" for at in range(120)]
    (tmp_path / "calls.csv").write_text("id,at,who,call_kind\n" + "".join(rows))

    contract, text = draft("--from-file", str(tmp_path / "calls.csv"))

    (rule,) = (one for one in contract.rules if one.check == "in_set")
    assert (rule.column, rule.params["values"]) == ("call_kind", ["kind-0", "kind-1", "kind-2"])
    assert "Example" not in text


def test_the_file_that_the_shell_makes_for_it_is_in_no_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`chimera contract new calls … > contracts/calls.odcs.yaml`, in the folder in use."""
    (tmp_path / "calls.odcs.yaml").touch()
    (tmp_path / "rows.csv").write_text("id,at\n1,2026-01-01\n")
    monkeypatch.setenv("CHIMERA_CONTRACTS", str(tmp_path))
    for cached in (get_settings, contracts):
        cached.cache_clear()

    assert run_chimera(["contract", "new", "calls", "--from-file", str(tmp_path / "rows.csv")]) == 0

    assert "name: calls" in capsys.readouterr().out
    monkeypatch.undo()
    for cached in (get_settings, contracts):
        cached.cache_clear()


def test_names_are_the_contracts() -> None:
    given = ["Call Id", "startTime", "HTTPStatus", "hour", "a", "A", "9lives", "_x", "Ä", "größe"]
    assert column_names(given) == [
        "call_id", "start_time", "http_status", "hour_value", "a", "a_2", "column_9lives", "x",
        "column", "gr_e",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "values", "level"),
    [
        ("customer_email", "string", [], "L3"),
        ("api_token", "string", [], "L4"),
        ("total_tokens", "integer", [5], "L1"),
        ("prompt_length", "integer", [5], "L1"),
        ("prompt", "string", ["Hi"], "L3"),
        ("model", "string", ["m-1"], "L1"),
        ("contact_list", "array<string>", [["a@example.com"]], "L3"),
        ("callback", "string", ["+49 170 1234567", None], "L3"),
        ("reference", "string", ["DE02120300000000202051"], "L3"),
        ("version", "string", ["1.2.3"], "L1"),
    ],
)
def test_what_may_be_personal_is_marked(
    name: str, kind: str, values: list[Any], level: str
) -> None:
    series = pl.Series(values) if values else pl.Series([], dtype=pl.String)
    assert judged(DraftColumn(name, name, kind, series))[0] == level
