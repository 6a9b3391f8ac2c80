"""Rows of keys that came twice are put by on disk once they are too many to be held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.quality import repeated
from chimera_assets.quality.repeated import Repeated
from tests.quality.rows import good_row, raw_frame, shipped

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_rows_that_are_too_many_are_on_disk_and_come_together_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = shipped()["generations"]
    frames = [raw_frame(contract, [good_row(n, model=f"m-{turn}") for n in range(50)])
              for turn in range(3)]  # fmt: skip
    size = int(frames[0].estimated_size())
    monkeypatch.setattr(repeated, "MOST_BYTES", size + size // 2)
    rows = Repeated(contract, tmp_path)

    rows.add(frames[0])
    assert not list(tmp_path.iterdir())
    rows.add(frames[1])
    assert list(tmp_path.iterdir())
    rows.add(frames[2])

    groups = list(rows.groups())
    assert sum(group.height for group in groups) == 150
    whole = pl.concat(groups)
    assert whole["event_id"].n_unique() == 50
    for group in groups:  # all of a key stand in one
        assert group.group_by("event_id").len()["len"].unique().to_list() == [3]
