"""The passwords of the embedded server: everybody needs one, and no start is lost without."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from chimera_assets.audit.guards import weaknesses
from chimera_assets.postgres.databases import platform_database
from chimera_assets.postgres.embedded import access, passwords
from chimera_assets.postgres.embedded.errors import EmbeddedServerError
from chimera_assets.postgres.embedded.server import EmbeddedPostgres, embedded_server
from chimera_assets.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Anybody.
PERSON = 54321

#: The table as releases before this one made it, as the superuser, with a row.
BEFORE = (
    (
        "CREATE TABLE stream_positions (stream text PRIMARY KEY, taken_in_until timestamptz,"
        " hours_owed int NOT NULL, owed text[] NOT NULL, snapshot text,"
        " landing_version bigint NOT NULL, raw_version bigint NOT NULL, run_id text NOT NULL,"
        " written_at timestamptz NOT NULL DEFAULT now())"
    ),
    "INSERT INTO stream_positions VALUES ('generations', now(), 0, '{}', '1', -1, 7, 'before')",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server with a row, of which each story is the only user when it begins."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("home") / "pg")
    with psycopg.connect(server.url("chimera")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    yield server
    server.release()


def answer(url: str) -> object:
    """What is in the row."""
    with closing(psycopg.connect(url)) as connection:
        return connection.execute("SELECT answer FROM kept").fetchone()


def test_data_of_a_release_that_trusted_everybody_is_kept_and_asks_for_passwords(
    tmp_path: Path,
) -> None:
    settings = Settings(home=tmp_path, database_url=None, source_database_url=None)
    server = embedded_server(settings)
    _as_it_was(server)

    # Where none could be given, nothing is changed.
    control = server.cluster.data / "global" / "pg_control"
    control.rename(control.with_name("away"))
    with pytest.raises(EmbeddedServerError, match=r"passwords were not set: .*pg_control") as said:
        server.url("chimera")
    assert "\n" not in str(said.value)
    control.with_name("away").rename(control)
    assert passwords.load(server.cluster.root) is None

    assert access.trusts(server.cluster)
    with platform_database(settings).transaction() as session:
        kept = session.execute("SELECT run_id FROM public.stream_positions").fetchall()
        assert kept == [{"run_id": "before"}]
        session.execute("UPDATE public.stream_positions SET run_id = 'after'")
    assert weaknesses(platform_database(settings)) == ()
    assert not access.trusts(server.cluster)
    assert (server.cluster.root / "passwords.json").stat().st_mode & 0o077 == 0
    for login in passwords.LOGINS:
        known = passwords.load(server.cluster.root)
        assert known is not None
        url = server.cluster.url("chimera", login)
        psycopg.connect(url).close()
        for wrong in ("", ":guess"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(url.replace(f":{known[login]}", wrong))
    server.release()


def test_a_start_that_was_killed_while_it_set_passwords_is_done_again(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=None, source_database_url=None)
    server = embedded_server(settings)
    _as_it_was(server)
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    left = f"-{gone.stdout.strip()}\n{server.cluster.data}\n"  # as single-user mode writes it
    (server.cluster.data / "postmaster.pid").write_text(left)

    with platform_database(settings).transaction() as session:
        kept = session.execute("SELECT run_id FROM public.stream_positions").fetchall()

    assert kept == [{"run_id": "before"}]
    server.release()


def _as_it_was(server: EmbeddedPostgres) -> None:
    """Make the server's data what a release before this one would have left."""
    server.url("operational")
    with psycopg.connect(server.url("chimera"), autocommit=True) as connection:
        connection.execute("ALTER DATABASE chimera OWNER TO postgres")
        connection.execute("DROP OWNED BY chimera_app, chimera_owner")
        connection.execute("DROP ROLE chimera_app, chimera_owner")
        connection.execute("ALTER ROLE postgres PASSWORD NULL")
        for statement in BEFORE:
            connection.execute(statement.encode())
    server.release()
    (server.cluster.data / "pg_hba.conf").write_text("# as initdb left it\nlocal all all trust\n")
    (server.cluster.root / "passwords.json").unlink()


def test_a_lost_file_of_passwords_is_made_anew_once_nobody_uses_the_server(
    server: EmbeddedPostgres,
) -> None:
    server.url("chimera")
    (server.cluster.root / "passwords.json").unlink()
    with pytest.raises(EmbeddedServerError, match="passwords is gone"):
        EmbeddedPostgres(server.cluster.root).url("chimera")
    server.release()

    assert answer(server.url("chimera")) == (42,)
    psycopg.connect(server.url("chimera", passwords.APPLICATION)).close()


