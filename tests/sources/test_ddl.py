"""A pack's `source.sql` makes what is missing in somebody's database, and can do nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chimera_assets.packs import PackError
from chimera_assets.sources.ddl import read_ddl

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
-- The events; see the contract.
CREATE TABLE IF NOT EXISTS events (
    id int GENERATED ALWAYS AS IDENTITY, /* a; b */ kind text DEFAULT 'a;b',
    tags text[] DEFAULT '{}'
);
create unique index if not exists events_kind on events (kind) where kind is not null; CREATE SCHEMA
IF NOT EXISTS more;
CREATE TABLE IF NOT EXISTS more.parts (id int) PARTITION BY RANGE (id);
CREATE SEQUENCE IF NOT EXISTS numbers AS bigint
"""

#: All that tables of one's own need.
RICH = """\
CREATE TABLE IF NOT EXISTS shop.orders (
    id bigint DEFAULT nextval('numbers') PRIMARY KEY, price numeric(10, 2) CHECK (price >= 0),
    kind varchar(20) NOT NULL DEFAULT 'now()' CHECK (kind IN ('a', 'b') AND kind LIKE 'a%'),
    token uuid DEFAULT gen_random_uuid(), "like" text, made timestamptz(3) DEFAULT now(),
    twice numeric GENERATED ALWAYS AS (price * 2) STORED, UNIQUE (kind, made)
);
CREATE TABLE IF NOT EXISTS shop.lines (
    order_id bigint REFERENCES shop.orders (id), FOREIGN KEY (order_id) REFERENCES shop.orders (id)
);
CREATE TABLE IF NOT EXISTS shop.copies (LIKE shop.orders INCLUDING ALL, more int);
CREATE TABLE IF NOT EXISTS shop.old () INHERITS (shop.copies);
CREATE INDEX IF NOT EXISTS by_kind ON shop.orders USING btree (lower(kind) DESC) INCLUDE (price)
"""


def test_what_tables_need_is_let_through(tmp_path: Path) -> None:
    script = tmp_path / "source.sql"
    script.write_text(RICH)
    assert len(read_ddl(script)) == 5


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("CREATE TABLE IF NOT EXISTS t (a text DEFAULT pg_read_file('/etc/x'))", "pg_read_file()"),
        ("CREATE TABLE IF NOT EXISTS t (a int CHECK (pg_sleep(9) IS NULL))", "pg_sleep()"),
        ("CREATE TABLE IF NOT EXISTS t (a int DEFAULT pg_catalog.lower('x'))", "lower()"),
        ("CREATE TABLE IF NOT EXISTS t (a int DEFAULT \"pg_ls_dir\"('/'))", "pg_ls_dir()"),
        ('CREATE TABLE IF NOT EXISTS t (a int CHECK ("is check"(a)))', "is check()"),
        ('CREATE TABLE IF NOT EXISTS t (a int CHECK ("check"(a)))', "check()"),
        ("CREATE INDEX IF NOT EXISTS i ON t ((pg_read_file(name)))", "pg_read_file()"),
        ("CREATE INDEX IF NOT EXISTS i ON t (a) WHERE lo_import(a) > 0", "lo_import()"),
        ("CREATE TABLE IF NOT EXISTS t (LIKE pg_authid INCLUDING ALL)", "pg_authid"),
        ("CREATE TABLE IF NOT EXISTS t (a int, LIKE others.users)", "others.users"),
        ("CREATE TABLE IF NOT EXISTS t () INHERITS (t, pg_authid)", "pg_authid"),
        ("CREATE TABLE IF NOT EXISTS t PARTITION OF events FOR VALUES FROM (1) TO (2)", "events"),
        ("CREATE TABLE IF NOT EXISTS t (a int REFERENCES users (id))", "users"),
    ],
)
def test_parts_that_call_or_copy_what_is_not_theirs_are_refused(
    tmp_path: Path, statement: str, found: str
) -> None:
    script = tmp_path / "source.sql"
    script.write_text(f"CREATE SCHEMA IF NOT EXISTS shop;\n{statement};\n")
    with pytest.raises(PackError) as caught:
        read_ddl(script)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line, problem.what) == (script, 2, "statement")
    assert problem.found == found
    assert problem.expected == (
        "no function but clock_timestamp, coalesce, current_timestamp, date_trunc, "
        "gen_random_uuid, length, lower, nextval, now, statement_timestamp, "
        "transaction_timestamp, trim, upper, uuidv7"
        if found.endswith("()")
        else "tables that the file makes itself"
    )


