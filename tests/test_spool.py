"""What steps put by in the temporary folder is gone when they end, killed or not."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from chimera_assets.spool import delete_kept, kept_spool_folder, spool_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

HOLDS = """
from chimera_assets.spool import spool_folder
with spool_folder("rejected") as folder:
    (folder / "rows").touch()
    print(folder, flush=True)
    input()
"""


def test_folders_of_killed_processes_are_deleted_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )
        for _ in range(2)
    ]
    killed, alive = processes
    folders = [tmp_path / str(one.stdout.readline().strip()) for one in processes if one.stdout]
    killed.kill()
    killed.communicate()
    for folder in folders:
        os.utime(folder, (0, time.time() - 3600))
    with spool_folder("landing") as own:
        assert sorted(tmp_path.iterdir()) == sorted([own, folders[1]])
    assert (folders[1] / "rows").exists()
    alive.communicate("\n")
    assert list(tmp_path.iterdir()) == []


def test_what_others_put_into_a_shared_folder_neither_blocks_nor_goes(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    pipe, link = tmp_path / "chimera-spool-pipe", tmp_path / "chimera-spool-link"
    os.mkfifo(pipe)
    link.symlink_to(elsewhere)
    left = [elsewhere, pipe, link]
    if os.geteuid() == 0:
        theirs = tmp_path / "chimera-spool-theirs"
        theirs.mkdir()
        os.chown(theirs, 54321, 54321)
        left.append(theirs)
    for one in left:
        os.utime(one, (0, 0), follow_symlinks=False)
    # In a process of its own, as one that waits for a pipe waits for ever.
    code = "from chimera_assets.spool import spool_folder\nwith spool_folder('landing'): pass"
    given = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=given, check=True, timeout=20)
    assert sorted(tmp_path.iterdir()) == sorted(left)


def test_what_is_kept_for_a_process_can_be_deleted_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = kept_spool_folder("dbt")
    assert folder.parent == tmp_path
    delete_kept()
    assert not folder.exists()
