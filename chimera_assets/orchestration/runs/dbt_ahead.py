"""dbt is loaded while the first steps of a run are at work, whose last ones will need it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from chimera_assets.orchestration.runs.wrapped_executor import around_runs
from chimera_assets.warehouse.dbt_process import start_dbt
from chimera_assets.warehouse.model_groups import active_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dagster import ExecutorDefinition
    from dagster._core.execution.context.system import PlanOrchestrationContext


class _Begun:
    def fail(self, kind: str) -> None:
        """Nothing to do with how a run ends."""


def dbt_ahead(definition: ExecutorDefinition) -> ExecutorDefinition:
    """The executor, with dbt being loaded beside each of its runs that has a use for it."""
    return around_runs(definition, _begin)


@contextmanager
def _begin(started: PlanOrchestrationContext) -> Iterator[_Begun]:
    steps = started.execution_plan.step_keys_to_execute
    if not {group.name for group in active_groups()}.isdisjoint(steps):
        start_dbt()
    yield _Begun()
