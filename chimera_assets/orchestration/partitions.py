"""The one partitions definition of all hourly assets, and what a run's partitions mean to us."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from chimera_assets.hours import PARTITION_KEY_FORMAT, HourRange
from chimera_assets.orchestration.first_hour import first_hour

if TYPE_CHECKING:
    from dagster._core.execution.context.system import StepExecutionContext

#: Hours, UTC. One object, because Dagster joins assets by equal definitions.
HOURLY_PARTITIONS = dg.HourlyPartitionsDefinition(
    start_date=first_hour(), timezone="UTC", fmt=PARTITION_KEY_FORMAT
)

#: A range of hours is one run, for every asset.
ONE_RUN = dg.BackfillPolicy.single_run()


def hours_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> HourRange:
    """The hours of a run: one, or a range."""
    keys = context.partition_key_range
    return HourRange.from_keys(keys.start, keys.end)


def step_of(context: dg.AssetExecutionContext) -> StepExecutionContext:
    """Dagster's own context of the step, which notes what is said of each partition."""
    return context.op_execution_context.get_step_execution_context()