def test_statements_are_reported_apart_with_their_lines(tmp_path: Path) -> None:
    script = tmp_path / "source.sql"
    script.write_text(GOOD)

    found = read_ddl(script)

    assert [one.line for one in found] == [2, 6, 6, 8, 9]
    assert found[0].sql.endswith("    tags text[] DEFAULT '{}'\n)")
    assert found[2].sql == "CREATE SCHEMA\nIF NOT EXISTS more"


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE generations",
        "CREATE TABLE events (id int)",
        "CREATE TABLE IF NOT EXISTS copied AS SELECT pg_read_file('/etc/hostname')",
        "CREATE TABLE IF NOT EXISTS copied (a) AS TABLE events",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "CREATE ROLE backdoor SUPERUSER LOGIN",
        "CREATE EXTENSION IF NOT EXISTS plpython3u",
        "COMMIT",
        "DO $$BEGIN PERFORM 1; END$$",
        "CREAT TABLE IF NOT EXISTS events (id int)",
    ],
)
def test_a_statement_that_does_anything_else_is_refused_with_its_line(
    tmp_path: Path, statement: str
) -> None:
    script = tmp_path / "source.sql"
    script.write_text(f"{GOOD};\n\n{statement};\n")

    with pytest.raises(PackError) as caught:
        read_ddl(script)

    (problem,) = caught.value.problems
    assert (problem.path, problem.line, problem.what) == (script, 12, "statement")
    assert problem.expected == (
        "CREATE TABLE, INDEX, SEQUENCE or SCHEMA, with IF NOT EXISTS and without AS SELECT"
    )
    assert problem.found == (statement if len(statement) <= 60 else statement[:59] + "…")


def test_what_is_no_sql_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "source.sql"
    script.write_text("CREATE TABLE IF NOT EXISTS t (x text DEFAULT 'no end);\n")
    with pytest.raises(PackError) as caught:
        read_ddl(script)
    (problem,) = caught.value.problems
    assert str(problem).startswith(
        f"{script}:1: script: expected SQL of PostgreSQL, found Error tokenizing"
    )
    assert len(problem.found) <= 60


def test_a_script_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    script = tmp_path / "source.sql"
    for content, found in ((None, "No such file or directory"), (b"\xff", "UnicodeDecodeError")):
        if content is not None:
            script.write_bytes(content)
        with pytest.raises(PackError) as caught:
            read_ddl(script)
        assert str(caught.value) == (
            f"{script}:1: script: expected a readable UTF-8 file, found {found}"
        )


def test_every_wrong_statement_is_named_and_none_is_left_out(tmp_path: Path) -> None:
    """Tables are known from the statements before, and to themselves; not from those after."""
    script = tmp_path / "source.sql"
    script.write_text(
        "CREATE TABLE IF NOT EXISTS a (x int REFERENCES b (id));\nDROP TABLE c;;\n"
        "CREATE TABLE IF NOT EXISTS b (id int, parent int REFERENCES b (id));\n"
        'CREATE TABLE IF NOT EXISTS d (x int REFERENCES "B" (id));'
    )
    with pytest.raises(PackError) as caught:
        read_ddl(script)
    assert [(one.line, one.found) for one in caught.value.problems] == [
        (1, "b"),
        (2, "DROP TABLE c"),
        (4, '"B"'),
    ]
