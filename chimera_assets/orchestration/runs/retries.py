"""Steps that are tried again, after faults that can pass and no others.

Dagster's own `RetryPolicy` tries everything again unless it is configured otherwise, and at the end
shows "Exceeded max_retries" in place of the error. Here a step asks for another try only if that
may help; a fault that stays, and the last try's, are raised as they are.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import dagster as dg

from chimera_assets.errors import one_line
from chimera_assets.orchestration.io_manager import DeltaIOManager
from chimera_assets.row_values import without_values
from chimera_assets.settings import get_settings
from chimera_assets.transient import is_transient

if TYPE_CHECKING:
    import polars as pl

_P = ParamSpec("_P")
_R = TypeVar("_R")

#: How often a step is tried again.
RETRIES = 3

_LINE = 300


@contextmanager
def tried_again(log: dg.DagsterLogManager, tries_before: int) -> Iterator[None]:
    """Within it, a fault that can pass makes Dagster try the step again, after a pause.

    Args:
        log: Where the failed try is reported, in one line.
        tries_before: How often the step was tried before.

    Raises:
        RetryRequested: The step is to be tried again.
        Exception: What was raised, without values of rows: Dagster keeps its words and its causes.
    """
    try:
        yield
    except Exception as raised:  # noqa: BLE001 - raised again, without values
        passes = tries_before < RETRIES and is_transient(raised)
        error = without_values(raised)
        if not passes:
            raise error from error.__cause__
        seconds = pause(tries_before)
        log.warning(
            "Try %d of %d failed, the next is in %.1f s: %s",
            tries_before + 1,
            RETRIES + 1,
            seconds,
            one_line(str(error), _LINE),
        )
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=seconds) from error


def pause(tries_before: int) -> float:
    """Seconds before the next try: twice as long each time, a half more or less by chance.

    The chance parts steps that failed together, which would only meet again otherwise.
    """
    middle: float = get_settings().retry_seconds * 2**tries_before
    return middle * random.uniform(0.5, 1.5)  # noqa: S311


def retried(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function of an asset or check, tried again after faults that can pass.

    Goes below Dagster's decorator. What the IO manager does for the asset is not part of it; see
    `RetriedDeltaIOManager`.
    """
    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def generator(*args: _P.args, **kwargs: _P.kwargs) -> Iterator[Any]:
            with _of_step(args[0] if args else kwargs["context"]):
                yield from cast("Iterator[Any]", function(*args, **kwargs))

        return cast("Callable[_P, _R]", generator)

    @wraps(function)
    def plain(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with _of_step(args[0] if args else kwargs["context"]):
            return function(*args, **kwargs)

    return plain


def _of_step(context: Any) -> Any:  # noqa: ANN401 - an asset's or a check's
    return tried_again(context.log, context.op_execution_context.retry_number)


class RetriedDeltaIOManager(DeltaIOManager):
    """The lake, with reads and writes tried again after faults that can pass.

    An asset that returns a stream is extracted while it is written, so that the source's faults
    come up here, too.
    """

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:  # noqa: ANN401
        """Write what an asset returned; None writes nothing."""
        with tried_again(context.log, context.step_context.previous_attempt_count):
            super().handle_output(context, obj)

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame | pl.DataFrame:
        """The rows of the upstream asset: those of the run's hours, if it is hourly."""
        with tried_again(context.log, context.step_context.previous_attempt_count):
            return super().load_input(context)
