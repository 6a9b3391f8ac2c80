"""What a `fileQuery` makes of a file's lines: of each by itself, or of all together."""
# ruff: noqa: S608

from __future__ import annotations

import duckdb
import pytest

from chimera_assets.contracts.file_query import read_file_query
from chimera_assets.packs.engine_functions import aggregates
from chimera_assets.packs.errors import SelectError
from chimera_assets.packs.select import is_row_by_row

V = "(document ->> '$.v')::double"

OF_A_LINE = [
    f"select {V} as v, line from lines where {V} > 1",
    "select array_to_string(['a', document ->> '$.b'], ',') as v from lines",
    "select split_part(document ->> '$.b', '/', 1) as v from lines",
    "with a as (select document ->> '$.user' as user from lines) select user from a",
    "select unnest(range(3)) as v from lines",
]

OF_ALL_LINES = [
    f"select avg({V}) as v from lines",
    f"select geomean({V}) as v from lines",
    f"select geometric_mean({V}) as v from lines",
    f"select wavg({V}, 2) as v from lines",
    f"select weighted_avg({V}, 2) as v from lines",
    "select json_group_array(document) as v from lines",
    f"select {V} as v from lines group by all",
    f"select {V} as v from lines order by v",
    f"select distinct {V} as v from lines",
    f"select {V} as v from lines limit 1",
    f"select sum({V}) over () as v from lines",
    f"select {V} as v from lines qualify row_number() over () = 1",
    "select a.line as v from lines as a join lines as b on a.line = b.line",
    "select (select count(*) from lines) as v from lines",
]

CHANGING = [
    "current_localtime()",
    "current_localtimestamp()",
    "current_timestamp",
    "localtimestamp",
    "now()",
    "today()",
    "ago(interval 1 day)",
    "pg_conf_load_time()",
    "pg_postmaster_start_time()",
    "random()",
    "uuid()",
    "version()",
]


@pytest.mark.parametrize("sql", OF_A_LINE)
def test_lines_may_be_looked_at_in_pieces(sql: str) -> None:
    assert read_file_query(sql).is_line_by_line


@pytest.mark.parametrize("sql", OF_ALL_LINES)
def test_all_lines_are_looked_at_together(sql: str) -> None:
    assert not read_file_query(sql).is_line_by_line


def test_every_aggregate_that_duckdb_has_is_of_all_lines() -> None:
    """Found by running it: one row of many lines, though nothing says GROUP BY."""
    with duckdb.connect() as connection:
        connection.execute("create table lines as select 1::bigint as line, '1'::json as document")
        connection.execute("insert into lines select * from lines")
        names = connection.execute(
            "select distinct function_name from duckdb_functions()"
            " where function_type in ('macro', 'aggregate')"
        ).fetchall()
        of_all, tried = aggregates(), 0
        for (name,) in names:
            sql = f'select "{name}"(line) as v from lines'
            try:
                rows = connection.execute(sql).fetchall()
                by_line = is_row_by_row(sql, of_all)
            except (duckdb.Error, SelectError):
                continue
            tried += 1
            assert by_line == (len(rows) == 2), sql
    assert tried > 50


@pytest.mark.parametrize("changing", CHANGING)
def test_what_another_run_would_find_changed_is_refused(changing: str) -> None:
    with pytest.raises(SelectError, match="the same rows at any time"):
        read_file_query(f"select ({changing})::varchar as v from lines")
