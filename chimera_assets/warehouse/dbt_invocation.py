"""One invocation of dbt within a process that has loaded it, and what is told of it.

All that is told is plain data, so that it can be sent to the process that asked.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt_common.clients.jinja import template_cache
from google.protobuf.json_format import MessageToDict

from chimera_assets.errors import one_line
from chimera_assets.warehouse.by_hand import started_by_us
from chimera_assets.warehouse.dbt_messages import (
    SILENT,
    Ended,
    NodeEnded,
    NodeOutcome,
    Request,
    Said,
)
from chimera_assets.warehouse.dbt_project import dbt_folders, parsed_bytes, parsed_project
from chimera_assets.warehouse.lineage_log import current_lineage
from chimera_assets.warehouse.node_errors import passes, take_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dbt.cli.main import dbtRunnerResult


#: dbt's events with the result of a node.
_RESULTS = frozenset({"LogModelResult", "LogTestResult"})


@dataclass(frozen=True, slots=True)
class ReadProject:
    """The parsed project, as dbt works with it.

    Attributes:
        source: What it was read from.
        manifest: Changed by dbt while it runs, and so good for one invocation.
    """

    source: bytes
    manifest: Manifest

    @classmethod
    def read(cls) -> ReadProject:
        """Read the project as it is now."""
        source = parsed_bytes()
        manifest: Manifest = Manifest.from_msgpack(source)
        manifest.build_flat_graph()
        return cls(source, manifest)

    def compile_macros(self) -> None:
        """Have those macros compiled that will surely be called, which each would be then."""
        macros, nodes = self.manifest.macros, self.manifest.nodes.values()
        left = [name for node in nodes for name in node.depends_on.macros]
        made_by = {f"materialization_{node.config.materialized}_" for node in nodes}
        left += [id_ for id_, macro in macros.items() if macro.name.startswith(tuple(made_by))]
        seen: set[str] = set()
        while left:
            if (name := left.pop()) in macros and name not in seen:
                seen.add(name)
                template_cache.get_node_template(macros[name])
                left += macros[name].depends_on.macros

    def prepare_dbt(self) -> None:
        """Have dbt load its adapter and work out the schemas of its own files: once a process.

        It is asked for a list of nothing, since no other command does that much and no more.
        """
        places = ("--target-path", folder := str(parsed_project()), "--log-path", folder)
        nothing = ("ls", "--quiet", "--select", "path:nothing")
        manifest = Manifest.from_msgpack(self.source)
        dbtRunner(manifest).invoke([*SILENT, *nothing, *places, *dbt_folders()])

    def current(self) -> ReadProject:
        """This one, unless the project was parsed again since."""
        return self if parsed_bytes() == self.source else self.read()


def invoke(
    request: Request, tell: Callable[[Said | NodeEnded], None], project: ReadProject | None = None
) -> Ended:
    """Run a command of dbt's over our project.

    Args:
        request: What is asked; without where the project is.
        tell: Told what dbt says, and of each model and test that ends, by whichever of its threads.
        project: The project, if it was read ahead.
    """

    def pass_on(event: Any) -> None:  # noqa: ANN401
        if event.info.level != "debug":
            tell(Said(event.info.msg))
        if event.info.name in _RESULTS:
            tell(_node_ended(MessageToDict(event, preserving_proto_field_name=True)))

    read = project.current() if project is not None else ReadProject.read()
    with started_by_us(), _environment(request.variables):
        take_errors()
        try:
            runner = dbtRunner(read.manifest, callbacks=[pass_on])
            return _ended(runner.invoke([*request.arguments, *dbt_folders()]), take_errors())
        finally:
            # The engine's database lives in memory, and would for as long as the process.
            DuckDBConnectionManager.close_all_connections()


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
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


def _node_ended(event: dict[str, Any]) -> NodeEnded:
    relation = event["data"]["node_info"].get("node_relation", {})
    return NodeEnded(event, current_lineage(relation.get("schema", ""), relation.get("alias", "")))


def _ended(result: dbtRunnerResult, raised: Mapping[str, BaseException]) -> Ended:
    if result.exception is not None or result.result is None:
        words = one_line(str(result.exception))
        hook = next((error for node, error in raised.items() if _is_hook(node)), None)
        return Ended(unable=words, unable_passes=passes(words, hook))
    return Ended(
        tuple(
            NodeOutcome(
                one.node.unique_id,
                f"{one.node.resource_type} {one.node.name}",
                str(one.status),
                words := one_line(str(one.message)),
                passes=passes(words, raised.get(one.node.unique_id)),
            )
            for one in result.result.results
        ),
        success=result.success,
    )


def _is_hook(node_id: str) -> bool:
    return node_id.startswith("operation.")
