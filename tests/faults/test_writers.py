"""Many processes that write one table at once, in a folder and on S3."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import SOAK
from tests.lake.conftest import hours

if TYPE_CHECKING:
    from chimera_assets.lake import Lake
    from tests.faults.conftest import Survived

WRITER = Path(__file__).with_name("writer.py")
#: Each process writes its own hour and the common one so often.
TIMES = 5 if SOAK else 1


@pytest.mark.criterion("AC-003.1")
def test_eight_processes_create_one_table_and_write_side_by_side(
    lake: Lake, tmp_path: Path, survived: Survived
) -> None:
    """Each writes an hour of its own, then all write the same hour."""
    signal = tmp_path / "go"
    processes = [
        subprocess.Popen(
            [sys.executable, str(WRITER), lake.uri, str(signal), str(number), str(TIMES)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    signal.touch()
    for process in processes:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
    table = lake.table("staged", "generations")
    read = table.read(hours(20)).collect()
    assert (read.height, read["value"].n_unique()) == (100, 1)
    assert table.rows_by_hour()["rows"].to_list() == [100] * 9
    # Two that create the table at the same moment may both log that; each write is there once.
    writes = [one for one in table.history() if one.get("chimera.write") == "replace hours"]
    assert len(writes) == len({one["chimera.commit"] for one in writes}) == 16 * TIMES
    survived(f"eight writers ({'S3' if lake.uri.startswith('s3') else 'folder'})", 16 * TIMES)
