"""A disk that fills while an hour is written: a clear message, tables as before, healed by room."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.lake import Lake, LakeError
from tests.faults.conftest import SOAK
from tests.lake.conftest import events, hours
from tests.site.site import generations, keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.conftest import Survived
    from tests.faults.disposable_site import DisposableSite

BEFORE, HOUR = keys("2026-01-20-07:00", 2)
ROWS = 3_000
STEPS = ("raw/generations", "stage_generations", "warehouse_generations")
TABLES = ("raw/generations", "staged/generations", "marts/fact_generations")


class Disk:
    """A small disk: a tmpfs, or where that may not be mounted, a limit on files' sizes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
        try:
            self.mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            self.mounted = False

    def fill(self, pid: int) -> None:
        """Leave no room for anything, or in a process none for a file of more than a few bytes."""
        if not self.mounted:
            _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (512, most))
            return
        with self.ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass

    def make_room(self) -> None:
        self.ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "disk")
    yield made
    made.unmount()


def state(lake: Lake) -> dict[str, tuple[int, int]]:
    tables = {name: lake.table(*name.split("/")) for name in TABLES}
    return {name: (table.version(), table.count()) for name, table in tables.items()}


@pytest.mark.parametrize("step", STEPS if SOAK else STEPS[:1])
def test_an_hour_for_which_there_is_no_room(
    disposable_site: DisposableSite, disk: Disk, step: str, survived: Survived
) -> None:
    site, lake = disposable_site, Lake(str(disk.folder / "lake"))
    site.source.execute("DELETE FROM generations")
    site.source.insert("generations", generations(BEFORE, 50))
    site.source.insert("generations", generations(HOUR, ROWS))
    site.ran(BEFORE, CHIMERA_LAKE_URI=lake.uri)
    before = state(lake)

    def fill(pid: int, said: dict[str, Any]) -> None:
        if (said["step"], said["outcome"]) == (step, "started"):
            disk.fill(pid)

    ran = site.attempt(HOUR, on_step=fill, CHIMERA_LAKE_URI=lake.uri)

    assert ran is not None
    assert not ran.success
    cause = ran.failed[step]
    assert "\n" not in cause
    assert str(disk.folder) in cause
    assert "the disk is full; make room and run it again" in cause
    after = state(lake)
    whole = HourRange.from_keys(HOUR, HOUR)
    for name in TABLES:
        assert after[name] == before[name] or lake.table(*name.split("/")).count(whole) == ROWS
    assert lake.table("staged", "generations").read().collect().height in {50, 50 + ROWS}

    disk.make_room()
    site.ran(HOUR, CHIMERA_LAKE_URI=lake.uri)
    for name in TABLES:
        rows = lake.table(*name.split("/")).read(whole).collect()
        assert rows["event_id"].n_unique() == rows.height == ROWS
    survived(f"disk full ({'tmpfs' if disk.mounted else 'file-size limit'})")


def test_no_room_for_the_copy_of_the_rows(
    tmp_path: Path, disk: Disk, survived: Survived, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that deltalake writes are copied there, as a conflict needs them again."""
    if not disk.mounted:
        pytest.skip("no tmpfs may be mounted here")
    table = Lake(str(tmp_path / "lake")).table("raw", "events")
    table.create(events(hours(0)).to_arrow().schema)
    disk.fill(os.getpid())
    monkeypatch.setattr(tempfile, "tempdir", str(disk.folder))
    with pytest.raises(LakeError, match=r"no room for a copy .* set TMPDIR") as reported:
        table.overwrite(events(hours(0), rows=50_000).lazy(), partition_by=HOUR_COLUMNS)
    assert str(disk.folder) in str(reported.value)
    assert (table.version(), table.count()) == (0, 0)
    disk.make_room()
    table.overwrite(events(hours(0), rows=50_000).lazy(), partition_by=HOUR_COLUMNS)
    assert table.count() == 50_000
    survived("disk full (temporary folder)")
