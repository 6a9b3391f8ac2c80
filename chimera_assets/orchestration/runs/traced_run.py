"""The span of a whole run, around whichever executor runs its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from chimera_assets.orchestration.runs.tags import hours_of_tags
from chimera_assets.tracing import is_on, run_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dagster import DagsterEvent, Executor, InitExecutorContext
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan


def traced_run(definition: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """The executor, with a span around each run; the same executor while tracing is off."""
    make = definition.executor_creation_fn
    if not is_on() or make is None:
        return definition

    def made(context: InitExecutorContext) -> Executor:
        executor = make(context)
        execute = executor.execute

        def traced(
            plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
        ) -> Iterator[DagsterEvent]:
            run = plan_context.dagster_run
            with run_span(run.run_id, job=run.job_name, hours=hours_of_tags(run.tags)) as span:
                for event in execute(plan_context, execution_plan):
                    if event.is_step_failure:
                        span.fail("StepFailure")
                    yield event

        # The object stays what it is: Dagster looks at its class.
        executor.execute = traced  # type: ignore[method-assign]
        return executor

    return dg.ExecutorDefinition(
        name=definition.name,
        config_schema=definition.config_schema,  # type: ignore[arg-type]
        requirements=definition._requirements_fn,  # noqa: SLF001 - has no public name
        executor_creation_fn=made,
        description=definition.description,
    )
