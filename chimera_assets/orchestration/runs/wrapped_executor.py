"""Something around a whole run, whichever executor runs its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._utils.interrupts import check_captured_interrupt

from chimera_assets.orchestration.runs.causes import INTERRUPTED, was_interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import Protocol

    from dagster import DagsterEvent, Executor, InitExecutorContext
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan

    class Failable(Protocol):
        """What notes that a step failed, which raises nothing here."""

        def fail(self, kind: str) -> None:
            """Take note of the kind of failure."""


def _kind(event: DagsterEvent) -> str:
    error = event.step_failure_data.error
    return INTERRUPTED if error is not None and was_interrupted(error) else "StepFailure"


def around_runs(
    definition: dg.ExecutorDefinition,
    around: Callable[[PlanOrchestrationContext], AbstractContextManager[Failable]],
) -> dg.ExecutorDefinition:
    """The executor, with a context around each of its runs."""
    make = definition.executor_creation_fn
    if make is None:
        return definition

    def made(context: InitExecutorContext) -> Executor:
        executor = make(context)
        execute = executor.execute

        def wrapped(
            plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
        ) -> Iterator[DagsterEvent]:
            if check_captured_interrupt():  # while it was prepared: nothing has begun
                raise DagsterExecutionInterruptedError
            with around(plan_context) as span:
                for event in execute(plan_context, execution_plan):
                    if event.is_step_failure:
                        span.fail(_kind(event))
                    yield event

        # The object stays what it is: Dagster looks at its class.
        executor.execute = wrapped  # type: ignore[method-assign]
        return executor

    return dg.ExecutorDefinition(
        name=definition.name,
        config_schema=definition.config_schema,  # type: ignore[arg-type]
        requirements=definition._requirements_fn,  # noqa: SLF001 - has no public name
        executor_creation_fn=made,
        description=definition.description,
    )