def test_no_password_is_in_a_log_or_a_process_list(server: EmbeddedPostgres) -> None:
    import psutil

    server.url("chimera")
    known = passwords.load(server.cluster.root)
    assert known is not None
    commands = " ".join(
        " ".join(process.info["cmdline"] or ())
        for process in psutil.process_iter(["cmdline"])
        if process.pid != psutil.Process().pid
    )
    log = server.cluster.log.read_text()
    assert len(set(known.values())) == 3
    for password in known.values():
        assert password not in log
        assert password not in commands


def test_a_server_that_an_older_release_started_is_used_and_asks_after_its_next_start(
    server: EmbeddedPostgres,
) -> None:
    with psycopg.connect(server.url("chimera"), autocommit=True) as connection:
        (server.cluster.data / "pg_hba.conf").write_text("local all all trust\n")
        connection.execute("SELECT pg_reload_conf()")
    (server.cluster.root / "passwords.json").unlink()

    newer = EmbeddedPostgres(server.cluster.root)
    url = newer.url("chimera")

    assert (server.cluster.root / "passwords.json").stat().st_mode & 0o777 == 0o600
    assert answer(url) == (42,)
    server.release()
    newer.release()
    assert server.url("chimera") == url
    assert answer(url) == (42,)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.replace("://postgres:", "://postgres:x"))


def test_passwords_are_set_once_the_last_session_of_a_killed_server_has_noticed(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str | None] = []
    try_once = access._single_user

    def try_and_let_it_notice(*given: Any) -> str | None:
        tried.append(try_once(*given))
        if len(tried) == 1:
            os.kill(session, signal.SIGCONT)
        return tried[-1]

    monkeypatch.setattr(access, "_single_user", try_and_let_it_notice)
    with closing(psycopg.connect(server.url("chimera"))) as connection:
        postmaster, session = server.cluster.postmaster(), connection.info.backend_pid
        assert postmaster is not None
        os.kill(session, signal.SIGSTOP)
        os.kill(postmaster, signal.SIGKILL)
        (server.cluster.root / "passwords.json").unlink()
        while server.cluster.is_ready():  # for a moment it looks alive
            time.sleep(0.01)
        url = server.url("chimera")

    assert "still in use" in str(tried[0])
    assert tried[-1] is None
    assert answer(url) == (42,)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"postgres": "a"}', "[" * 100_000])
def test_a_damaged_file_of_passwords_is_reported_with_the_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / "passwords.json").write_text(text)
    with pytest.raises(EmbeddedServerError, match=r"json is damaged; remove the file") as caught:
        passwords.load(tmp_path)
    assert "\n" not in str(caught.value)


@contextmanager
def somebody() -> Iterator[Path]:
    """A folder of somebody's, who is at work in the block where the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="chimera-somebody-"))
    as_root = os.geteuid() == 0
    if as_root:
        os.chown(folder, PERSON, PERSON)
        os.seteuid(PERSON)
    try:
        yield folder
    finally:
        if as_root:
            os.seteuid(0)
        shutil.rmtree(folder)


def test_the_file_of_passwords_is_its_owners_alone_whoever_writes_it() -> None:
    with somebody() as folder:
        owner = folder.stat().st_uid
        passwords.keep(folder, passwords.fresh())
        assert passwords.load(folder) is not None
        _require_private(folder / "passwords.json", owner)
        if owner != os.getuid():  # root, who comes to the home of somebody else
            os.seteuid(0)
            passwords.keep(folder, chosen := passwords.fresh())
            _require_private(folder / "passwords.json", owner)
            os.seteuid(owner)
            assert passwords.load(folder) == chosen


@pytest.mark.skipif(os.geteuid() != 0, reason="for root alone")
def test_a_file_of_passwords_of_somebody_else_is_reported_with_the_remedy() -> None:
    with somebody() as folder:
        os.seteuid(0)
        passwords.keep(folder, passwords.fresh())
        os.chown(folder / "passwords.json", 0, 0)
        os.seteuid(PERSON)
        with pytest.raises(EmbeddedServerError, match="Permission denied; run as the user who"):
            passwords.load(folder)


def _require_private(file: Path, owner: int) -> None:
    found = file.stat()
    assert (found.st_uid, found.st_mode & 0o777) == (owner, 0o600)
