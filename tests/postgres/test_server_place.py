"""Root's embedded server: as another account, in a folder of its own, and none opened to it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from chimera_assets.postgres.embedded.errors import EmbeddedServerError
from chimera_assets.postgres.embedded.place import reachable_programs
from chimera_assets.postgres.embedded.server import Account, EmbeddedPostgres
from chimera_assets.postgres.embedded.socket_path import usual_temporary

if TYPE_CHECKING:
    from collections.abc import Iterator

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="for root alone")

PERSON = 54321


@pytest.fixture
def elsewhere() -> Path:
    """Where root's servers have their data in these tests."""
    return Path(os.environ["CHIMERA_POSTGRES_DIR"])


@pytest.fixture
def started() -> Iterator[list[EmbeddedPostgres]]:
    servers: list[EmbeddedPostgres] = []
    yield servers
    for server in servers:
        server.release()


def asked(server: EmbeddedPostgres, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url("operational"), autocommit=True) as connection:
        found = connection.execute(sql.encode())
        return found.fetchall() if found.description else []


_LIST = "system.posix_acl_access"


def modes(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Of a folder and all above it, what others may do there, access control lists included."""
    return {
        str(one): (
            one.stat().st_mode,
            os.getxattr(one, _LIST) if _LIST in os.listxattr(one) else b"",
        )
        for one in (folder, *folder.parents)
    }


@as_root
def test_root_opens_no_folder_to_the_servers_account(
    tmp_path: Path,
    elsewhere: Path,
    started: list[EmbeddedPostgres],
    caplog: pytest.LogCaptureFixture,
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    before = modes(home)
    server = EmbeddedPostgres(home / "postgres")
    started.append(server)

    assert asked(server, "SELECT 1") == [(1,)]
    # What others close while it runs, such as pytest its folder in /tmp, is nothing to it.
    tmp_path.parent.chmod(0o700)
    assert asked(server, "SELECT count(*) > 0 FROM pg_ls_dir('.')") == [(True,)]

    assert modes(home) == before
    place = server.cluster.data.parent
    assert place.parent == elsewhere
    assert place.stat().st_uid == server.cluster.data.stat().st_uid != 0
    assert place.stat().st_mode & 0o077 == 0
    assert f"{place}: holds the data of the embedded PostgreSQL" in caplog.text


@as_root
def test_the_next_start_finds_the_data_also_of_a_home_that_was_moved(
    tmp_path: Path, started: list[EmbeddedPostgres]
) -> None:
    first = EmbeddedPostgres(tmp_path / "home" / "postgres")
    asked(first, "CREATE TABLE kept AS SELECT 7 AS n")
    first.release()
    again = EmbeddedPostgres(tmp_path / "home" / "postgres")
    assert asked(again, "SELECT n FROM kept") == [(7,)]
    again.release()
    shutil.copytree(tmp_path / "home", tmp_path / "copy", symlinks=True)

    copied = EmbeddedPostgres(tmp_path / "copy" / "postgres")
    with pytest.raises(EmbeddedServerError, match=r"of which this is a copy; remove .*/copy/post"):
        copied.url("operational")
    (tmp_path / "copy" / "postgres" / "data").unlink()
    started.append(copied)
    assert asked(copied, "SELECT to_regclass('kept')") == [(None,)]

    (tmp_path / "home").rename(tmp_path / "moved")
    moved = EmbeddedPostgres(tmp_path / "moved" / "postgres")
    started.append(moved)
    assert asked(moved, "SELECT n FROM kept") == [(7,)]


@as_root
def test_data_that_are_gone_are_not_silently_made_anew(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "home" / "postgres")
    server.url("operational")
    server.release()
    place = server.cluster.data.parent
    shutil.rmtree(place)
    with pytest.raises(EmbeddedServerError, match=f"its data are in {place}, which is gone"):
        server.url("operational")


@as_root
def test_data_in_a_home_that_an_older_release_opened_go_along(
    tmp_path: Path, started: list[EmbeddedPostgres]
) -> None:
    root = tmp_path / "home" / "postgres"
    server = EmbeddedPostgres(root)
    asked(server, "CREATE TABLE kept AS SELECT 7 AS n")
    server.release()
    place = server.cluster.data.parent
    (root / "data").unlink()
    (place / "data").rename(root / "data")  # as it was
    (root / "run").unlink()
    (root / "run").mkdir()
    shutil.rmtree(place)

    old = EmbeddedPostgres(root)
    started.append(old)
    assert asked(old, "SELECT n FROM kept") == [(7,)]
    assert (root / "data").is_symlink()


@as_root
def test_a_move_that_was_cut_off_is_done_again(
    tmp_path: Path, started: list[EmbeddedPostgres]
) -> None:
    root = tmp_path / "home" / "postgres"
    server = EmbeddedPostgres(root)
    asked(server, "CREATE TABLE kept AS SELECT 7 AS n")
    server.release()
    place = server.cluster.data.parent
    (root / "data").rename(root / "data.link")  # the data are there, and not yet known to be

    again = EmbeddedPostgres(root)
    started.append(again)
    assert asked(again, "SELECT n FROM kept") == [(7,)]
    assert again.cluster.data.parent == place


@as_root
def test_a_folder_that_is_closed_too_is_refused_by_the_settings_name(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, PERSON, PERSON)
    server = EmbeddedPostgres(tmp_path / "home" / "postgres", theirs)
    with pytest.raises(EmbeddedServerError, match="set CHIMERA_POSTGRES_DIR to a folder that"):
        server.url("operational")
    assert theirs.stat().st_mode & 0o777 == 0o700
    assert [*theirs.iterdir()] == []


@as_root
def test_programs_in_a_closed_environment_are_run_from_a_copy(
    tmp_path: Path, elsewhere: Path
) -> None:
    programs = EmbeddedPostgres(tmp_path / "pg").cluster.programs()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = programs.parent.parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    account = Account.choose(tmp_path / "none")
    assert reachable_programs(programs, account, elsewhere) == programs
    copy = reachable_programs(closed / programs.relative_to(package.parent), account, elsewhere)
    assert copy.is_relative_to(elsewhere)
    assert account.may_run(copy / "initdb")
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_name_that_somebody_took_in_tmp_stops_no_server(
    tmp_path: Path, started: list[EmbeddedPostgres]
) -> None:
    deep = tmp_path / ("x" * 120) / "postgres"
    place = tmp_path / ("y" * 120)
    place.mkdir()
    taken = usual_temporary(deep)
    os.mkfifo(taken)
    try:
        server = EmbeddedPostgres(deep, Path(os.environ.get("CHIMERA_POSTGRES_DIR", place)))
        started.append(server)
        assert asked(server, "SELECT 1") == [(1,)]
        assert server.cluster.socket_folder != taken
    finally:
        taken.unlink()


@as_root
def test_links_that_the_account_puts_into_its_folder_lead_root_nowhere(
    tmp_path: Path, started: list[EmbeddedPostgres]
) -> None:
    first = EmbeddedPostgres(tmp_path / "home" / "postgres")
    asked(first, "CREATE TABLE kept AS SELECT 7 AS n")
    first.release()
    place, victim = first.cluster.data.parent, tmp_path / "root's own"
    victim.mkdir(mode=0o755)
    file = victim / "file"
    file.write_text("as it was")
    shutil.rmtree(place / "run", ignore_errors=True)
    (place / "run").symlink_to(victim)
    for name in ("home.new", "data/pg_hba.conf.new"):
        (place / name).symlink_to(file)
    (tmp_path / "home" / "postgres" / "passwords.json").unlink()
    (tmp_path / "home").rename(tmp_path / "moved")

    moved = EmbeddedPostgres(tmp_path / "moved" / "postgres")
    started.append(moved)
    assert asked(moved, "SELECT n FROM kept") == [(7,)]

    assert file.read_text() == "as it was"
    assert victim.stat().st_mode & 0o777 == 0o755
    assert {path.name for path in victim.iterdir()} == {"file"}
    moved.release()
    (place / "home").unlink()
    (place / "home").symlink_to(file)
    with pytest.raises(EmbeddedServerError, match="expected the name of a home's folder"):
        EmbeddedPostgres(tmp_path / "moved" / "postgres").url("operational")
