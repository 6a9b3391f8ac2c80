"""A table of another shape is read as its contract maps it: names, expressions, zones, JSON."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from chimera_assets.cli import run as run_chimera
from chimera_assets.contracts import ContractError, load_contract
from chimera_assets.hours import HourRange
from chimera_assets.ingest.moved_rows import key_prints
from chimera_assets.settings import get_settings
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.contract_check import source_problems
from chimera_assets.sources.database import connect
from chimera_assets.sources.errors import SourceError, SourceSchemaError
from chimera_assets.sources.first_time import first_time
from chimera_assets.sources.postgres import PostgresSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chimera_assets.contracts import Contract

    Run = Callable[..., None]

HOUR = HourRange.single(datetime(2026, 7, 1, 10, tzinfo=UTC))
BATCH = Batch.new("calls", datetime(2026, 7, 1, 12, tzinfo=UTC))
BERLIN = ZoneInfo("Europe/Berlin")

HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: calls
name: Calls
version: 1.0.0
status: active
slaProperties:
  - {{property: retention, value: 30, unit: d}}
  - {{property: freshness, value: 2, unit: h}}
schema:
  - name: calls
    physicalName: {table}
    customProperties:
      - {{property: eventTime, value: at}}
      - {{property: arrivalTime, value: created}}
    properties:
"""
KEY = {"name": "id", "logicalType": "string", "physicalName": "Call Id", "primaryKey": True,
       "required": True}  # fmt: skip
AT = {"name": "at", "logicalType": "timestamp", "physicalName": "startTime", "required": True,
      "logicalTypeOptions": {"defaultTimezone": "Europe/Berlin"}}  # fmt: skip
CREATED = {"name": "created", "logicalType": "timestamp"}
MODEL = {"name": "model", "logicalType": "string",
         "transformLogic": "lower(split_part(payload->>'model', '/', 2))"}  # fmt: skip
TOKENS = {"name": "tokens", "logicalType": "integer",
          "transformLogic": "payload #>> '{usage,total}'"}  # fmt: skip
COST = {"name": "cost", "logicalType": "number", "transformLogic": "spend_in_cents / 100.0"}
PAYLOAD = {"name": "payload", "logicalType": "string"}

TABLE = """
    CREATE TABLE app."LLM_Calls" ("Call Id" uuid PRIMARY KEY, "startTime" timestamp(3),
        created timestamptz DEFAULT '2026-07-01T10:30:00Z', payload jsonb, spend_in_cents numeric,
        note text)
"""


def contract(
    folder: Path,
    *columns: dict[str, Any],
    table: str = 'app."LLM_Calls"',
    unmapped: str | bool | None = None,
) -> Contract:
    """The contract of `calls`, with these columns."""
    lines = (json.dumps({"classification": "L1", "description": "…"} | one) for one in columns)
    path = folder / "calls.odcs.yaml"
    head = HEAD.format(table=json.dumps(table))
    if unmapped is not None:
        kept = f"      - {{property: keepUnmapped, value: {json.dumps(unmapped)}}}\n"
        head = head.replace("    properties:\n", f"{kept}    properties:\n")
    path.write_text(head + "".join(f"      - {line}\n" for line in lines))
    return load_contract(path)


@pytest.fixture
def calls(run: Run, database: str) -> str:
    """A database with such a table, in a schema of its own."""
    run("CREATE SCHEMA app", TABLE)
    return database


def insert(url: str, **values: object) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join(
        "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"
        for value in values.values()
    )
    with connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO app."LLM_Calls" ({names}) VALUES ({marks})')  # noqa: S608


