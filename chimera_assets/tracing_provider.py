"""What makes and sends this process's spans; off unless OTEL_EXPORTER_OTLP_ENDPOINT is set.

Everything else is set by OpenTelemetry's standard variables. Nothing is imported while tracing is
off, and nothing is waited for that does not answer: spans are sent in the background, and the end
of a run waits for them two seconds at most.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

_FLUSH_SECONDS = 2.0

_making = threading.Lock()


def is_on() -> bool:
    """Whether an endpoint is set, and tracing not switched off by the standard variables."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    off = off or os.environ.get("OTEL_TRACES_EXPORTER", "").lower() == "none"
    return not off and any(os.environ.get(name) for name in _ENDPOINTS)


def run_ids(run_id: str) -> tuple[int, int]:
    """The ids of a run's trace and span; a run's id is a UUID, as long as a trace's."""
    span_id = int.from_bytes(hashlib.sha256(run_id.encode()).digest()[:8], "big")
    return UUID(run_id).int, span_id


def provider() -> tuple[TracerProvider, Any]:
    """The provider of this process, and what gives it ids."""
    with _making:  # the first two spans of a process may be those of two threads
        return _made()


@lru_cache(maxsize=1)
def _made() -> tuple[TracerProvider, Any]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415

    class Ids(RandomIdGenerator):
        """Random ids; for a run's own span those that follow from the run."""

        _lock = threading.RLock()
        _run_id: str | None = None

        @contextlib.contextmanager
        def of_run(self, run_id: str | None) -> Iterator[None]:
            with self._lock:
                self._run_id = run_id
                try:
                    yield
                finally:
                    self._run_id = None

        def generate_trace_id(self) -> int:
            return run_ids(self._run_id)[0] if self._run_id else super().generate_trace_id()

        def generate_span_id(self) -> int:
            return run_ids(self._run_id)[1] if self._run_id else super().generate_span_id()

    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "unknown_service")).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "chimera-assets"}))
    ids = Ids()
    # Not at exit, where sending to what does not answer would hold up the process.
    made = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made, ids


class CountedSpan:
    """Around every span: when the process has none open any more, what it has is sent."""

    _lock = threading.Lock()
    _open = 0
    _answers = True

    def __enter__(self) -> None:
        with self._lock:
            CountedSpan._open += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            CountedSpan._open -= 1
            last = CountedSpan._open == 0
        if last and self._answers:
            CountedSpan._answers = _flushed()


def _flushed() -> bool:
    """Send what waits; False if that took too long. The SDK's own timeout is not kept by it."""
    tracer, _ = provider()
    sending = threading.Thread(target=tracer.force_flush, daemon=True)
    sending.start()
    sending.join(_FLUSH_SECONDS)
    return not sending.is_alive()
