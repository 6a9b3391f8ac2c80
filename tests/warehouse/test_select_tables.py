"""What a user's query reads, and whether it does more with a column than list it."""

from __future__ import annotations

import pytest

from chimera_assets.warehouse.select_tables import what_is_read

TABLES = [("staged", "t")]


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from t where user_id = 'alice@example.com'",
        "select count(*) from t as g where g.user_id like '%@example.com'",
        "select count(distinct user_id) from t",
        "select distinct user_id from t",
        "select user_id from t group by all",
        "select user_id, count(*) from t group by 1",
        "select user_id from t order by 1 limit 1",
        "select user_id from t order by all limit 1",
        "select tokens from t order by user_id limit 1",
        "select user_id as u from t where u = 'alice@example.com'",
        "select * rename (user_id as u) from t where u = 'alice@example.com'",
        "select * from t as a join t as b using (user_id)",
        "select count(*) from t as a natural join (select * from t limit 1) as b",
        "with g as (select * from t) select count(*) from g where user_id > 'a'",
        "select user_id from t union select user_id from t",
        "select user_id from t qualify row_number() over (partition by user_id) = 1",
        "select count(*) from t as g where g::varchar like '%alice%'",
        "select length(user_id) from t",
        "select * replace (upper(user_id) as user_id) from t",
        "select count(columns(*)) from t",
        "summarize t",
    ],
)
def test_a_query_that_may_compare_or_count_a_column(query: str) -> None:
    assert what_is_read(query, TABLES).may_compute("user_id")


@pytest.mark.parametrize(
    ("query", "used"),
    [
        ("select user_id, tokens from t limit 3", True),
        ("select g.* from t as g where tokens > 0 order by provider", True),
        ("select a.user_id, b.user_id from t as a join t as b on a.id = b.id", True),
        ("from t limit 3", True),
        ("select * exclude (provider) from t", True),
        ("select count(*) from t where provider = 'openai'", False),
        ("select sum(tokens) as tokens from t group by provider", False),
    ],
)
def test_a_query_that_lists_it_at_most(query: str, used: bool) -> None:  # noqa: FBT001 - a case
    reading = what_is_read(query, TABLES)
    assert reading.may_use("user_id") == used
    assert not reading.may_compute("user_id")
