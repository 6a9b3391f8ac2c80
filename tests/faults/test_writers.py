"""Many writers at once, and a storage whose answers get lost."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chimera_assets.lake import Lake

from .conftest import events, hours

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITER = Path(__file__).with_name("writer.py")
PROXY = Path(__file__).with_name("lossy_proxy.py")


def test_eight_processes_create_one_table_and_write_side_by_side(
    lake: Lake, tmp_path: Path
) -> None:
    """Each writes an hour of its own, then all write the same hour."""
    signal = tmp_path / "go"
    processes = [
        subprocess.Popen(
            [sys.executable, str(WRITER), lake.uri, str(signal), str(number)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    signal.touch()
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    table = lake.table("staged", "generations")
    read = table.read(hours(20)).collect()
    assert (read.height, read["value"].n_unique()) == (100, 1)
    assert table.rows_by_hour()["rows"].to_list() == [100] * 9
    # Two that create the table at the same moment may both log that; each write is there once.
    writes = [one for one in table.history() if one.get("chimera.write") == "replace hours"]
    assert len(writes) == len({one["chimera.commit"] for one in writes}) == 16


@pytest.fixture
def lossy(bucket: str, aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    proxy = subprocess.Popen([sys.executable, str(PROXY), aws, str(tmp_path)])
    port = tmp_path / "port"
    while not port.exists():
        assert proxy.poll() is None
        time.sleep(0.02)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port.read_text()}")
    try:
        yield Lake(f"s3://{bucket}/lake")
    finally:
        proxy.terminate()
        proxy.wait(10)


def test_a_commit_whose_answer_was_lost_is_found_and_not_made_twice(
    lossy: Lake, tmp_path: Path
) -> None:
    table, lose = lossy.table("staged", "generations"), tmp_path / "lose"
    lose.touch()  # the answer to the creation
    table.write_hours(events(hours(0), value=1), hours(0))
    for hour in range(3):
        lose.touch()
        rows = events(hours(hour), value=2).lazy()
        before = table.version()
        commit = table.write_hours(rows, hours(hour), transaction=("position", hour))
        assert not lose.exists()
        assert commit.version == before + 1 == table.version()
    before = table.version()
    lose.touch()
    table.append(events(hours(9)))
    assert not lose.exists()
    lose.touch()
    table.merge(events(hours(9), value=4), ["event_id"], hours(9))
    assert table.rows_by_hour()["rows"].to_list() == [10] * 4
    assert table.version() == before + 2
    assert table.transaction_version("position") == 2
