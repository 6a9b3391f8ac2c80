"""Root's embedded server: its data are moved to where its account can go, and never lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.postgres.embedded.account import Account
from chimera_assets.postgres.embedded.cluster import Cluster
from chimera_assets.postgres.embedded.errors import EmbeddedServerError
from chimera_assets.postgres.embedded.place import reachable_programs, settle
from chimera_assets.postgres.embedded.socket_path import usual_temporary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="for root alone")

PERSON = 54321
DATA = {"PG_VERSION": "18\n", "base/1/2601": "rows", "global/pg_control": "state"}


class Killed(BaseException):
    """The end of the process."""


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account.choose(tmp_path / "none")


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A home that is closed to everybody else, with data in it."""
    root = tmp_path / "home" / "postgres"
    _fill(root / "data")
    (tmp_path / "home").chmod(0o700)
    return Cluster(root)


@pytest.fixture(params=["/tmp", "/dev/shm"], ids=["same disk", "another disk"])  # noqa: S108
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder through which everybody may pass, that is not there yet."""
    beside = Path(request.param)
    other = beside.is_dir() and beside.stat().st_dev != tmp_path.stat().st_dev
    if request.param != "/tmp" and not other:  # noqa: S108
        pytest.skip("there is one disk")
    folder = Path(tempfile.mkdtemp(prefix="chimera-moved-", dir=beside))
    folder.chmod(0o711)
    yield folder / "servers"
    shutil.rmtree(folder)


def _fill(data: Path) -> None:
    for name, text in DATA.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)


def _require_moved(cluster: Cluster, account: Account, elsewhere: Path) -> None:
    link = cluster.root / "data"
    assert link.is_symlink()
    assert cluster.data.parent.parent == elsewhere
    files = [path for path in cluster.data.rglob("*") if path.is_file()]
    assert {str(one.relative_to(cluster.data)): one.read_text() for one in files} == DATA
    assert cluster.data.parent.stat().st_uid == account.uid
    left = {path.name for path in cluster.root.iterdir()}
    assert left == {"data", "run"}


def test_data_are_moved_with_their_owner(
    cluster: Cluster, account: Account, elsewhere: Path
) -> None:
    for path in (cluster.data, *cluster.data.rglob("*")):
        account.own(path)

    settle(cluster, account, elsewhere)

    _require_moved(cluster, account, elsewhere)
    assert {path.stat().st_uid for path in cluster.data.rglob("*")} == {account.uid}
    assert elsewhere.stat().st_mode & 0o777 == 0o711
    moved = cluster.data
    settle(cluster, account, elsewhere)
    assert cluster.data == moved


@pytest.mark.parametrize("done", [False, True], ids=["before a step", "after it"])
def test_whenever_the_move_is_killed_the_next_start_finishes_it(
    cluster: Cluster,
    account: Account,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    done: bool,
) -> None:
    for last in count(1):
        steps = 0

        def step(do: Callable[..., Any], last: int = last) -> Callable[..., Any]:
            def until_killed(*given: Any, **named: Any) -> Any:
                nonlocal steps
                steps += 1
                if steps == last and not done:
                    raise Killed
                result = do(*given, **named)
                if steps == last:
                    raise Killed
                return result

            return until_killed

        with monkeypatch.context() as patched, suppress(Killed):
            for of, name in (
                (Path, "rename"),
                (Path, "symlink_to"),
                (Path, "unlink"),
                (shutil, "copytree"),
                (shutil, "rmtree"),
            ):
                patched.setattr(of, name, step(getattr(of, name)))
            settle(cluster, account, elsewhere)
        settle(cluster, account, elsewhere)

        _require_moved(cluster, account, elsewhere)
        if steps < last:
            break
        shutil.rmtree(cluster.root)
        _fill(cluster.root / "data")
    assert last > 4  # so many steps the move has at least


def test_data_that_cannot_be_moved_stay_until_they_can(
    cluster: Cluster, account: Account, elsewhere: Path
) -> None:
    data = str(cluster.data)  # a volume of its own, as in a container
    bind = ["mount", "--bind", data, data]
    if subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        with pytest.raises(OSError, match="busy"):
            settle(cluster, account, elsewhere)
    finally:
        subprocess.run(["umount", "-l", data], check=True)
    settle(cluster, account, elsewhere)
    _require_moved(cluster, account, elsewhere)


def test_a_home_that_the_account_may_enter_keeps_its_data(account: Account) -> None:
    home = Path(tempfile.mkdtemp(prefix="chimera-open-"))
    try:
        home.chmod(0o755)
        cluster = Cluster(home / "postgres")
        _fill(cluster.root / "data")
        settle(cluster, account, home / "elsewhere")
        assert {path.name for path in cluster.root.iterdir()} == {"data", "run"}
        assert not (cluster.root / "data").is_symlink()
        assert (cluster.root / "run").stat().st_uid == account.uid
        assert not (home / "elsewhere").exists()
    finally:
        shutil.rmtree(home)


def test_data_that_somebody_put_elsewhere_stay_there(
    cluster: Cluster, account: Account, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    (cluster.root / "data").rename(theirs)
    (cluster.root / "data").symlink_to(theirs)
    settle(cluster, account, tmp_path / "elsewhere")
    assert cluster.data == theirs
    assert (theirs / "PG_VERSION").read_text() == "18\n"


@pytest.mark.parametrize(
    ("note", "found"),
    [(b"\xff", "found something else"), (b"x" * 9_000, "found one of 9,000 bytes, more than")],
)
def test_a_note_that_names_no_home_is_reported(
    cluster: Cluster, account: Account, elsewhere: Path, note: bytes, found: str
) -> None:
    settle(cluster, account, elsewhere)
    (cluster.data.parent / "home").write_bytes(note)
    with pytest.raises(EmbeddedServerError, match=f"the name of a home's folder, {found}"):
        settle(cluster, account, elsewhere)
    _require_moved(cluster, account, elsewhere)


def test_a_socket_whose_path_would_be_too_long_is_in_a_folder_of_its_own(
    cluster: Cluster, account: Account, elsewhere: Path
) -> None:
    deep = elsewhere / ("x" * 90)
    usual = usual_temporary(cluster.root)
    try:
        for _ in range(2):
            settle(cluster, account, deep)
            assert cluster.socket_folder == usual
            assert (usual.stat().st_uid, usual.stat().st_mode & 0o777) == (account.uid, 0o700)
        os.chown(usual, PERSON, PERSON)
        settle(cluster, account, deep)
        assert cluster.socket_folder != usual
        assert usual.stat().st_uid == PERSON
    finally:
        for folder in usual.parent.glob(f"{usual.name}*"):
            shutil.rmtree(folder)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Programs in a folder that is closed to everybody else."""
    folder = tmp_path / "closed" / "server" / "pginstall" / "bin"
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o700)
    (folder / "postmaster").symlink_to("postgres")
    (tmp_path / "closed").chmod(0o700)
    return folder


def test_programs_are_copied_once_and_taken_from_nobody_else(
    programs: Path, account: Account, elsewhere: Path
) -> None:
    copy = reachable_programs(programs, account, elsewhere)
    assert account.may_run(copy / "initdb")
    assert (copy / "postmaster").is_symlink()
    (copy / "made once").touch()
    assert reachable_programs(programs, account, elsewhere) == copy
    assert (copy / "made once").exists()

    (kept,) = elsewhere.iterdir()
    os.chown(kept, PERSON, PERSON)
    with pytest.raises(EmbeddedServerError, match=r"belongs to somebody else.*POSTGRES_DIR"):
        reachable_programs(programs, account, elsewhere)


def test_two_homes_that_copy_the_programs_at_once_have_one_copy(
    programs: Path, account: Account, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copytree = shutil.copytree

    def while_another_does(*given: Any, **named: Any) -> Any:
        monkeypatch.undo()
        reachable_programs(programs, account, elsewhere)
        return copytree(*given, **named)

    monkeypatch.setattr(shutil, "copytree", while_another_does)
    assert account.may_run(reachable_programs(programs, account, elsewhere) / "initdb")
    assert len([*elsewhere.iterdir()]) == 1
