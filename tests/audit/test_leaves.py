"""Entries are leaves of a tree: gapless, canonical, and the same once their details are gone."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import closing, suppress
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rfc8785
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chimera_assets.access.principal import Kind, Principal
from chimera_assets.audit import AuditLog, Wanted, newest
from chimera_assets.audit.log import NewEntry
from chimera_assets.postgres.platform.database import PlatformDatabase
from chimera_assets.postgres.platform.migration import migrations
from tests.audit.owner import as_owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.settings import Settings

ALICE = Principal(Kind.PERSON, "alice", "chimera table restore", "root")
LEAVES = """
    SELECT audit.leaf(entries) AS leaf, entries.*, salt, details
    FROM audit.entries AS entries LEFT JOIN audit.details USING (sequence) ORDER BY sequence
"""


def leaves(log: AuditLog) -> list[dict[str, Any]]:
    with log.database.transaction() as session:
        return session.execute(LEAVES).fetchall()


def write(log: AuditLog, **said: Any) -> int:
    given = {"action": "table.restore", "resource": "raw/events", "actor": ALICE} | said
    with log.database.transaction() as session:
        return log.write(session, NewEntry(**given))


def test_a_leaf_is_the_canonical_json_of_its_entry(log: AuditLog) -> None:
    first = write(log, after={"version": 3}, reason="a bad hour")
    write(log, failure_of=first, after={"failed": "OSError"}, run_id="r1")

    one, two = leaves(log)

    moment = one["at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert json.loads(one["leaf"]) == {
        "action": "table.restore",
        "actor": {
            "kind": "person",
            "name": "alice",
            "origin": "chimera table restore",
            "stated_by": "root",
        },
        "commitment": one["commitment"].hex(),
        "failure_of": None,
        "resource": "raw/events",
        "run_id": None,
        "sequence": 0,
        "time": moment,
    }
    assert one["details"] == '{"after":{"version":3},"reason":"a bad hour"}'
    assert (two["sequence"], json.loads(two["leaf"])["failure_of"]) == (1, 0)
    assert two["at"] >= one["at"]
    for row in (one, two):
        salted = row["salt"] + row["details"].encode()
        assert hashlib.sha256(salted).digest() == row["commitment"]
    assert one["salt"] != two["salt"]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=st.text(max_size=40), resource=st.text(max_size=40), run=st.none() | st.just("\x7f é"))
def test_whatever_names_hold_a_leaf_is_as_rfc_8785_has_it(
    log: AuditLog, name: str, resource: str, run: str | None
) -> None:
    actor = Principal(Kind.PERSON, name, '\x01\t\n\\"/\u2028', None)
    number = write(log, actor=actor, resource=resource, run_id=run)
    found = leaves(log)[number]["leaf"]
    assert rfc8785.dumps(json.loads(found)).decode() == found
    assert len(found.encode()) <= 65_535


def test_writers_at_once_and_broken_off_leave_no_gap(log: AuditLog, logins: Settings) -> None:
    def busy() -> None:
        with closing(PlatformDatabase(logins)) as database:
            mine = AuditLog(database)
            for number in range(20):
                write(mine, resource=f"mine {number}")
                with suppress(ZeroDivisionError), database.transaction() as session:
                    mine.write(session, NewEntry("table.vacuum", "lost", ALICE))
                    raise ZeroDivisionError

    together(6, busy)

    found = leaves(log)
    assert [row["sequence"] for row in found] == list(range(120))
    assert {row["resource"] for row in found} == {f"mine {n}" for n in range(20)}
    moments = [row["at"] for row in found]
    assert moments == sorted(moments)


def together(count: int, do: Callable[[], None]) -> None:
    """Run it in threads at once; what one raises is raised."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            do()
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def test_details_that_are_erased_leave_the_leaf_as_it_was(log: AuditLog, logins: Settings) -> None:
    write(log, after={"name": "a person"}, reason="asked for by that person")
    write(log, after={"version": 4})
    before = [row["leaf"] for row in leaves(log)]

    with as_owner(logins) as connection:
        connection.execute("DELETE FROM audit.details WHERE sequence = 0")

    assert [row["leaf"] for row in leaves(log)] == before
    later, erased = newest(log.database, Wanted(), 5)
    assert (erased.erased, erased.after, erased.reason) == (True, None, None)
    assert (later.erased, later.after) == (False, {"version": 4})


def test_a_log_of_an_older_release_is_taken_over(empty: Settings) -> None:
    """Its numbers had gaps, its details stood beside; each failure still knows its entry."""
    engine = sa.create_engine(
        str(empty.database_owner_url).replace("postgresql:", "postgresql+psycopg:")
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA platform")
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for row in (
            (3, None, '{"start": null}', '{"rows": 2}', "näh"),
            (4, 3, None, '{"failed": "OSError"}', None),
            (9, None, None, None, None),
        ):
            connection.exec_driver_sql(
                "INSERT INTO audit.entries (id, failure_of, before, after, reason, actor_kind,"
                " actor_name, actor_origin, action, resource) OVERRIDING SYSTEM VALUE"
                " VALUES (%s, %s, %s, %s, %s, 'os_user', 'alice', 'a test', 'hold.add', 'h')",
                row,
            )
    engine.dispose()

    with closing(PlatformDatabase(empty)) as database:
        found = [*reversed(newest(database, Wanted(), 5))]
        numbers = [(one.sequence, one.failure_of) for one in found]
        salted = leaves(AuditLog(database))
        fourth = write(AuditLog(database))

    assert numbers == [(0, None), (1, 0), (2, None)]
    first, failed, bare = found
    assert (first.before, first.after, first.reason) == ({"start": None}, {"rows": 2}, "näh")
    assert failed.after == {"failed": "OSError"}
    assert (bare.before, bare.after, bare.reason, bare.erased) == (None, None, None, False)
    assert fourth == 3
    for row in salted:
        made_of = row["salt"] + row["details"].encode()
        assert hashlib.sha256(made_of).digest() == row["commitment"]
