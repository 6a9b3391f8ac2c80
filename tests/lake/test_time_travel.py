"""Every version that is said to be readable is, and the one before it is not."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from chimera_assets.lake import Lake, LakeError
from chimera_assets.lake.log_retention import set_log_retention
from chimera_assets.lake.time_travel import reach
from tests.lake.conftest import events, hours

if TYPE_CHECKING:
    from chimera_assets.lake import Table


def readable(table: Table) -> list[int]:
    """The versions whose rows can be read, by reading them."""
    found = []
    for version in range(table.version() + 1):
        try:
            table.read(version=version).collect()
        except (LakeError, OSError):
            continue
        found.append(version)
    return found


def test_a_table_can_be_read_back_to_its_first_version(table: Table) -> None:
    for number in range(4):
        table.append(events(hours(number)), partition_by=["hour_partition", "hour"])
    found = reach(table)
    assert found.version == 0
    assert found.since is not None
    assert found.since.timestamp() * 1000 == table.history()[-1]["timestamp"]


def test_a_version_whose_file_is_gone_ends_it(table: Table) -> None:
    for hour in (0, 1, 1, 2, 0, 3):  # versions 1 to 6, after that of the empty table
        table.write_hours(events(hours(hour)), hours(hour))
    assert reach(table).version == 0
    table.vacuum(0)
    found = reach(table)
    newest = table.version()
    assert found.version == 5
    assert found.since is not None
    assert readable(table) == [0, *range(5, newest + 1)]  # the empty one needs no file
    table.write_hours(events(hours(3)), hours(3))
    assert reach(table) == found


def test_a_log_that_was_cleaned_up_ends_it(local: Lake) -> None:
    table = local.table("staged", "generations")
    for number in range(45):
        table.append(events(hours(number)), partition_by=["hour_partition", "hour"])
        if number in {9, 29}:
            table.delta().create_checkpoint()
    log = Path(table.uri) / "_delta_log"
    long_ago = time.time() - timedelta(days=400).total_seconds()
    for version in range(30):
        for path in log.glob(f"{version:020}.*"):
            os.utime(path, (long_ago, long_ago))
    set_log_retention(table, 7)
    assert not (log / f"{5:020}.json").exists()
    fresh = Lake(local.uri).table("staged", "generations")

    found = reach(fresh)

    assert readable(fresh) == list(range(found.version, fresh.version() + 1))
    assert found.version == 30
    (log / f"{found.version:020}.json").unlink(missing_ok=True)
    left = reach(fresh)
    assert left.version == found.version
    assert left.since is not None


def test_a_log_without_its_middle_is_read_from_the_next_checkpoint(local: Lake) -> None:
    table = local.table("staged", "generations")
    for number in range(8):
        table.append(events(hours(number)), partition_by=["hour_partition", "hour"])
    table.delta().create_checkpoint()
    (Path(table.uri) / "_delta_log" / f"{3:020}.json").unlink()
    assert reach(Lake(local.uri).table("staged", "generations")).version == 8