def identity(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def rows(url: str, mapped: Contract, hours: HourRange = HOUR) -> list[dict[str, Any]]:
    read = PostgresSource(url).now(mapped).rows(hours, BATCH).read_all()
    return pl.DataFrame(pl.from_arrow(read)).sort("id").to_dicts()


def test_another_shape_is_read_by_the_hour(calls: str, tmp_path: Path) -> None:
    mapped = contract(tmp_path, KEY, AT, CREATED, MODEL, TOKENS, COST, PAYLOAD)
    usage = {"model": "acme/Model-A", "usage": {"total": 12}}
    insert(calls, **{"Call Id": identity(1), "startTime": "2026-07-01 12:15",
                     "payload": json.dumps(usage), "spend_in_cents": "12.5"})  # fmt: skip
    insert(calls, **{"Call Id": identity(2), "startTime": "2026-07-01 10:15"})  # 08:15 in UTC

    (row,) = rows(calls, mapped)

    assert row["id"] == identity(1)
    assert row["at"] == datetime(2026, 7, 1, 10, 15, tzinfo=UTC)
    assert (row["model"], row["tokens"], row["cost"]) == ("model-a", 12, 0.125)
    assert json.loads(row["payload"]) == usage
    assert row["_unreadable"] is None
    assert PostgresSource(calls).verify(mapped) == [
        'app."LLM_Calls": not in the contract, not extracted: note'
    ]


def test_a_text_that_is_no_value_is_told_and_its_row_comes(calls: str, tmp_path: Path) -> None:
    mapped = contract(tmp_path, KEY, AT, CREATED, MODEL, TOKENS)
    for number, total in enumerate([7, "8", "nine", None, 10.0, 1.5]):
        payload = json.dumps({"model": "acme/m", "usage": {"total": total}})
        insert(calls, **{"Call Id": identity(number), "startTime": "2026-07-01 12:15",
                         "payload": payload})  # fmt: skip

    found = rows(calls, mapped)

    assert [row["tokens"] for row in found] == [7, 8, None, None, 10, None]
    told = [row["_unreadable"] and json.loads(row["_unreadable"]) for row in found]
    assert told == [None, None, {"tokens": "nine"}, None, None, {"tokens": "1.5"}]


@pytest.mark.parametrize(
    ("time", "hour", "at"),
    [
        ("2026-10-25 01:59:59", 23, "2026-10-24T23:59:59Z"),
        ("2026-10-25 02:00:00", None, None),  # twice: at 00:00 and at 01:00 in UTC
        ("2026-10-25 02:59:59.999", None, None),
        ("2026-10-25 03:00:00", 2, "2026-10-25T02:00:00Z"),
        ("2026-03-29 01:59:59", 0, "2026-03-29T00:59:59Z"),
        ("2026-03-29 02:00:00", None, None),  # never: at 02:00 it became 03:00
        ("2026-03-29 02:59:59", None, None),
        ("2026-03-29 03:00:00", 1, "2026-03-29T01:00:00Z"),
        ("infinity", None, None),
        ("0001-01-01 00:00 BC", None, None),
    ],
)
def test_a_time_that_its_zone_skips_or_repeats_is_told(
    calls: str, tmp_path: Path, time: str, hour: int | None, at: str | None
) -> None:
    mapped = contract(tmp_path, KEY, AT, CREATED)
    arrived = HOUR.start if at is None else at
    insert(calls, **{"Call Id": identity(1), "startTime": time, "created": arrived})
    moment = datetime.fromisoformat(at) if at else None
    # One that cannot be told is taken in the hour in which it arrived.
    placed = HOUR if moment is None else HourRange.single(moment.replace(minute=0, second=0))
    assert hour is None or placed.start.hour == hour

    (row,) = rows(calls, mapped, placed)

    assert row["at"] == moment
    told = json.loads(row["_unreadable"] or "{}")
    assert set(told) == (set() if moment else {"at"})
    with PostgresSource(calls).now(mapped) as now:
        assert now.rows_by_hour(placed) == {placed.start: 1}


def test_times_without_zone_are_moments_as_the_zones_database_says(
    calls: str, tmp_path: Path
) -> None:
    """[PROPERTY] Random times near changes of clocks equal an independent conversion."""
    random = Random(7)  # noqa: S311
    for zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
                 "Africa/Casablanca", "America/St_Johns", "UTC"):  # fmt: skip
        info = ZoneInfo(zone)
        at = AT | {"logicalTypeOptions": {"defaultTimezone": zone}}
        mapped = contract(tmp_path, KEY, at, CREATED)
        changes = [
            day
            for day in (datetime(2026, 1, 1) + timedelta(days=n) for n in range(365))  # noqa: DTZ001
            if info.utcoffset(day) != info.utcoffset(day + timedelta(days=1))
        ] or [datetime(2026, 5, 5)]  # noqa: DTZ001
        times = [
            random.choice(changes) + timedelta(seconds=random.randrange(-90_000, 180_000))
            for _ in range(150)
        ]
        with connect(calls, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute('DELETE FROM app."LLM_Calls"')
            values = ", ".join(f"('{identity(n)}', '{time}')" for n, time in enumerate(times))
            cursor.execute(f'INSERT INTO app."LLM_Calls" ("Call Id", "startTime") VALUES {values}')  # noqa: S608

        everything = HourRange(datetime(2025, 12, 30, tzinfo=UTC), datetime(2027, 1, 3, tzinfo=UTC))
        found = [row["at"] for row in rows(calls, mapped, everything)]

        assert found == [_moment(time, info) for time in times], zone


def _moment(time: datetime, zone: ZoneInfo) -> datetime | None:
    """The one moment at which a zone's clock shows a time."""
    both = {time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    shown = [one for one in both if one.astimezone(zone).replace(tzinfo=None) == time]
    return shown[0] if len(shown) == 1 else None


def test_an_index_on_a_time_without_zone_serves(calls: str, run: Run, tmp_path: Path) -> None:
    run(
        'CREATE INDEX by_start ON app."LLM_Calls" ("startTime")',
        'INSERT INTO app."LLM_Calls" ("Call Id", "startTime", created) SELECT gen_random_uuid(), '
        "'2026-01-01'::timestamp + n * interval '1 minute', '2020-01-01' "
        "FROM generate_series(1, 20000) n",
        'CREATE INDEX by_arrival ON app."LLM_Calls" (created)',
        'ANALYZE app."LLM_Calls"',
    )
    mapped = contract(tmp_path, KEY, AT | {"required": False}, CREATED)

    with PostgresSource(calls).now(mapped) as now:
        condition = now._in_hours(HOUR)
        with now._connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
            cursor.execute(f'EXPLAIN SELECT FROM app."LLM_Calls" WHERE {condition}')
            plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "by_start" in plan
    assert "Seq Scan" not in plan


def test_late_rows_are_found_and_keys_are_compared(calls: str, tmp_path: Path) -> None:
    mapped = contract(tmp_path, KEY, AT, CREATED, TOKENS)
    with PostgresSource(calls).now(mapped) as before:
        known = before.look.now
    insert(calls, **{"Call Id": identity(1), "startTime": "2026-07-01 12:15"})

    with PostgresSource(calls).now(mapped) as now:
        found = now.arrivals(known, HOUR)
        keys = [row for batch in now.arrived_keys(found, [HOUR.start], None)
                for row in batch.to_pylist()]  # fmt: skip

        assert set(found.hours) == {HOUR.start}
        assert [row["id"] for row in keys] == [identity(1)]
        assert now.count_keys(json.dumps([{"id": identity(1)}, {"id": identity(2)}])) == 1


@pytest.mark.parametrize("table", ["app.llm_calls", "app.LLM_Calls", 'app."LLM_Calls"'])
def test_a_name_is_found_whatever_its_case(calls: str, tmp_path: Path, table: str) -> None:
    key = KEY | {"physicalName": "call id"}
    mapped = contract(tmp_path, key, AT | {"physicalName": "starttime"}, CREATED, table=table)
    insert(calls, **{"Call Id": identity(1), "startTime": "2026-07-01 12:15"})

    assert [row["id"] for row in rows(calls, mapped)] == [identity(1)]


def test_of_names_that_differ_in_case_the_exact_one_is_meant(
    calls: str, run: Run, tmp_path: Path
) -> None:
    run('ALTER TABLE app."LLM_Calls" ADD "Note" text DEFAULT \'the other\'')
    insert(calls, **{"Call Id": identity(1), "startTime": "2026-07-01 12:15", "note": "this"})
    note = {"name": "note", "logicalType": "string"}

    (row,) = rows(calls, contract(tmp_path, KEY, AT, CREATED, note))
    assert row["note"] == "this"

    unclear = {"name": "about", "physicalName": "NOTE", "logicalType": "string"}
    with pytest.raises(SourceSchemaError, match=r"about: expected string .* called NOTE"):
        PostgresSource(calls).verify(contract(tmp_path, KEY, AT, CREATED, unclear))


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"physicalName": "startTme"}, r"no such column \(did you mean startTime\?\)"),
        ({"transformLogic": "lower(notes)"}, r"no column notes \(did you mean note\?\)"),
        ({"transformLogic": "note + 1"}, "operator does not exist: text"),
        ({"transformLogic": "jsonb_array_length(note)"}, "jsonb_array_length.* does not exist"),
        ({"transformLogic": "note or"}, "syntax error"),
        ({"transformLogic": "1/0"}, "division by zero"),
        ({"transformLogic": "greatest(created, 'now')::text"}, "GREATEST types"),
        ({"transformLogic": "spend_in_cents"}, "found numeric .cast it in its transformLogic"),
    ],
)
def test_what_the_source_does_not_have_is_named(
    calls: str, tmp_path: Path, column: dict[str, Any], words: str
) -> None:
    odd = {"name": "odd", "logicalType": "string"} | column

    with pytest.raises(SourceSchemaError) as caught:
        PostgresSource(calls).verify(contract(tmp_path, KEY, AT, CREATED, odd))

    assert [mismatch.column for mismatch in caught.value.mismatches] == ["odd"]
    assert re.search(words, str(caught.value)), str(caught.value)


