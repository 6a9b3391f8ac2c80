"""OpenLineage events of each run, sent by OpenLineage's own client; off unless it is set up.

The client reads `OPENLINEAGE_URL`, `OPENLINEAGE_CONFIG` or `OPENLINEAGE__TRANSPORT__...`. It is not
imported while none of them is set. Events are sent in the background; the end of a run waits for
them five seconds at most, and what goes wrong is a warning, once a run.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dagster import DagsterEventType

from chimera_assets.contracts import known_contracts
from chimera_assets.errors import one_line, without_userinfo
from chimera_assets.lake import open_lake
from chimera_assets.lineage.run_events import TracedRun, World, Written, run_event
from chimera_assets.orchestration.runs.causes import INTERRUPTED
from chimera_assets.orchestration.runs.tags import hours_of_tags
from chimera_assets.orchestration.runs.wrapped_executor import around_runs
from chimera_assets.orchestration.table_metadata import HOUR_BYTES, HOUR_ROWS
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.settings import get_settings
from chimera_assets.system_tables.column_lineage import column_lineages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dagster import AssetMaterialization, ExecutorDefinition
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from openlineage.client.event_v2 import RunEvent

_SETTINGS = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG")
_TRANSPORT = "OPENLINEAGE__TRANSPORT"

_WAIT_SECONDS = 5.0

_INSTALL = "the package openlineage-python is missing: pip install 'chimera-assets[openlineage]'"


def is_on() -> bool:
    """Whether a transport is set, and OpenLineage not switched off by its own variable."""
    off = os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true"
    named = any(os.environ.get(name) for name in _SETTINGS)
    return not off and (named or any(name.startswith(_TRANSPORT) for name in os.environ))


def run_with_lineage_events(definition: ExecutorDefinition) -> ExecutorDefinition:
    """The executor, with events of each run; the same executor while they are off."""
    return around_runs(definition, _events) if is_on() else definition


class _Outcome:
    """What went wrong with a run, the first thing."""

    def __init__(self) -> None:
        self.kind: str | None = None

    def fail(self, kind: str) -> None:
        self.kind = self.kind or kind

    @property
    def state(self) -> str:
        if self.kind is None:
            return "COMPLETE"
        return "ABORT" if self.kind in {INTERRUPTED, "KeyboardInterrupt"} else "FAIL"


@contextmanager
def _events(started: PlanOrchestrationContext) -> Iterator[_Outcome]:
    outcome, sender = _Outcome(), Sender(started.log.warning)
    run = started.dagster_run
    traced = TracedRun(run.run_id, run.job_name, hours_of_tags(run.tags), _tables(started))
    sender.send(lambda: run_event("START", datetime.now(UTC), traced, _world()))
    try:
        yield outcome
    except BaseException as error:
        outcome.fail(type(error).__name__)
        raise
    finally:
        sender.send(
            lambda: run_event(outcome.state, datetime.now(UTC), traced, _world(), _written(started))
        )
        sender.finish()


def _world() -> World:
    lake, settings = open_lake(), get_settings()
    return World(lake, known_contracts(), column_lineages(lake), source_database_url(settings))


def _tables(started: PlanOrchestrationContext) -> tuple[tuple[str, str], ...]:
    """The tables that a run is to write, by the assets that were chosen."""
    layer = started.job.get_definition().asset_layer
    chosen = started.dagster_run.asset_selection or layer.executable_asset_keys
    return tuple(sorted((key.path[0], key.path[1]) for key in chosen if len(key.path) > 1))


def _written(started: PlanOrchestrationContext) -> dict[tuple[str, str], Written]:
    """What a run wrote, by what its steps reported, all hours together."""
    logged = started.instance.all_logs(
        started.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION
    )
    events = (entry.get_dagster_event() for entry in logged)
    found: dict[tuple[str, str], Written] = {}
    for event in events:
        made: AssetMaterialization = event.step_materialization_data.materialization
        if len(made.asset_key.path) > 1:
            key = (made.asset_key.path[0], made.asset_key.path[1])
            before = found.get(key, Written(None, None))
            rows, size = _number(made, HOUR_ROWS), _number(made, HOUR_BYTES)
            found[key] = Written(_sum(before.rows, rows), _sum(before.bytes, size))
    return found


def _number(made: AssetMaterialization, name: str) -> int | None:
    value: Any = getattr(made.metadata.get(name), "value", None)
    return value if isinstance(value, int) else None


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


class Sender:
    """Sends events in the background, one after the other.

    Args:
        warn: Told of the first thing that goes wrong; nothing else is.
    """

    def __init__(self, warn: Callable[[str], object]) -> None:
        self._warn, self._warned = warn, False
        self._events: queue.Queue[RunEvent | None] = queue.Queue()
        self._thread = threading.Thread(target=self._send_all, daemon=True)
        self._thread.start()

    def send(self, make: Callable[[], RunEvent]) -> None:
        """Make an event and send it, as soon as those before it are sent."""
        try:
            self._events.put(make())
        except ModuleNotFoundError:
            self._say(_INSTALL)
        except Exception as error:  # noqa: BLE001 - no run fails by what is told of it
            self._say(f"no event could be made ({type(error).__name__})")

    def finish(self) -> None:
        """Wait a little for what is not sent yet."""
        self._events.put(None)
        self._thread.join(_WAIT_SECONDS)
        if self._thread.is_alive():
            self._say("its endpoint does not answer; events were left out")

    def _send_all(self) -> None:
        client: Any = None
        while (event := self._events.get()) is not None:
            try:
                if client is None:
                    from openlineage.client import OpenLineageClient  # noqa: PLC0415 - if it is on

                    logging.getLogger("openlineage").setLevel(logging.CRITICAL)  # `warn` says it
                    client = OpenLineageClient()
                client.emit(event)
            except Exception as error:  # noqa: BLE001 - no run fails by what is told of it
                self._say(f"an event could not be sent ({one_line(str(error), 200)})")

    def _say(self, what: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(f"OpenLineage: {without_userinfo(what)}. The run goes on without.")
