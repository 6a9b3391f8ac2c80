"""dbt in this process, over our project.

As a process of its own it costs seconds of every hour: to start, to parse the project, to end. Here
it gets the parsed project, and the result of each node is passed on as it comes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chimera_assets.errors import ChimeraError, one_line
from chimera_assets.settings import get_settings
from chimera_assets.transient import dbt_is_transient, is_transient
from chimera_assets.warehouse.by_hand import started_by_us
from chimera_assets.warehouse.dbt_project import dbt_folders, parsed_bytes
from chimera_assets.warehouse.node_errors import take_errors

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

    from chimera_assets.hours import HourRange

#: dbt's events with the result of a node.
_RESULTS = frozenset({"LogModelResult", "LogTestResult"})

#: So many failed nodes are named in an error.
_NAMED = 5

#: Parts, in a message, the names of what failed from what is said of it.
_IN_OTHER_WORDS = "; in the engine's words: "

#: dbt keeps its adapters and flags once a process.
_ONE_AT_A_TIME = threading.Lock()


class DbtFailed(ChimeraError):  # noqa: N818 - the result of a run, not a mistake of a caller
    """Nodes failed; worth another try if the storage was to blame for all of them.

    The message names them; then the engine's words follow, without values of rows as far as these
    are known, see `warehouse/dbt_cursor.py`. `safe_part` gives the names alone.

    Args:
        nodes: What failed, `model fact_orders` for instance, and the engine's words.
        target: The folder with dbt's log and the compiled SQL.
        raised: What the lake plugin raised for any of them; for the others only words are known.
    """

    def __init__(
        self,
        nodes: Mapping[str, str],
        target: Path,
        raised: Mapping[str, BaseException] | None = None,
    ) -> None:
        named = list(nodes)[:_NAMED]
        more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
        words = "; ".join(f"{name}: {nodes[name]}" for name in named)
        super().__init__(
            f"dbt failed: {', '.join(named)}{more}{_IN_OTHER_WORDS}{words}; "
            f"dbt's log and the compiled SQL are in {target}"
        )
        known = raised or {}
        self.transient = bool(nodes) and all(
            _passes(words, known.get(name)) for name, words in nodes.items()
        )

    @staticmethod
    def safe_part(message: str) -> str | None:
        """The part of a kept message that only names what failed; None if it cannot be told."""
        safe, marked, _ = message.partition(_IN_OTHER_WORDS)
        return safe if marked else None


class DbtUnable(ChimeraError):  # noqa: N818 - as above
    """dbt could not even begin with its nodes.

    Args:
        words: dbt's message.
        raised: What the lake plugin raised while it made the lake known to dbt, if it did.
    """

    def __init__(self, words: str, raised: BaseException | None = None) -> None:
        super().__init__(f"dbt could not run: {one_line(words)}")
        self.transient = _passes(words, raised)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How an invocation ended: dbt's result, and what the lake plugin raised, by node."""

    result: dbtRunnerResult
    raised: Mapping[str, BaseException]