def test_a_check_compares_contracts_with_the_source(
    calls: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`contract check --source` names what does not fit by line, and expressions without effect."""
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", calls)
    get_settings.cache_clear()
    insert(calls, **{"Call Id": identity(1), "payload": '{"usage": {"total": 3}}'})

    def checked(*columns: dict[str, Any], **other: Any) -> tuple[int, list[str]]:
        path = contract(tmp_path, *columns, **other).path
        code = run_chimera(["contract", "check", "--source", str(path)])
        lines = capsys.readouterr().out.splitlines()
        return code, [line for line in lines if "column" in line or "physicalName" in line]

    first = len(HEAD.format(table="x").splitlines()) + 1
    place = tmp_path / "calls.odcs.yaml"
    assert checked(KEY, AT, CREATED, TOKENS, PAYLOAD) == (0, [])

    nowhere = TOKENS | {"transformLogic": "payload #>> '{usage,totl}'"}
    code, lines = checked(KEY, AT, CREATED, nowhere)
    assert (code, len(lines)) == (0, 1)
    assert lines[0].startswith(f"warning: {place}:{first + 3}: column tokens")
    assert "null in each of the first 1 rows: payload #>> '{usage,totl}'" in lines[0]

    code, lines = checked(KEY, AT | {"logicalTypeOptions": {}}, CREATED | {"physicalName": "no"})
    assert code == 1
    assert [line.partition(": expected")[0] for line in lines] == [
        f"error: {place}:{first + 1}: column at",
        f"error: {place}:{first + 2}: column created",
    ]
    assert "defaultTimezone: UTC" in lines[0]

    code, lines = checked(KEY, AT, CREATED, table="app.llm_cals")
    assert code == 1
    assert "expected a table app.llm_cals in the source, found none (did you mean" in lines[0]


def test_a_check_names_all_that_does_not_fit_at_once(calls: str, run: Run, tmp_path: Path) -> None:
    run('ALTER TABLE app."LLM_Calls" ADD price numeric(20, 6), ADD "from" inet')
    insert(calls, **{"Call Id": identity(1), "payload": '"a text"'})
    columns = {
        "narrow": {"physicalName": "price", "logicalType": "number",
                   "physicalType": "numeric(20, 2)"},
        "wide": {"transformLogic": "coalesce(price, 1)", "logicalType": "number",
                 "physicalType": "numeric(20, 2)"},
        "unknown": {"transformLogic": "upper(nosuch)"},
        "untyped": {"transformLogic": "spend_in_cents / 1000.0", "logicalType": "integer"},
        "refused": {"transformLogic": "note + 1"},
        "failing": {"transformLogic": "jsonb_array_length(payload)::text"},
        "peer": {"physicalName": "from"},
        "gone": {"physicalName": "nothing"},
    }  # fmt: skip
    odd = [{"name": name, "logicalType": "string"} | about for name, about in columns.items()]

    problems = source_problems(calls, contract(tmp_path, KEY, AT, CREATED, *odd))

    found = {one.what.removeprefix("column "): (one.severity, one.found) for one in problems}
    assert list(found) == [name for name in columns if name != "wide"]
    assert found["narrow"] == ("warning", "numeric(20, 2); longer values will be rejected")
    assert "no column nosuch" in found["unknown"][1]
    assert "cast it in its transformLogic" in found["untyped"][1]
    assert "operator does not exist" in found["refused"][1]
    assert found["failing"] == ("error", "it fails on some of the first 1,000 rows (22023)")
    assert 'read it as text: transformLogic: "from"::text' in found["peer"][1]


def test_a_run_that_an_expression_fails_says_where_to_look(calls: str, tmp_path: Path) -> None:
    items = {"name": "items", "logicalType": "integer",
             "transformLogic": "jsonb_array_length(payload)"}  # fmt: skip
    insert(calls, **{"Call Id": identity(1), "startTime": "2026-07-01 12:15", "payload": "1"})

    with pytest.raises(SourceError, match=r"contract of calls may fail .* `chimera contract check"):
        rows(calls, contract(tmp_path, KEY, AT, CREATED, items))


def test_the_table_that_a_contract_asks_for_fits_it(
    database: str, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exact = {"name": "cost", "logicalType": "number", "physicalType": "numeric(12, 4)"}
    tags = {"name": "tags", "logicalType": "array", "items": {"logicalType": "string"}}
    odd = {"name": "odd", "logicalType": "string", "transformLogic": 'upper("Note")'}
    note = {"name": "note", "logicalType": "string", "physicalName": "Note"}
    mapped = contract(tmp_path, KEY, AT, CREATED, PAYLOAD, exact, tags, note, odd, unmapped=True)

    assert run_chimera(["contract", "ddl", str(mapped.path)]) == 0

    sql = capsys.readouterr().out
    assert '-- odd is computed: upper("Note")' in sql
    run("CREATE SCHEMA app", *sql.split(";\n")[:-1])
    assert source_problems(database, mapped) == []


def test_a_key_and_a_time_are_typed_by_the_server(calls: str, tmp_path: Path) -> None:
    at = {"name": "at", "logicalType": "timestamp", "transformLogic": "payload->>'at'"}

    with pytest.raises(SourceSchemaError, match=r"found text .cast it in its transformLogic"):
        PostgresSource(calls).verify(contract(tmp_path, KEY, at, CREATED))

    cast = at | {"transformLogic": "(payload->>'at')::timestamptz"}
    insert(calls, **{"Call Id": identity(1), "payload": '{"at": "2026-07-01T10:01:00Z"}'})
    (row,) = rows(calls, contract(tmp_path, KEY, cast, CREATED))
    assert row["at"] == datetime(2026, 7, 1, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("(select max(note) from other)", "select, a subquery"),
        ("max(note)", "max(), an aggregate"),
        ("note || now()", "now(), which is volatile"),
        ("current_timestamp", "current_timestamp, which is volatile"),
        ("pg_read_file('/etc/hostname')", "pg_read_file()"),
        ("lag(note) over ()", "lag()"),
        ("note; drop table x", "'; drop tab'"),
        ("note) from x where (true", ") that closes nothing"),
        ("lower(note", "( that nothing closes"),
        ("case when note = 'a' then note", "CASE that nothing closes"),
        ("note -- all of it", "'-- all of "),
        ("note /* all */", "'/* all */'"),
        ("E'\\\\x'", "E'…', a text with escapes"),
        ("note::regclass", "a cast to regclass"),
        ("cast(note as oid)", "a cast to oid"),
        ("other.note", "'.note'"),
        ("$1", "'$1'"),
        ("note, note", "several values"),
        ("note as x", "AS"),
        ("'now'::timestamptz::text", "'now', which is volatile"),
        ("timestamp ' Today '", "' Today ', which is volatile"),
        ("'today 04:00'::timestamptz::text", "'today 04:00', which is volatile"),
        ("('{now}'::timestamptz[])[1]::text", "'{now}', which is volatile"),
        ("('no' || 'w')::timestamptz::text", "a cast to timestamptz of texts put together"),
        ("reverse('won')::date::text", "a cast to date of texts put together"),
        (
            "cast(concat('no', 'w') as timestamp with time zone)",
            "a cast to timestamp with time zone",
        ),
        ("case when true then 'no' || 'w' end::date::text", "a cast to date of texts"),
        ("\u0663(note)", "'\u0663(note)'"),
        ("lower\u00a0(note)", "'\\xa0(note)'"),
        ("   ", "nothing"),
    ],
)
def test_what_is_no_expression_of_a_row_is_refused_with_its_line(
    tmp_path: Path, expression: str, found: str
) -> None:
    odd = {"name": "odd", "logicalType": "string", "transformLogic": expression}

    with pytest.raises(ContractError) as caught:
        contract(tmp_path, KEY, AT, CREATED, odd)

    (problem,) = caught.value.problems
    assert found in problem.found
    assert problem.what == "transformLogic of column odd"
    assert problem.line == len(HEAD.format(table="x").splitlines()) + 4


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ({"name": "b", "logicalType": "number", "physicalType": "numeric(5,-2)"}, "numeric(digits"),
        ({"name": "b", "logicalType": "number", "physicalType": "decimal(39, 1)"}, "at most 38"),
        ({"name": "b", "logicalTypeOptions": {"defaultTimezone": "localtime"}}, "a time zone"),
        ({"name": "b", "physicalName": "NOTE"}, "a column of the source once"),
        ({"name": "b", "physicalName": "x", "transformLogic": "note"}, "no physicalName beside"),
        ({"name": "b", "logicalTypeOptions": {"defaultTimezone": "Europe/Berln"}},
         "did you mean Europe/Berlin"),
    ],
)  # fmt: skip
def test_a_mapping_that_is_a_mistake_is_refused(
    tmp_path: Path, column: dict[str, Any], expected: str
) -> None:
    note = {"name": "note", "logicalType": "string"}

    with pytest.raises(ContractError) as caught:
        contract(tmp_path, KEY, AT, CREATED, note, {"logicalType": "timestamp"} | column)

    (problem,) = caught.value.problems
    assert expected in problem.expected


def test_only_the_functions_of_postgresql_run(calls: str, run: Run, tmp_path: Path) -> None:
    """Somebody who may create functions must not run them with the reader's rights."""
    foreign = "LANGUAGE sql AS $$ SELECT 'theirs' $$"
    run(
        f"CREATE FUNCTION public.lower(varchar) RETURNS text {foreign}",
        'ALTER TABLE app."LLM_Calls" ALTER note TYPE varchar',
    )
    lower = "case when note = 'now' then 'soon' else lower(note) end"
    small = {"name": "small", "logicalType": "string", "transformLogic": lower}
    insert(calls, **{"Call Id": identity(1), "startTime": "2026-07-01 12:15", "note": "OURS"})

    (row,) = rows(calls, contract(tmp_path, KEY, AT, CREATED, small))

    assert row["small"] == "ours"


def test_texts_are_read_alike_whatever_the_databases_settings(
    calls: str, run: Run, tmp_path: Path
) -> None:
    name = calls.partition("?")[0].rpartition("/")[2]
    run(f'ALTER DATABASE "{name}" SET standard_conforming_strings = off')
    plain = {"name": "plain", "logicalType": "string",
             "transformLogic": "regexp_replace(note, '\\d', '#', 'g')"}  # fmt: skip
    insert(calls, **{"Call Id": identity(1), "startTime": "2026-07-01 12:15", "note": "A1b2"})

    (row,) = rows(calls, contract(tmp_path, KEY, AT, CREATED, plain))

    assert row["plain"] == "A#b#"


def test_no_look_at_the_source_reads_an_expression_by_other_settings(
    calls: str, run: Run, tmp_path: Path
) -> None:
    """With these a text would end later, and what is behind it would run, at the first look too."""
    name = calls.partition("?")[0].rpartition("/")[2]
    run(f'ALTER DATABASE "{name}" SET standard_conforming_strings = off')
    insert(calls, **{"Call Id": identity(1), "startTime": "2026-07-01 12:15", "note": "a"})
    at = {"name": "at", "logicalType": "timestamp",
          "transformLogic": "case when note = '\\' then null else created end"}  # fmt: skip
    mapped = contract(tmp_path, KEY, at, CREATED)
    since = datetime(2020, 1, 1, tzinfo=UTC)

    assert first_time(calls, mapped, since, seconds=30) == HOUR.start + timedelta(minutes=30)


def test_json_that_jsonb_has_no_room_for_is_kept(calls: str, run: Run, tmp_path: Path) -> None:
    run('ALTER TABLE app."LLM_Calls" ADD js json')
    insert(calls, **{"Call Id": identity(1), "startTime": "2026-07-01 12:15",
                     "js": '{"a": "\\u0000"}'})  # fmt: skip

    (row,) = rows(calls, contract(tmp_path, KEY, AT, CREATED, unmapped=True))

    assert json.loads(row["_unmapped"])["js"] == {"a": "\0"}


def test_a_key_of_exact_numbers_that_does_not_fit_is_told(calls: str, tmp_path: Path) -> None:
    key = {"name": "id", "logicalType": "number", "physicalType": "numeric(10, 2)",
           "physicalName": "spend_in_cents", "primaryKey": True, "required": True}  # fmt: skip
    mapped = contract(tmp_path, key, AT, CREATED)
    with PostgresSource(calls).now(mapped) as before:
        known = before.look.now
    for number, value in enumerate(["1.5", "1.555", "123456789012.5"]):
        insert(calls, **{"Call Id": identity(number), "startTime": "2026-07-01 12:15",
                         "spend_in_cents": value})  # fmt: skip

    found = rows(calls, mapped)

    assert sorted(str(row["id"]) for row in found) == ["1.50", "None", "None"]
    with PostgresSource(calls).now(mapped) as now:
        arrived = now.arrivals(known, HOUR)
        keys = [pl.DataFrame(batch) for batch in now.arrived_keys(arrived, [HOUR.start], None)]
        prints = key_prints(mapped, pl.concat(keys), placed=pl.col("_placed"))
        sums = now.sums(HOUR, now.comparable())

    assert prints.height == 1
    assert sums[HOUR.start]["rows"] == "3"


def test_what_the_contract_does_not_have_is_kept_if_it_says_so(
    calls: str, run: Run, tmp_path: Path
) -> None:
    many = ", ".join(f"ADD more_{number} int DEFAULT {number}" for number in range(70))
    run(f'ALTER TABLE app."LLM_Calls" {many}')
    insert(calls, **{"Call Id": identity(1), "startTime": "2026-07-01 12:15", "note": "kept",
                     "payload": '{"usage": {"total": 1}}', "spend_in_cents": "0.1"})  # fmt: skip
    mapped = contract(tmp_path, KEY, AT, CREATED, TOKENS, unmapped="L2")

    (row,) = rows(calls, mapped)

    kept = {"note": "kept", "spend_in_cents": 0.1} | {f"more_{n}": n for n in range(70)}
    assert json.loads(row["_unmapped"]) == kept
    assert mapped.column("_unmapped").classification == "L2"
    assert PostgresSource(calls).verify(mapped) == []
    assert contract(tmp_path, KEY, AT, CREATED, unmapped=True).classified("L3") == {"_unmapped"}


def test_money_is_exact(calls: str, tmp_path: Path) -> None:
    exact = {"name": "cost", "logicalType": "number", "physicalType": "numeric(12, 4)",
             "physicalName": "spend_in_cents"}  # fmt: skip
    mapped = contract(tmp_path, KEY, AT, CREATED, exact)
    values = ["0.1", "12345678.9000", "-0.0001", "1e3", None, "0.00005", "123456789", "NaN"]
    for number, value in enumerate(values):
        insert(calls, **{"Call Id": identity(number), "startTime": "2026-07-01 12:15",
                         "spend_in_cents": value})  # fmt: skip

    found = rows(calls, mapped)

    assert [row["cost"] for row in found] == [
        Decimal("0.1"), Decimal("12345678.9"), Decimal("-0.0001"), Decimal(1000), None,
        None, None, None,
    ]  # fmt: skip
    told = [json.loads(row["_unreadable"] or "{}").get("cost") for row in found]
    assert told == [None] * 5 + ["0.00005", "123456789", "NaN"]
    assert sum(row["cost"] or 0 for row in found) == Decimal("12346678.9999")


EXPRESSIONS = {
    "upper(left(note, 2))": lambda row: row["note"][:2].upper(),
    "note || '-' || n": lambda row: f"{row['note']}-{row['n']}",
    "coalesce(nullif(note, ''), 'none')": lambda row: row["note"] or "none",
    "case when n > 5 then 'many' when n in (1, 2) then 'few' else 'some' end": lambda row: (
        "many" if row["n"] > 5 else "few" if row["n"] in (1, 2) else "some"
    ),
    "(n * 2 + 1)::text": lambda row: str(row["n"] * 2 + 1),
    "regexp_replace(note, '[aeiou]', '', 'g')": lambda row: re.sub("[aeiou]", "", row["note"]),
    "trim(both 'a' from note)": lambda row: row["note"].strip("a"),
    "substring(note from 2 for 2)": lambda row: row["note"][1:3],
    "to_char(\"at\", 'YYYY-MM')": lambda row: f"{row['at']:%Y-%m}",
    "extract(hour from at)::int::text": lambda row: str(row["at"].hour),
    "date_trunc('day', at)::date::text": lambda row: f"{row['at']:%Y-%m-%d}",
    "(at + interval '90 minutes')::time::text": lambda row: (
        f"{row['at'] + timedelta(minutes=90):%H:%M:%S}"
    ),
    "round(n / 3.0, 2)::text": lambda row: str(
        (Decimal(row["n"]) / 3).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    ),
}  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_random_rows_equal_an_independent_conversion(
    run: Run, database: str, tmp_path: Path, expression: str
) -> None:
    random = Random(expression)  # noqa: S311
    made = [
        {"id": f"{number:03}", "n": random.randrange(10),
         "note": "".join(random.choices("abcei", k=random.randrange(6))),
         "at": HOUR.start + timedelta(seconds=random.randrange(3600))}
        for number in range(60)
    ]  # fmt: skip
    values = ", ".join(
        f"('{row['id']}', {row['n']}, '{row['note']}', '{row['at'].isoformat()}')" for row in made
    )
    run(
        "CREATE TABLE calls (id text PRIMARY KEY, n int, note text, at timestamptz)",
        f"INSERT INTO calls VALUES {values}",  # noqa: S608
    )
    key = {"name": "id", "logicalType": "string", "primaryKey": True, "required": True}
    at = {"name": "at", "logicalType": "timestamp", "required": True}
    odd = {"name": "odd", "logicalType": "string", "transformLogic": expression}
    created = CREATED | {"transformLogic": "at"}

    found = rows(database, contract(tmp_path, key, at, created, odd, table="calls"))

    assert [row["odd"] for row in found] == [EXPRESSIONS[expression](row) for row in made]
