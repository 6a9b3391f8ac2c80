"""The home is for its user's eyes alone, whatever the umask, and whoever runs the server in it."""

from __future__ import annotations

import logging
import os
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from chimera_assets.postgres.embedded.errors import EmbeddedServerError
from chimera_assets.postgres.embedded.passage import let_pass
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from chimera_assets.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="for root alone")


def mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def test_a_home_is_made_for_its_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "some" / "home"
    before = os.umask(0o022)
    try:
        Settings(home=home).home_folder("dbt", "logs")
        (home / "lake").mkdir()
        (home / "landing").mkdir()
        (home / "landing").chmod(0o2775)
        Settings(home=home).home_folder("dbt")
    finally:
        os.umask(before)
    assert mode(home) == 0o700
    rooms = {folder.name: mode(folder) for folder in home.iterdir()}
    assert rooms == {"dbt": 0o750, "lake": 0o750, "landing": 0o770}
    assert mode(home.parent) == 0o755


def test_a_home_that_is_open_is_closed_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "home"
    (home / "lake").mkdir(parents=True)
    home.chmod(0o755)
    Settings(home=home).home_folder("dbt")
    assert mode(home) == 0o700
    assert f"{home}: closed to other users" in caplog.text


@pytest.mark.parametrize(
    ("held", "given"), [("lake", 0o750), ("lake", 0o770), ("photos", 0o755), ("photos", 0o1777)]
)
def test_what_somebody_chose_or_shares_is_left_alone(tmp_path: Path, held: str, given: int) -> None:
    home = tmp_path / "home"
    (home / held).mkdir(parents=True)
    home.chmod(given)
    (home / held).chmod(0o755)
    Settings(home=home).home_folder("dbt")
    assert mode(home) == given & 0o777
    assert mode(home / "dbt") & 0o007 == 0
    assert mode(home / held) == (0o755 if held == "photos" else 0o750)


def passes(folder: Path, uid: int) -> bool:
    """Whether a user may pass through a folder, asked of the system."""
    inside = "home" if (folder / "home").exists() else "./."
    # From within it, as the folders above it are closed, too.
    by: dict[str, Any] = {"user": uid, "group": uid, "extra_groups": [], "cwd": folder}
    return subprocess.run(["test", "-d", inside], **by, check=False).returncode == 0


@as_root
def test_root_opens_a_folder_of_its_own_to_the_servers_account_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    rows = Settings(home=closed / "home").home_folder("logs") / "rows"
    rows.touch(mode=0o644)
    server = EmbeddedPostgres(closed / "home" / "postgres")
    with caplog.at_level(logging.WARNING):
        server.url("operational")
    account = server.cluster.data.stat().st_uid
    server.release()

    assert passes(closed, account)
    assert not passes(closed, 54321)
    read = ["cat", str(rows)]
    by: dict[str, Any] = {"user": account, "group": account, "extra_groups": []}
    assert subprocess.run(read, **by, capture_output=True, check=False).returncode != 0
    assert closed.stat().st_mode & 0o007 == 0
    assert f"{closed}: opened for the embedded PostgreSQL" in caplog.text
    assert f"{closed / 'home'}: opened" not in caplog.text
    # Closed again by hand, it is opened again by the next start.
    closed.chmod(0o700)
    server.url("operational")
    server.release()


@as_root
def test_closing_a_home_does_not_shut_out_the_server_that_runs_in_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    server = EmbeddedPostgres(home / "postgres")
    server.url("operational")
    home.chmod(0o755)  # as an older release made it
    (home / "logs").mkdir()

    with psycopg.connect(server.url("operational")) as connection:  # closes it
        connection.execute("SELECT FROM pg_control_system()")
    server.release()

    assert home.stat().st_mode & 0o007 == 0
    assert mode(home / "logs") == 0o750


@as_root
def test_opening_a_folder_gives_nobody_else_back_what_its_mask_took(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    let_pass(closed, 54321)
    let_pass(closed, 54322)
    closed.chmod(0o700)  # of a folder with a list this sets the mask: nobody passes
    assert not passes(closed, 54321)
    let_pass(closed, 54322)
    assert passes(closed, 54322)
    assert not passes(closed, 54321)


@as_root
def test_root_opens_no_folder_of_a_person(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 54321, 54321)
    with pytest.raises(EmbeddedServerError, match="not root's to open; set CHIMERA_HOME") as said:
        EmbeddedPostgres(theirs / "home" / "postgres").url("operational")
    assert str(theirs) in str(said.value)
    assert mode(theirs) == 0o700
