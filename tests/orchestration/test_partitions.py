"""The hours as Dagster sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from chimera_assets.hours import PARTITION_KEY_FORMAT
from chimera_assets.orchestration.partitions import UtcHours

START = datetime(2024, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    "now",
    [
        START - timedelta(days=1),
        START,
        START + timedelta(minutes=59),
        START + timedelta(hours=1),
        START + timedelta(hours=2, seconds=-1),
        START + timedelta(days=400, minutes=1),
    ],
)
def test_the_keys_are_those_of_dagsters_own_hours(now: datetime) -> None:
    ours, theirs = (
        kind(start_date=START, timezone="UTC", fmt=PARTITION_KEY_FORMAT)
        for kind in (UtcHours, dg.HourlyPartitionsDefinition)
    )
    assert list(ours.get_partition_keys(now)) == list(theirs.get_partition_keys(now))
    # To the pages and the daemon, which know it by what it was sent as, it is the same.
    assert repr(ours) == repr(theirs)
    same = {each.get_serializable_unique_identifier() for each in (ours, theirs)}
    assert len(same) == 1
