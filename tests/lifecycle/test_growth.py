"""Tables stay as small as what is in them, however long it goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.acting import leave
from tests.lifecycle.year import simulate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.criterion("AC-003.5")
def test_tables_and_logs_stay_flat_over_simulated_months(tmp_path: Path) -> None:
    """Each day is followed by 10 days of rest; the long form is `year.py` by itself."""
    weeks = list(
        simulate(
            tmp_path / "lake",
            7,
            hours_a_write=24,
            retention_days=3,
            week=1,
            aged=timedelta(days=10),
        )
    )
    leave(tmp_path / "home")
    for day in weeks[-1]:
        assert day.files == day.partitions, day  # one file an hour, or a day
        assert day.stored_files < 3 * day.files + 60, day
        # The commits of the last days, whose log is younger than 30 days, and no others.
        assert day.log_files < 60, day
        assert day.log_bytes < 400_000, day
    assert weeks[-1][0].rows == 3 * 24 * 10
