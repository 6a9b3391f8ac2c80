"""The one partitions definition of all hourly assets, and what a run's partitions mean to us."""

from __future__ import annotations

import dagster as dg

from chimera_assets.hours import PARTITION_KEY_FORMAT, HourRange
from chimera_assets.settings import get_settings

#: Hours since CHIMERA_START, UTC. One object, because Dagster joins assets by equal definitions.
HOURLY_PARTITIONS = dg.HourlyPartitionsDefinition(
    start_date=get_settings().start, timezone="UTC", fmt=PARTITION_KEY_FORMAT
)

#: A range of hours is one run, for every asset.
ONE_RUN = dg.BackfillPolicy.single_run()


def hours_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> HourRange:
    """The hours of a run: one, or a range."""
    keys = context.partition_key_range
    return HourRange.from_keys(keys.start, keys.end)
