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


def test_statements_are_told_apart_with_their_lines(tmp_path: Path) -> None:
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

    assert [problem.line for problem in caught.value.problems] == [12]
    assert f"{script}:12" in str(caught.value)
    assert statement[:40] in str(caught.value)


def test_what_is_no_sql_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "source.sql"
    script.write_text("CREATE TABLE IF NOT EXISTS t (x text DEFAULT 'no end);\n")
    with pytest.raises(PackError, match="SQL of PostgreSQL"):
        read_ddl(script)
