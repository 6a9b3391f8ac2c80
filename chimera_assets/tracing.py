"""OpenTelemetry spans of a run, which cost nothing while tracing is off.

A run is one trace, whose id is the run's id in Dagster. Its steps' spans are below the run's own,
also if they are made in other processes: that span's id follows from the run's. Where they are sent
to, `tracing_provider` knows.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from chimera_assets.tracing_provider import CountedSpan, is_on, provider, run_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from chimera_assets.hours import HourRange

    Value = str | int | float | bool | HourRange | None

#: How a process that another one starts learns of the span it belongs to, in W3C's form.
_PARENT = "TRACEPARENT"


class SpanRecorder:
    """Records what a span learns while it lasts; one that is not recorded forgets it."""

    def __init__(self, span: Span | None = None) -> None:
        self._span = span

    def set(self, **values: Value) -> None:
        """Set attributes, `rows` as `chimera.rows` and so on; None sets nothing."""
        if self._span is not None:
            self._span.set_attributes(_named(values))

    def fail(self, kind: str) -> None:
        """Mark the span as failed, with the kind of failure."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

            self._span.set_status(Status(StatusCode.ERROR, kind))


_OFF = SpanRecorder()


@contextlib.contextmanager
def span(name: str, *, run_id: str | None = None, **values: Value) -> Iterator[SpanRecorder]:
    """A span around the block: `extract`, `judge`, `write`, `transform`.

    It is below the span that is open in this thread. Without one it is below the span of the run,
    or of what started this process. Processes that the block starts learn of it. A block that
    fails marks it with the kind of error; never with its words, which may hold values.

    Args:
        name: The span's name.
        run_id: The Dagster run, if known.
        values: Attributes, `stream` as `chimera.stream` and so on; None is left out.
    """
    if not is_on():
        yield _OFF
        return
    from opentelemetry import trace  # noqa: PLC0415

    with (
        CountedSpan(),
        _open(name, _parent(run_id), run_id, values) as opened,
        trace.use_span(opened, record_exception=False, set_status_on_exception=False),
        _handed_down(opened),
    ):
        yield SpanRecorder(opened)


@contextlib.contextmanager
def _handed_down(opened: Span) -> Iterator[None]:
    """Pass it to processes that are started meanwhile.

    Only for the main thread: all threads share one environment.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = os.environ.get(_PARENT)
    of = opened.get_span_context()
    os.environ[_PARENT] = f"00-{of.trace_id:032x}-{of.span_id:016x}-{of.trace_flags:02x}"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_PARENT, None)
        else:
            os.environ[_PARENT] = before


def handed_down() -> dict[str, str]:
    """The variables by which a process that was started before learns of the span."""
    return {_PARENT: os.environ[_PARENT]} if _PARENT in os.environ else {}


@contextlib.contextmanager
def run_span(run_id: str, **values: Value) -> Iterator[SpanRecorder]:
    """The span of a whole run, which all others of the run are below."""
    if not is_on():
        yield _OFF
        return
    from opentelemetry.context import Context as NoParent  # noqa: PLC0415

    with CountedSpan(), _open("run", NoParent(), run_id, values, as_run=True) as opened:
        yield SpanRecorder(opened)


def traced_batches(
    batches: pa.RecordBatchReader, name: str, *, run_id: str, **values: Value
) -> pa.RecordBatchReader:
    """The same batches; a span lasts from now to the last of them and counts their rows."""
    if not is_on():
        return batches
    import pyarrow as pa  # noqa: PLC0415

    def counted() -> Iterator[pa.RecordBatch]:
        rows = 0
        # Others pull the batches, in threads of their own, so the parent is the run's span.
        with CountedSpan(), _open(name, _of_run(run_id), run_id, values) as opened:
            yield None
            for batch in batches:
                rows += batch.num_rows
                yield batch
            SpanRecorder(opened).set(rows=rows)

    begun = counted()
    next(begun)  # opens the span
    return pa.RecordBatchReader.from_batches(batches.schema, begun)


@contextlib.contextmanager
def _open(
    name: str,
    parent: Context | None,
    run_id: str | None,
    values: Mapping[str, Value],
    *,
    as_run: bool = False,
) -> Iterator[Span]:
    attributes = _named(values) | ({"dagster.run_id": run_id} if run_id else {})
    tracer_provider, ids = provider()
    with ids.of_run(run_id if as_run else None):
        opened = tracer_provider.get_tracer("chimera_assets").start_span(
            name, context=parent, attributes=attributes
        )
    try:
        yield opened
    except GeneratorExit:
        raise
    except BaseException as error:
        SpanRecorder(opened).fail(type(error).__name__)
        raise
    finally:
        opened.end()


def _named(values: Mapping[str, Value]) -> dict[str, str | int | float | bool]:
    return {
        f"chimera.{name}": value if isinstance(value, (str, int, float)) else str(value)
        for name, value in values.items()
        if value is not None
    }


def _parent(run_id: str | None) -> Context | None:
    """Where a span belongs: None means below the one that is open in this thread, if one is."""
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
        TraceContextTextMapPropagator,
    )

    if trace.get_current_span().get_span_context().is_valid:
        return None
    if run_id is not None:
        return _of_run(run_id)
    carrier = {_PARENT.lower(): os.environ.get(_PARENT, "")}
    return TraceContextTextMapPropagator().extract(carrier)


def _of_run(run_id: str) -> Context:
    """The context of a run's span, which may be open in another process."""
    from opentelemetry import trace  # noqa: PLC0415

    tracer_provider, _ = provider()
    trace_id, span_id = run_ids(run_id)
    decision: Any = tracer_provider.sampler.should_sample(None, trace_id, "run").decision
    kept = decision.is_sampled()
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if kept else trace.TraceFlags.DEFAULT)
    remote = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(remote))
