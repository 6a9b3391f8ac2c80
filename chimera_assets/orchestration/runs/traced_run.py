"""The span of a whole run, around whichever executor runs its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.orchestration.runs.tags import hours_of_tags
from chimera_assets.orchestration.runs.wrapped_executor import around_runs
from chimera_assets.tracing import run_span
from chimera_assets.tracing_provider import is_on

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from dagster import ExecutorDefinition
    from dagster._core.execution.context.system import PlanOrchestrationContext

    from chimera_assets.tracing import SpanRecorder


def traced_run(definition: ExecutorDefinition) -> ExecutorDefinition:
    """The executor, with a span around each run; the same executor while tracing is off."""
    return around_runs(definition, _span) if is_on() else definition


def _span(context: PlanOrchestrationContext) -> AbstractContextManager[SpanRecorder]:
    run = context.dagster_run
    return run_span(run.run_id, job=run.job_name, hours=hours_of_tags(run.tags))
