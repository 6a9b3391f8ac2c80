"""`chimera sql`: a user's own SELECT over the lake, which shows no more than the other commands."""

from __future__ import annotations

import csv
import io
import json
import resource
import sys
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.commands import sql
from chimera_assets.warehouse import lake_query
from tests.cli.conftest import ROWS, one_line, process

if TYPE_CHECKING:
    from chimera_assets.lake import Lake
    from tests.cli.conftest import Chimera

STAGED = 3 * ROWS - 2
MASK = "•••"

#: From Python 3.12 on, JSON may be nested as deep as DuckDB lets a query be.
NESTED = (
    [("select " + "+".join("1" * 900), "nested less deep")] if sys.version_info < (3, 12) else []
)

pytestmark = pytest.mark.usefixtures("lake_of_four_hours")


def rows(chimera: Chimera, query: str, *options: str) -> list[dict[str, Any]]:
    said = chimera("sql", query, "--format", "json", *options)
    assert said.code == 0, said
    found: list[dict[str, Any]] = json.loads(said.out)
    return found


def test_tables_are_joined_by_their_names_and_sums_are_numbers(chimera: Chimera) -> None:
    (found,) = rows(
        chimera,
        "with good as (select * from staged.generations) select count(*) as good,"
        " sum(good.tokens_used) as tokens, (select count(*) from quarantine.generations q) as bad"
        " from good join staged.providers p on p.provider_id = good.provider",
    )
    assert (found["good"], found["bad"]) == (
        STAGED,
        len(rows(chimera, "from quarantine.generations")),
    )
    assert isinstance(found["tokens"], int)


def test_every_format_prints_what_duckdb_has_types_for(chimera: Chimera) -> None:
    query = (
        "select 1 as a, 2 as a, interval 2 day as i, map {'k': 1} as m, 2.50::decimal(4, 2) as d,"
        " null as n, [1] as l, time '01:02' as t, 18446744073709551616::hugeint as h -- and so on;"
    )
    (found,) = rows(chimera, query)
    assert found == {
        "a": 1, "a_1": 2, "i": "2 days", "m": "{k=1}", "d": "2.50", "n": None, "l": [1],
        "t": "01:02:00", "h": 2**64,
    }  # fmt: skip
    (line,) = csv.DictReader(io.StringIO(chimera("sql", query, "--format", "csv").out))
    assert (line["i"], line["h"], line["n"]) == ("2 days", str(2**64), "")
    assert "2 days" in chimera("sql", query).out


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_small_exact_numbers_have_all_their_digits(chimera: Chimera, form: str) -> None:
    small = "0.000000015::decimal(20, 9)"
    query = f"select {small} as d, [{small}] as l, {{'x': {small}}} as s, 'nan'::double as n"
    said = chimera("sql", query, "--format", form)
    assert said.out.count("0.000000015") == 3, said


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_times_beyond_any_calendar_are_shown_and_lose_no_row(chimera: Chimera, form: str) -> None:
    query = (
        "select * from (values (1, timestamptz '2026-01-01 00:00:00.5+00'), (2, 'infinity'),"
        " (3, '294247-01-01')) t(a, b), (select date '-infinity' as d, [interval 1 day] as l,"
        " {'t': timetz '12:00:00+02'} as z, [340282366920938463463374607431768211455::uhugeint] u)"
    )
    said = chimera("sql", query, "--format", form)
    assert said.code == 0, said
    for shown in ("2026-01-01T00:00:00.500000Z", "294247-01-01T00:00:00Z", "infinity", "-infinity"):
        assert shown in said.out
    for shown in ("1 day", "12:00:00+02", "340282366920938463463374607431768211455"):
        assert shown in said.out


def test_a_number_that_json_has_not_is_a_text(chimera: Chimera) -> None:
    query = "select 'nan'::double as a, '-inf'::float as b, [{'x': 'inf'::double}] as c, 1.5e0 as d"
    assert rows(chimera, query) == [
        {"a": "NaN", "b": "-Infinity", "c": [{"x": "Infinity"}], "d": 1.5}
    ]


@pytest.mark.parametrize("limit", ["", " limit 0"])
def test_a_name_of_a_column_is_no_formula_in_csv(chimera: Chimera, limit: str) -> None:
    query = f"""select 1 as "=cmd|' /C calc'!A0", 2 as b{limit}"""
    said = chimera("sql", query, "--format", "csv").out.splitlines()
    assert said[0] == "'=cmd|' /C calc'!A0,b"
    raw = chimera("sql", query, "--format", "csv", "--raw").out.splitlines()
    assert raw[0] == "=cmd|' /C calc'!A0,b"


def test_a_query_comes_from_standard_input_too() -> None:
    said = process("sql", "-", "--format", "csv")
    assert one_line(said) == "chimera: the query: expected one SELECT, found nothing"


def test_the_past_of_tables_can_be_asked(chimera: Chimera, lake_of_four_hours: Lake) -> None:
    asked = "select count(*) as n from staged.generations"
    table = lake_of_four_hours.table("staged", "generations")
    version = table.stats().version
    table.restore(0)
    assert rows(chimera, asked) == [{"n": 0}]
    assert rows(chimera, asked, "--as-of", str(version)) == [{"n": STAGED}]
    both = f"{asked}, staged.providers"
    assert "a time, as the query reads several tables" in one_line(
        chimera("sql", both, "--as-of", "1")
    )
    assert "no version is as old" in one_line(chimera("sql", asked, "--as-of", "2020-01-01"))


def test_a_long_answer_is_cut_for_people_alone_and_says_so(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "_MOST_TABLE_ROWS", 3)
    cut = chimera("sql", "select event_id from staged.generations")
    assert cut.out.count("e-") == 3
    assert "The first 3 rows; --format csv or json prints all." in cut.err
    assert len(rows(chimera, "select event_id from staged.generations")) == STAGED


