"""The one partitions definition of all hourly assets, and what a run's partitions mean to us."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context

from chimera_assets.hours import PARTITION_KEY_FORMAT, HourRange, partition_key
from chimera_assets.orchestration.first_hour import first_hour

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dagster._core.execution.context.system import StepExecutionContext
    from dagster._core.instance import DynamicPartitionsStore


class UtcHours(dg.HourlyPartitionsDefinition):
    """The hours since a start, UTC; all their keys are worked out once an hour.

    Dagster asks for all keys in each step that reads an hourly asset and has no partitions itself,
    and takes half a second for those of four years.
    """

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """The keys of all hours that have ended, the first one first."""
        with partition_loading_context(current_time, dynamic_partitions_store):
            first, last = self.get_first_partition_key(), self.get_last_partition_key()
        return _keys(first, last) if first and last else ()


@lru_cache(maxsize=2)
def _keys(first: str, last: str) -> tuple[str, ...]:
    return tuple(map(partition_key, HourRange.from_keys(first, last)))


#: Hours, UTC. One object, because Dagster joins assets by equal definitions.
HOURLY_PARTITIONS = UtcHours(start_date=first_hour(), timezone="UTC", fmt=PARTITION_KEY_FORMAT)

#: A range of hours is one run, for every asset.
ONE_RUN = dg.BackfillPolicy.single_run()


def hours_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> HourRange:
    """The hours of a run: one, or a range."""
    keys = context.partition_key_range
    return HourRange.from_keys(keys.start, keys.end)


def step_of(context: dg.AssetExecutionContext) -> StepExecutionContext:
    """Dagster's own context of the step, which notes what is said of each partition."""
    return context.op_execution_context.get_step_execution_context()
