"""A lake that may be read and not written says so, whatever is done to it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from chimera_assets.lake import Lake, LakeError
from chimera_assets.lake.log_retention import set_log_retention
from tests.lake.conftest import events, hours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Lake]:
    """A lake with a table, whose folders this user may not write into."""
    folder = tmp_path / "lake"
    lake = Lake(str(folder))
    lake.table("raw", "events").write_hours(events(hours(1)), hours(1))
    for _ in range(20):  # a checkpoint is due, and files are no longer used
        lake.table("raw", "events").write_hours(events(hours(2)), hours(2))
    if os.geteuid() != 0:
        places = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        for path in places:
            path.chmod(0o555)
        yield lake
        for path in places:
            path.chmod(0o755)
        return
    bind = ["mount", "--bind", str(folder), str(folder)]
    if subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("root may write everywhere, and may not mount here")
    subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
    yield lake
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_lake_that_may_only_be_read(read_only: Lake) -> None:
    table = read_only.table("raw", "events")
    assert table.read().collect().height == 20
    attempts = {
        "hours": lambda: table.write_hours(events(hours(3)), hours(3)),
        "hours again": lambda: table.write_hours(events(hours(1)), hours(1)),
        "all": lambda: table.overwrite(events(hours(1))),
        "append": lambda: table.append(events(hours(1))),
        "restore": lambda: table.restore(1),
        "vacuum": lambda: table.vacuum(0),
        "the log": lambda: set_log_retention(table, 7),
        "the log, for longer": lambda: set_log_retention(table, 45),
        "a new table": lambda: read_only.table("raw", "new").overwrite(events(hours(1))),
    }
    for what, attempt in attempts.items():
        with pytest.raises(LakeError) as caught:
            attempt()
        said = str(caught.value)
        assert any(words in said for words in ("is read-only", "may not read or write")), said
        assert "set CHIMERA_LAKE_URI to a place where it may" in said, what
        assert not caught.value.transient, what
    assert read_only.table("raw", "events").read().collect().height == 20