@pytest.mark.parametrize(
    "column",
    [
        "user_id",
        'g."USER_ID"',
        "g::varchar",
        "struct_extract(g, 'user_id')",
        "columns('user_.*')",
        "* exclude (event_id)",
        "reverse(user_id)",
        "list(user_id)",
        "max(user_id) over ()",
    ],
)
def test_personal_values_are_masked_however_they_are_named(chimera: Chimera, column: str) -> None:
    query = f"select {column} from raw.generations g limit 5"  # noqa: S608
    said = chimera("sql", query, "--format", "json")
    assert said.code == 0, said
    assert "u-" not in said.out
    assert "staged" not in said.err
    assert "raw/generations user_id" in said.err
    assert "--reveal shows them" in said.err


def test_a_masked_value_cannot_be_found_by_asking_for_it(chimera: Chimera) -> None:
    known = rows(chimera, "select min(user_id) as u from raw.generations", "--reveal")[0]["u"]
    asked = f"select count(*) as n from raw.generations where user_id = '{known}'"  # noqa: S608
    assert rows(chimera, asked) == [{"n": 0}]
    assert rows(chimera, asked, "--reveal")[0]["n"] > 0


def test_an_answer_that_saw_masks_says_so(chimera: Chimera) -> None:
    asked = "select count(*) from staged.generations where user_id = 'alice@example.com'"
    said = chimera("sql", asked).err
    assert "counts and order see the mask of staged/generations user_id, too" in said
    assert "which --reveal takes" in said
    assert "the mask" not in chimera("sql", asked, "--reveal").err
    assert "the mask" not in chimera("sql", "select user_id from staged.generations limit 1").err


def test_what_is_revealed_is_on_the_record_and_no_more_than_the_query_names(
    chimera: Chimera,
) -> None:
    assert rows(chimera, "select count(*) as n from raw.generations", "--reveal")[0]["n"] > 0
    assert "rows.reveal" not in chimera("audit", "list").out
    rows(chimera, "select user_id from raw.generations limit 1", "--reveal")
    (entry,) = [
        entry
        for entry in json.loads(chimera("audit", "list", "--json").out)
        if entry["action"] == "rows.reveal"
    ]
    assert entry["resource"] == "raw/generations"
    assert entry["after"]["columns"] == ["user_id"]


def test_a_query_that_asks_for_all_memory_is_refused_it(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB's own limit knows nothing of the texts that its functions make."""
    monkeypatch.setattr(lake_query, "_MOST_BYTES", 256 * 2**20)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    query = "select format('{:>900000000}', 1)"
    assert "it needs more memory than it may have" in one_line(chimera("sql", query))
    assert "more memory" in one_line(chimera("sql", "select range(1000000000)"))
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert rows(chimera, "select 1 as a") == [{"a": 1}]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select 1; select 2", "expected one SELECT, found SELECT, SELECT"),
        ("drop table x", "expected one SELECT, found DROP"),
        ("copy (select 1) to 'x.csv'", "expected one SELECT, found COPY"),
        ("attach 'x.db'", "expected one SELECT, found ATTACH"),
        ("selct 1", "syntax error at or near"),
        ("show tables", "`chimera table list` lists the tables"),
        ("select * from staged.generation", "did you mean staged.generations?"),
        ("select * from generations", "quarantine.generations, raw.generations, staged"),
        ("select nope from raw.generations", 'Referenced column "nope" not found'),
        ("select * from read_text('/etc/hostname')", "read_text(...): expected tables"),
        ("select * from delta_scan('raw/generations')", "delta_scan(...): expected tables"),
        ("select * from glob('*')", "glob(...): expected tables"),
        ("select * from query('select 1')", "query(...): expected tables"),
        ("select * from duckdb_secrets()", "duckdb_secrets(...): expected tables"),
        ("from '/etc/passwd.csv'", "/etc/passwd.csv: no such table"),
        ('with "x.csv" as (select 1) from "x.csv"', "x.csv: no such table"),
        (
            "from duckdb_views, (with duckdb_views as (select 1) from duckdb_views)",
            "duckdb_views: no such table",
        ),
        ("select 1 \0 + 1", "found a null character"),
        ("select " + "+".join("1" * 1500), "expression depth limit of 1000"),
        *NESTED,
        ("select current_setting('temp_directory')", "expected functions of values"),
        ("select pg_catalog.Current_Setting('x')", "expected functions of values"),
        ("select * from memory.main.x", "expected layer.table, found memory.main.x"),
        ("select * from information_schema.tables", "no such table in the lake"),
        ("select event_id::int from raw.generations", "of column event_id cannot be converted"),
    ],
)
def test_what_is_no_question_to_the_lake_is_refused_in_a_line(
    chimera: Chimera, query: str, said: str
) -> None:
    assert said in one_line(chimera("sql", query))


def test_a_lake_on_s3_is_asked_the_same(
    chimera: Chimera,
    lake_of_four_hours: Lake,
    s3_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from chimera_assets.lake import Lake, open_lake
    from chimera_assets.lake.s3_access import s3_client, s3_options
    from chimera_assets.settings import get_settings

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "example")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    s3_client(s3_options()).create_bucket(Bucket="asked-by-sql")
    monkeypatch.setenv("CHIMERA_LAKE_URI", "s3://asked-by-sql/lake")
    get_settings.cache_clear()
    open_lake.cache_clear()
    staged = lake_of_four_hours.table("staged", "generations").read().collect()
    Lake("s3://asked-by-sql/lake").table("staged", "generations").overwrite(
        staged, partition_by=("hour_partition", "hour")
    )
    assert rows(chimera, "select count(*) as n from staged.generations") == [{"n": STAGED}]