class DbtRun:
    """One invocation of dbt.

    Args:
        arguments: A command of dbt's and its options, `["build", "--select", "…"]`.
        hours: The hours it is for; none for all.
    """

    def __init__(self, arguments: Sequence[str], hours: HourRange | None = None) -> None:
        self._hours = hours
        #: The folder of what dbt writes: compiled SQL and its log. Kept if the run fails.
        self.target: Path = get_settings().home_folder("dbt") / f"run-{uuid4().hex[:12]}"
        places = ["--target-path", str(self.target), "--log-path", str(self.target)]
        self._arguments = ["--no-write-json", *arguments, *dbt_folders(), *places]

    def node_results(self, matter: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
        """Run; each node's result event as dbt's JSON log has it, as soon as there is one.

        Args:
            matter: The nodes whose failure is raised; None for all.

        Raises:
            DbtFailed: A node failed; names it, with the engine's own words.
            DbtUnable: dbt itself could not run.
        """
        events: SimpleQueue[dict[str, Any] | _Ended | BaseException] = SimpleQueue()

        def invoke() -> None:
            try:
                events.put(self._invoke(events))
            except BaseException as error:  # noqa: BLE001 - raised by the reader
                events.put(error)

        # In a thread of its own, so that results can be passed on while dbt goes on. If the
        # reader is interrupted, the process ends, and dbt with it: commits are atomic.
        threading.Thread(target=invoke, name="dbt", daemon=True).start()
        while isinstance(found := events.get(), dict):
            yield found
        if isinstance(found, BaseException):
            raise found
        _raise_if_failed(found, self.target, matter)

    def results(self) -> RunExecutionResult:
        """Run to the end, whatever fails on the way.

        Raises:
            DbtUnable: dbt itself could not run.
        """
        ended = self._invoke()
        if ended.result.exception is not None:
            _raise_if_failed(ended, self.target)
        return ended.result.result

    def clean(self) -> None:
        """Delete what dbt wrote."""
        shutil.rmtree(self.target, ignore_errors=True)

    def _invoke(self, events: SimpleQueue[Any] | None = None) -> _Ended:
        from dbt.adapters.duckdb.connections import (  # noqa: PLC0415 - slow, see dbt_project
            DuckDBConnectionManager,
        )
        from dbt.cli.main import dbtRunner  # noqa: PLC0415
        from google.protobuf.json_format import MessageToDict  # noqa: PLC0415

        def pass_on(event: Any) -> None:  # noqa: ANN401
            if events is not None and event.info.name in _RESULTS:
                events.put(MessageToDict(event, preserving_proto_field_name=True))

        with _ONE_AT_A_TIME, started_by_us(), dbt_environment(self._hours):
            take_errors()
            try:
                result = dbtRunner(_parsed(), callbacks=[pass_on]).invoke(self._arguments)
                return _Ended(result, take_errors())
            finally:
                # The engine's database lives in memory, and would for as long as the process.
                DuckDBConnectionManager.close_all_connections()


@contextlib.contextmanager
def dbt_environment(hours: HourRange | None = None) -> Iterator[None]:
    """The environment in which dbt runs: the run's hours and the lake.

    By dbt's `--vars` the hours would make it parse the whole project again for every new one.
    """
    variables = {"CHIMERA_LAKE_URI": get_settings().resolved_lake_uri}
    if hours is not None:
        variables["CHIMERA_DBT_START_HOUR"] = hours.start.isoformat()
        variables["CHIMERA_DBT_END_HOUR"] = hours.end.isoformat()
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _parsed() -> Manifest:
    """A copy of the parsed project, as dbt changes it while it runs."""
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415 - slow, see dbt_project

    manifest: Manifest = Manifest.from_msgpack(parsed_bytes())
    manifest.build_flat_graph()
    return manifest


def _raise_if_failed(ended: _Ended, target: Path, matter: Collection[str] | None = None) -> None:
    result = ended.result
    if result.success:
        return
    if result.exception is not None or result.result is None:
        hook = next((error for node, error in ended.raised.items() if _is_hook(node)), None)
        raise DbtUnable(str(result.exception), hook) from result.exception
    failed: dict[str, str] = {}
    raised: dict[str, BaseException] = {}
    for one in result.result.results:
        if one.status not in {"error", "fail", "runtime error"}:
            continue
        if matter is not None and one.node.unique_id not in matter:
            continue
        name = f"{one.node.resource_type} {one.node.name}"
        failed[name] = one_line(str(one.message))
        if (error := ended.raised.get(one.node.unique_id)) is not None:
            raised[name] = error
    if failed or matter is None:
        raise DbtFailed(failed, target, raised)


def _is_hook(node_id: str) -> bool:
    return node_id.startswith("operation.")


def _passes(words: str, raised: BaseException | None) -> bool:
    """Whether a fault passes: by what our plugin raised, else by an engine's words."""
    return is_transient(raised) if raised is not None else dbt_is_transient(words)
