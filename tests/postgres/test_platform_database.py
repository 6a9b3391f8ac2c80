"""The platform's own database: made by whoever needs it first, and altered by no one."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from chimera_assets.audit.guards import find_weaknesses, weaknesses
from chimera_assets.postgres.address import Address
from chimera_assets.postgres.embedded import passwords
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from chimera_assets.postgres.errors import DatabaseError
from chimera_assets.postgres.platform import session as sessions
from chimera_assets.postgres.platform.database import PlatformDatabase
from chimera_assets.postgres.platform.exclusive import OthersAtWork, exclusive
from chimera_assets.postgres.platform.migration import migrations
from chimera_assets.postgres.platform.session import open_session
from chimera_assets.postgres.platform.version import EXPECTED
from chimera_assets.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

#: Waits for its turn, then asks for the tables.
USER = """
import sys
from pathlib import Path
from chimera_assets.settings import Settings
from chimera_assets.postgres.platform import session as sessions
from chimera_assets.postgres.platform.database import PlatformDatabase
database = PlatformDatabase(Settings(database_url=sys.argv[1], database_owner_url=sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
with database.transaction() as session:
    print(session.execute("SELECT count(*) AS n FROM audit.entries").fetchone()["n"])
"""

#: Of the databases of the stories.
NUMBERS = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of somebody's own, with two logins."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("theirs") / "pg")
    with psycopg.connect(server.url("operational"), autocommit=True) as connection:
        connection.execute("CREATE ROLE their_owner LOGIN PASSWORD 'own:er@1'")
        connection.execute("CREATE ROLE their_application LOGIN PASSWORD 's3cr3t'")
    yield server
    server.release()


@pytest.fixture
def theirs(server: EmbeddedPostgres) -> Settings:
    """Settings that name an empty database of theirs."""
    name = f"story_{next(NUMBERS)}"
    with psycopg.connect(server.url("operational"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER their_owner".encode())
    socket = f"@/{name}?host={server.cluster.socket_folder}"
    return Settings(
        database_url=f"postgresql://their_application:s3cr3t{socket}",
        database_owner_url=f"postgresql+psycopg2://their_owner:own%3Aer%401{socket}",
    )


@pytest.fixture(scope="module")
def guarded(server: EmbeddedPostgres) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A superuser's session with a platform database of theirs, in the role of the application."""
    with psycopg.connect(server.url("operational"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE guarded OWNER their_owner")
    socket = f"@/guarded?host={server.cluster.socket_folder}"
    settings = Settings(
        database_url=f"postgresql://their_application:s3cr3t{socket}",
        database_owner_url=f"postgresql://their_owner:own%3Aer%401{socket}",
    )
    with using(settings):
        pass
    url = server.cluster.url("guarded")
    with closing(psycopg.connect(url, autocommit=True, row_factory=dict_row)) as connection:
        connection.execute("SET ROLE their_application")
        yield connection


@contextmanager
def using(settings: Settings) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A transaction of a process that ends after it."""
    with closing(PlatformDatabase(settings)) as database, database.transaction() as session:
        yield session


def refused(url: str, *statements: str) -> str:
    """What the database says to the last of some statements."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for statement in statements[:-1]:
            connection.execute(statement.encode())
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(statements[-1].encode())
    return str(caught.value)


ENTRY = """SELECT audit.append('[{"actor_kind": "os_user", "actor_name": "alice",
    "actor_origin": "a test", "action": "table.restore", "resource": "raw/events",
    "details": "{}"}]')"""


def test_eight_processes_that_find_no_tables_all_succeed(theirs: Settings) -> None:
    urls = [theirs.database_url, theirs.database_owner_url]
    users = [
        subprocess.Popen(
            [sys.executable, "-c", USER, *map(str, urls)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(8)
    ]
    for user in users:
        assert user.stdout is not None
        assert user.stdout.readline() == "ready\n"
    for user in users:
        assert user.stdin is not None
        user.stdin.write("\n")
        user.stdin.flush()
    said = [user.communicate(timeout=300)[0] for user in users]

    assert said == ["0\n"] * 8
    assert {user.returncode for user in users} == {0}


def test_the_version_expected_is_that_of_the_newest_migration() -> None:
    versions = Path(migrations.__file__).parent / "versions"
    numbers = sorted(path.name[1:5] for path in versions.glob("v*.py"))
    assert numbers[-1] == EXPECTED
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_a_second_look_needs_neither_a_migration_nor_a_second_session(theirs: Settings) -> None:
    database = PlatformDatabase(theirs)
    with database.transaction() as first:
        pass
    with database.transaction() as second:
        assert second is first
    with pytest.raises(DatabaseError), database.transaction() as third:
        third.execute("SELECT 1 / 0")
    with database.transaction() as fourth:
        assert fourth is first
        fourth.close()
    with database.transaction() as fifth:
        assert fifth is not first
    assert weaknesses(database) == ()
    database.close()


def test_work_for_one_process_at_a_time_is_refused_to_others(
    theirs: Settings, server: EmbeddedPostgres
) -> None:
    """Until its session ends, as it does with its process; then whoever had it is told."""
    with closing(PlatformDatabase(theirs)) as ours, closing(PlatformDatabase(theirs)) as others:
        with exclusive(ours, "migrating orders", "alice") as require_held:
            with exclusive(others, "migrating calls", "bob"):
                require_held()
            found = r"^migrating orders: .* another process of alice since 2[^ ]+ \(session (\d+)\)"
            with (
                pytest.raises(OthersAtWork, match=found) as refusal,
                exclusive(others, "migrating orders", "bob"),
            ):
                raise AssertionError
            session = re.search(found, str(refusal.value))
            assert session is not None
            with psycopg.connect(server.url("operational"), autocommit=True) as connection:
                connection.execute("SELECT pg_terminate_backend(%s, 5000)", (int(session[1]),))
            with pytest.raises(DatabaseError, match="lost while migrating orders"):
                require_held()
            with exclusive(others, "migrating orders", "bob"):
                pass
        with exclusive(ours, "migrating orders", "alice"):
            pass


def test_tables_of_a_newer_release_are_left_alone(theirs: Settings) -> None:
    with using(theirs):
        pass
    owner = str(theirs.database_owner_url).replace("+psycopg2", "")
    with psycopg.connect(owner) as connection:
        connection.execute("UPDATE platform.alembic_version SET version_num = '9999'")

    with (
        pytest.raises(DatabaseError, match="newer") as caught,
        using(theirs),
    ):
        pass

    assert str(caught.value).startswith("CHIMERA_DATABASE_URL: expected tables of version")
    assert "9999" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM {}", "expected one version in platform.alembic_version, found no row"),
        ("INSERT INTO {} VALUES ('0002')", "expected one version .*, found 0002, 0006"),
        ("UPDATE {} SET version_num = ''", "expected a version from 0001 to 0006 .*, found ''"),
        ("UPDATE {} SET version_num = 'abc'", "expected a version from 0001 .*, found 'abc'"),
    ],
    ids=["none", "two", "empty", "unknown"],
)
def test_a_version_that_no_release_has_is_reported(
    theirs: Settings, change: str, said: str
) -> None:
    with using(theirs):
        pass
    with psycopg.connect(str(theirs.database_owner_url).replace("+psycopg2", "")) as connection:
        connection.execute(change.format("platform.alembic_version").encode())

    with pytest.raises(DatabaseError, match=said) as caught, using(theirs):
        pass

    assert "bring that table back from a backup" in str(caught.value)


def test_tables_that_are_newer_than_their_version_are_reported(theirs: Settings) -> None:
    with using(theirs):
        pass
    with psycopg.connect(str(theirs.database_owner_url).replace("+psycopg2", "")) as connection:
        connection.execute("UPDATE platform.alembic_version SET version_num = '0001'")

    with (
        pytest.raises(DatabaseError, match='schema "audit" already exists') as caught,
        using(theirs),
    ):
        pass

    assert "write their version into platform.alembic_version" in str(caught.value)


def test_an_owner_of_another_database_makes_nothing_there(
    theirs: Settings, server: EmbeddedPostgres
) -> None:
    with psycopg.connect(server.url("operational"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE another OWNER their_owner")
    mine, other = theirs.database_url, str(theirs.database_owner_url)
    mistaken = re.sub("@/[^?]*", "@/another", other)

    with (
        pytest.raises(DatabaseError, match="nothing was made") as caught,
        using(Settings(database_url=mine, database_owner_url=mistaken)),
    ):
        pass

    assert str(caught.value).startswith("CHIMERA_DATABASE_OWNER_URL: expected the database of")
    assert "/another" in str(caught.value)
    for database in ("another", re.findall("@/([^?]*)", other)[0]):
        with psycopg.connect(server.cluster.url(database)) as connection:
            assert connection.execute("SELECT to_regclass('audit.entries')").fetchone() == (None,)


def test_a_lock_that_somebody_holds_is_not_waited_for_without_end(
    theirs: Settings, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LOCK_TIMEOUT", "100ms")
    database = re.findall("@/([^?]*)", str(theirs.database_url))[0]
    with closing(psycopg.connect(server.cluster.url(database))) as holder:
        holder.execute("SELECT pg_advisory_lock(4811204)")
        with pytest.raises(DatabaseError, match="another session holds the lock"), using(theirs):
            pass


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "ALTER TABLE audit.entries DISABLE TRIGGER append_only",
            "found disabled",
        ),
        ("ALTER TABLE audit.entries ENABLE TRIGGER never_truncated", "found not ENABLE ALWAYS"),
        ("DROP TRIGGER append_only ON audit.entries", "trigger entries.append_only is missing"),
        (
            """CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit.entries
            FOR EACH ROW WHEN (old.sequence < 0) EXECUTE FUNCTION audit.refuse()""",
            "trigger entries.append_only was changed",
        ),
        (
            """CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN RETURN old; END'""",
            "function audit.refuse() was changed",
        ),
        (
            """CREATE TRIGGER mine BEFORE INSERT ON audit.entries
            FOR EACH ROW EXECUTE FUNCTION audit.refuse()""",
            "trigger entries.mine was added",
        ),
        (
            "CREATE RULE mine AS ON INSERT TO audit.entries DO INSTEAD NOTHING",
            "rule mine was added",
        ),
        (
            "ALTER TABLE audit.entries ENABLE ROW LEVEL SECURITY",
            "permanent, with row-level security",
        ),
        ("ALTER TABLE audit.entries ALTER at SET DEFAULT '2026-01-01'", "entries.at was changed"),
        ("ALTER TABLE audit.entries ALTER commitment DROP NOT NULL", "commitment was changed"),
        ("ALTER TABLE audit.details DISABLE TRIGGER never_changed", "found disabled"),
        ("CREATE TABLE audit.more ()", "table more was added"),
        ("CREATE TABLE public.forged () INHERITS (audit.entries)", "child table public.forged"),
        ("GRANT INSERT (at) ON audit.entries TO their_application", "INSERT on column at of"),
        ("GRANT DELETE ON audit.entries TO PUBLIC", "everybody has DELETE on audit.entries"),
        ("GRANT DELETE ON audit.details TO their_application", "has DELETE on audit.details"),
        ("GRANT EXECUTE ON FUNCTION audit.append TO PUBLIC", "everybody has EXECUTE on audit.app"),
        (
            """CREATE OR REPLACE FUNCTION audit.leaf(entry audit.entries) RETURNS text
            LANGUAGE sql STABLE AS $$ SELECT NULL $$""",
            "function audit.leaf(audit.entries) was changed",
        ),
        ("ALTER FUNCTION audit.append SECURITY INVOKER", "audit.append(jsonb) was changed"),
        ("GRANT CREATE ON SCHEMA audit TO their_application", "CREATE on schema audit"),
        ("ALTER TABLE audit.entries DROP CONSTRAINT entries_pkey", "entries_pkey is missing"),
        ("ALTER TABLE audit.entries DROP CONSTRAINT entries_commitment_check", "_check is missing"),
        ("ALTER TABLE audit.entries SET UNLOGGED", "found ordinary, unlogged"),
        (
            "ALTER ROLE their_application SET default_transaction_read_only = on",
            "setting default_transaction_read_only=on of their_application",
        ),
    ],
)
def test_a_guard_of_the_log_that_was_taken_away_is_seen(
    guarded: psycopg.Connection[dict[str, Any]], change: str, said: str
) -> None:
    with guarded.transaction(force_rollback=True):
        assert find_weaknesses(guarded) == ()
        guarded.execute("RESET ROLE")
        guarded.execute(change.encode())
        guarded.execute("SET ROLE their_application")
        found = find_weaknesses(guarded)

    assert len(found) == 1
    assert said in found[0]


def test_the_application_can_alter_nothing(theirs: Settings) -> None:
    with using(theirs):
        pass
    url = str(theirs.database_url)
    for statement in (
        "ALTER TABLE audit.entries DISABLE TRIGGER ALL",
        "DROP TABLE audit.entries",
        "DROP TRIGGER append_only ON audit.entries",
        "CREATE TEMPORARY TABLE entries (id int)",
        "CREATE TABLE public.entries (id int)",
        "CREATE SCHEMA mine",
        "UPDATE audit.entries SET resource = 'x'",
        "DELETE FROM audit.entries",
        "TRUNCATE audit.entries",
        "UPDATE platform.alembic_version SET version_num = '0001'",
        "INSERT INTO audit.entries SELECT * FROM audit.entries",
        "INSERT INTO audit.details VALUES (0, '', '{}')",
        "UPDATE audit.details SET details = '{}'",
        "DELETE FROM audit.details",
        "TRUNCATE audit.details",
    ):
        assert re.search("permission denied|must be owner", refused(url, statement)), statement


@pytest.mark.parametrize("way", ["application", "owner", "superuser", "replica"])
def test_nobody_changes_or_removes_an_entry(
    theirs: Settings, server: EmbeddedPostgres, way: str
) -> None:
    with using(theirs) as session:
        session.execute(ENTRY.encode())
        database = session.info.dbname
    url = {
        "application": str(theirs.database_url),
        "owner": str(theirs.database_owner_url).replace("+psycopg2", ""),
    }.get(way, server.cluster.url(database))
    first = ["SET session_replication_role = replica"] if way == "replica" else []

    for statement in (
        "UPDATE audit.entries SET resource = 'raw/other'",
        "DELETE FROM audit.entries",
        "TRUNCATE audit.entries",
        "UPDATE audit.details SET details = 'other'",
        "TRUNCATE audit.details",
    ):
        said = refused(url, *first, statement)
        assert ("append-only" in said) is (way != "application")

    with using(theirs) as session:
        found = session.execute("SELECT resource FROM audit.entries").fetchall()
    assert found == [{"resource": "raw/events"}]


def test_an_owner_of_tables_in_a_database_of_others_lets_the_application_in(
    theirs: Settings, server: EmbeddedPostgres
) -> None:
    """Who may make temporary tables there is not the owner's to say, so it is reported."""
    database = re.findall("@/([^?]*)", str(theirs.database_url))[0]
    with psycopg.connect(server.cluster.url(database), autocommit=True) as connection:
        for statement in (
            f"ALTER DATABASE {database} OWNER TO postgres",
            f"GRANT CREATE ON DATABASE {database} TO their_owner",
            "GRANT CREATE ON SCHEMA public TO their_owner",
        ):
            connection.execute(statement.encode())

    with using(theirs) as session:
        session.execute(ENTRY.encode())
        assert find_weaknesses(session) == ("its login may make temporary tables",)


def test_one_login_does_both_and_is_said_to(
    theirs: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    alone = Settings(database_url=str(theirs.database_owner_url), database_owner_url=None)
    database = PlatformDatabase(alone)
    with database.transaction() as session:
        session.execute(ENTRY.encode())

    assert "CHIMERA_DATABASE_OWNER_URL" in caplog.text
    assert "its login owns the audit log's table" in weaknesses(database)
    database.close()
    caplog.clear()
    with using(alone):
        pass
    assert caplog.text == ""


def test_an_application_that_comes_later_is_let_in(
    theirs: Settings, server: EmbeddedPostgres
) -> None:
    with using(theirs):
        pass
    with psycopg.connect(server.url("operational"), autocommit=True) as connection:
        connection.execute('CREATE ROLE "Their ""other""" LOGIN PASSWORD \'x\'')
    other = str(theirs.database_url).replace("their_application:s3cr3t", "Their%20%22other%22:x")

    with using(
        Settings(database_url=other, database_owner_url=theirs.database_owner_url)
    ) as session:
        assert session.execute(ENTRY.encode()).rowcount == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("s3cr3t", "wr0ng"), "check CHIMERA_DATABASE_URL: user and password"),
        (("their_application", "nobody"), "check CHIMERA_DATABASE_URL: user and password"),
        (("?host=", "?host=/nowhere"), "Else check CHIMERA_DATABASE_URL"),
        (("?host=", "?host=nohost.invalid&was="), "no connection has the parameter was"),
        (("?host=", "?host=nohost.invalid#"), "Else check CHIMERA_DATABASE_URL"),
    ],
)
def test_a_url_that_does_not_work_is_reported_by_its_setting(
    theirs: Settings, wrong: tuple[str, str], said: str
) -> None:
    mistaken = Settings(database_url=str(theirs.database_url).replace(*wrong))

    with pytest.raises(DatabaseError) as caught, using(mistaken):
        pass

    assert said in str(caught.value)
    assert "SOURCE" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert "wr0ng" not in str(caught.value)


def test_a_database_without_an_encoding_is_refused_with_the_remedy(
    server: EmbeddedPostgres,
) -> None:
    with psycopg.connect(server.url("operational"), autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
        )
    with pytest.raises(DatabaseError, match="encoding is UTF8, found SQL_ASCII") as caught:
        open_session(Address(server.cluster.url("ascii"), setting="CHIMERA_DATABASE_URL"))
    assert "template0" in str(caught.value)


def test_an_owner_that_may_not_make_tables_is_reported_so(theirs: Settings) -> None:
    swapped = Settings(
        database_url=str(theirs.database_url), database_owner_url=str(theirs.database_url)
    )
    with (
        pytest.raises(DatabaseError, match=r"docs/audit\.md"),
        using(swapped),
    ):
        pass


def test_the_application_of_an_embedded_server_has_one_door_and_keeps_its_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    server.url("operational")
    url = server.url("chimera", passwords.APPLICATION)
    for database in ("operational", "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(server.cluster.url(database, passwords.APPLICATION))
    assert "password" not in caplog.text
    for own in (b"'mine'", b"NULL"):
        caplog.clear()
        with psycopg.connect(url) as connection:
            connection.execute(b"ALTER ROLE chimera_app PASSWORD " + own)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url)

        psycopg.connect(server.url("chimera", passwords.APPLICATION)).close()

        assert "The password of chimera_app was not the one of passwords.json" in caplog.text

    # Nor does it keep what it did to its own sessions, here or in every database.
    settings = Settings(database_url=url, database_owner_url=server.url("chimera", passwords.OWNER))
    with psycopg.connect(url) as connection:
        connection.execute("ALTER ROLE chimera_app SET default_transaction_read_only = on")
        connection.execute("ALTER ROLE chimera_app IN DATABASE chimera SET search_path = nowhere")
    with (
        pytest.raises(DatabaseError, match="RESET default_transaction_read_only"),
        using(settings) as session,
    ):
        session.execute(ENTRY)
    url = server.url("chimera", passwords.APPLICATION)
    with using(settings) as session:
        assert session.execute("SHOW search_path").fetchone() == {"search_path": '"$user", public'}
        session.execute(ENTRY)
    assert "taken back: default_transaction_read_only=on" in caplog.text
    server.release()


def test_databases_that_a_start_made_by_half_are_finished_by_the_next(
    server: EmbeddedPostgres,
) -> None:
    server.url("chimera")
    with psycopg.connect(server.url("operational"), autocommit=True) as connection:
        connection.execute("ALTER DATABASE chimera OWNER TO postgres")
        connection.execute("REVOKE CONNECT ON DATABASE chimera FROM chimera_app")
        connection.execute("GRANT ALL ON DATABASE chimera, operational TO PUBLIC")

    server.url("chimera")

    with psycopg.connect(server.cluster.url("chimera", passwords.OWNER)) as connection:
        connection.execute("CREATE SCHEMA made_by_the_owner")
    url = server.cluster.url("chimera", passwords.APPLICATION)
    assert "permission denied" in refused(url, "CREATE TEMPORARY TABLE entries (id int)")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(server.cluster.url("operational", passwords.APPLICATION))
