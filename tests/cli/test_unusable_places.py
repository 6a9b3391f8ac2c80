"""What is no path, no file, or no place with room and rights costs one line, and never hangs."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chimera_assets.cli.faults import machine_fault
from chimera_assets.postgres.embedded import passwords
from chimera_assets.postgres.embedded.errors import EmbeddedServerError
from chimera_assets.settings import get_settings
from tests.cli.conftest import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Chimera

TOO_LONG = "x" * 5000
NOT_UTF8 = os.fsdecode(b"home-\xff")


@pytest.mark.parametrize(
    "setting",
    [
        "CHIMERA_HOME",
        "CHIMERA_LAKE_URI",
        "CHIMERA_LANDING_URI",
        "CHIMERA_PACKS_DIR",
        "CHIMERA_CONTRACTS",
        "DAGSTER_HOME",
    ],
)
@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("~nosuchuser/x", "(there is no such user)"),
        (TOO_LONG, "(file name too long)"),
        (NOT_UTF8, "(which is not UTF-8)"),
    ],
)
def test_a_setting_that_is_no_path(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch, setting: str, given: str, found: str
) -> None:
    monkeypatch.setenv(setting, given)
    command = ("metrics",) if setting == "DAGSTER_HOME" else ("status",)
    said = one_line(chimera(*command))
    assert said.startswith(f"chimera: {setting}: ")
    assert found in said
    assert len(said) < 400


@pytest.mark.parametrize(
    "command",
    [
        ("contract", "check"),
        ("contract", "diff", "a.yaml"),
        ("contract", "sources", "--path"),
        ("pack", "check"),
        ("pack", "new", "mine", "--in"),
    ],
)
@pytest.mark.parametrize("given", ["~nosuchuser/x", TOO_LONG])
def test_an_argument_that_is_no_path(
    chimera: Chimera, command: tuple[str, ...], given: str
) -> None:
    said = one_line(chimera(*command, given))
    assert "expected a path that can be used, found " in said
    assert len(said) < 400


def test_a_pack_is_not_written_where_nothing_can_be(chimera: Chimera) -> None:
    said = one_line(chimera("pack", "new", "mine", "--in", "/proc/nowhere"))
    assert "--in: expected a folder that can be written, found /proc/nowhere" in said


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (os.mkfifo, "found something else than a file"),
        (lambda file: file.write_bytes(b"CHIMERA_HOME=\xff"), "found no UTF-8 (byte 13)"),
        (lambda file: file.write_bytes(b"CHIMERA_HOME=a\0b"), "found a null character"),
    ],
)
def test_a_file_of_settings_that_is_none(
    chimera: Chimera,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made: Callable[[Path], None],
    found: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    made(tmp_path / ".env")
    said = one_line(chimera("hold", "list"))
    assert said.startswith(f"chimera: {tmp_path / '.env'}: ")
    assert found in said


def test_a_virtual_environment_may_be_named_like_it(
    chimera: Chimera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").mkdir()
    assert chimera("hold", "list").code == 0


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_file_of_passwords_that_is_none(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "passwords.json")
    with pytest.raises(EmbeddedServerError, match="else than a file; remove what is there"):
        passwords.load(tmp_path)


def test_a_log_that_is_a_pipe_does_not_hang_the_server(chimera: Chimera, home: Path) -> None:
    (home / "postgres").mkdir(parents=True)
    os.mkfifo(home / "postgres" / "log")
    assert "postgres/log: No such device" in one_line(chimera("source", "init"))


def without_rights(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `chimera` as a user to whom rights apply, who may be root without its power to ignore."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    start = [sys.executable, "-c", "from chimera_assets.cli import main; main()", *command]
    root = os.geteuid() == 0
    return subprocess.run(
        [*(drop if root else []), *start],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        timeout=100,
    )


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may read everything"
)
@pytest.mark.parametrize("setting", ["CHIMERA_HOME", "CHIMERA_LAKE_URI", "CHIMERA_CONTRACTS"])
def test_a_folder_without_rights_is_not_taken_for_an_empty_one(
    tmp_path: Path, setting: str
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    for place in (closed, closed / "within"):
        done = without_rights("status", **{setting: str(place)})
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"chimera: {setting}: ")
        assert "(permission denied)" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_full_disk_and_records_without_rights_are_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as full:
        Path("/dev/full").write_text("x")
    assert machine_fault(full.value) == "No space left on device; make room there, and run it again"

    with pytest.raises(sqlite3.OperationalError) as closed:
        sqlite3.connect(tmp_path / "no" / "such.db")
    said = machine_fault(closed.value)
    assert said is not None
    assert "unable to open database file; give this user the right to it" in said
    assert machine_fault(ValueError("a defect")) is None


def test_a_home_that_cannot_be_written_is_said(home: Path) -> None:
    home.mkdir()
    (home / "dbt").touch()
    with pytest.raises(Exception, match="CHIMERA_HOME: expected a folder that can be written"):
        get_settings().home_folder("dbt")
