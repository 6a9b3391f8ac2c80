"""The layers that dbt makes: staging views, marts and aggregates, with their tests as checks."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DbtProject, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from chimera_assets.hours import HourRange
from chimera_assets.lake import open_lake
from chimera_assets.orchestration.assets.shared_builds import SHARED_BUILDS, NodeResult
from chimera_assets.orchestration.dbt_translator import TRANSLATOR
from chimera_assets.orchestration.partitions import ONE_RUN
from chimera_assets.orchestration.runs.retries import retried
from chimera_assets.orchestration.runs.tags import hours_of_tags
from chimera_assets.tracing import span
from chimera_assets.warehouse.dbt_project import (
    linked_project,
    manifest,
    parsed_project,
)
from chimera_assets.warehouse.dbt_run import DbtRun, DbtUnable
from chimera_assets.warehouse.lineage_log import current_lineage
from chimera_assets.warehouse.model_groups import ModelGroup, active_groups

#: Where dagster-dbt keeps dbt's id of a model or test.
DBT_ID = "dagster_dbt/unique_id"

_PROJECT = DbtProject(project_dir=linked_project(), target_path=parsed_project())


def _built_together(group: ModelGroup) -> dg.AssetsDefinition:
    """The assets of a group of models."""

    @dbt_assets(
        manifest=_PROJECT.manifest_path,
        project=_PROJECT,
        select=" ".join(sorted(map(_name, group.models | group.tests))),
        name=group.name,
        dagster_dbt_translator=TRANSLATOR,
        backfill_policy=ONE_RUN,
        pool="warehouse",
    )
    @retried
    def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        built = SHARED_BUILDS.take(context.run_id, group.name)
        for result in _built(context, group) if built is None else built:
            yield from _events(context, result)

    return build


def _built(context: dg.AssetExecutionContext, group: ModelGroup) -> Iterator[NodeResult]:
    """Build a group, and whatever others can be built by the same start of dbt.

    Raises:
        DbtFailed: A node of the group failed.
        DbtUnable: dbt could not begin with the group.
    """
    others = [*_ready(context, group)]
    try:
        yield from _started(context, group, others)
    except DbtUnable:
        if not others:
            raise
        SHARED_BUILDS.build_alone(context.run_id)
        yield from _started(context, group, [])


def _started(
    context: dg.AssetExecutionContext, group: ModelGroup, others: Sequence[ModelGroup]
) -> Iterator[NodeResult]:
    """Start dbt for a group and others; gives the group's results and keeps theirs."""
    hours = hours_of_tags(context.run.tags)  # `has_partition_key_range` is false for one hour
    nodes = {one.name: _nodes(context, one) for one in (group, *others)}
    step_of = {node: step for step, those in nodes.items() for node in those}
    found: dict[str, list[NodeResult]] = {step: [] for step in nodes}
    arguments = ["build", "--exclude-resource-type", "unit_test", "--indirect-selection", "empty"]
    run = DbtRun([*arguments, "--select", " ".join(map(_name, step_of))], hours)
    try:
        with span("transform", run_id=context.run_id, hours=hours):
            for event in run.node_results(matter=nodes[group.name]):
                result = NodeResult(event, _shown(event, hours))
                found[step_of[result.node]].append(result)
                if step_of[result.node] == group.name:
                    yield result
    finally:
        for other in others:
            SHARED_BUILDS.keep(context.run_id, other.name, nodes[other.name], found[other.name])
    run.clean()


def _ready(context: dg.AssetExecutionContext, group: ModelGroup) -> Iterator[ModelGroup]:
    """The other groups of the run of which this process has staged all that they read."""
    staged = SHARED_BUILDS.shareable(context.run_id)
    steps = context.run.step_keys_to_execute
    for other in active_groups():
        if other != group and other.staged <= staged and (steps is None or other.name in steps):
            yield other


def _nodes(context: dg.AssetExecutionContext, group: ModelGroup) -> list[str]:
    """The ids of a group's models and tests that the run is for."""
    layer = context.op_execution_context.job_def.asset_layer
    return [
        node
        for definition in layer.asset_graph.assets_defs
        if definition.is_executable and definition.node_def.name == group.name
        for node in (
            *(spec.metadata[DBT_ID] for spec in definition.specs if spec.key in definition.keys),
            *(
                spec.metadata[DBT_ID]
                for spec in definition.check_specs
                if spec.key in definition.check_keys
            ),
        )
    ]


def _name(unique_id: str) -> str:
    name: str = manifest()["nodes"][unique_id]["name"]
    return name


def _events(context: dg.AssetExecutionContext, result: NodeResult) -> Iterator[Any]:
    """What is reported to Dagster of a node: a table with what its last commit says, or a test."""
    message = DbtCoreCliEventMessage(raw_event=result.event, event_history_metadata={})
    for event in message.to_default_asset_events(manifest(), TRANSLATOR, context, project=_PROJECT):
        if isinstance(event, dg.Output):
            yield event.with_metadata({**event.metadata, **result.shown})
        else:
            yield event


def _shown(event: dict[str, Any], hours: HourRange | None) -> dict[str, Any]:
    """What is shown of a model's table; nothing of a test, or of a model that was not built."""
    node = event["data"]["node_info"]
    unique_id = node["unique_id"]
    if not unique_id.startswith("model.") or node["node_status"] != "success":
        return {}
    key = TRANSLATOR.get_asset_key(manifest()["nodes"][unique_id])
    shown = _table_metadata(key, hours)
    return shown | _lineage_metadata(key) if hours is None or len(hours) == 1 else shown


def _table_metadata(key: dg.AssetKey, hours: HourRange | None) -> dict[str, Any]:
    """What the last commit of a model's table says; nothing for a view."""
    table = open_lake().table(*key.path)
    if not table.exists():
        return {}
    commit = table.history(1)[0]
    metrics = commit.get("operationMetrics", {})
    shown: dict[str, Any] = {"version": table.version()}
    if "num_added_rows" in metrics:
        shown["dagster/row_count"] = int(metrics["num_added_rows"])
    if hours is None or len(hours) == 1:
        shown["dagster/uri"] = table.uri
    return shown


def _lineage_metadata(key: dg.AssetKey) -> dict[str, Any]:
    """The model's column lineage as far as its SQL was followed, for the catalogue."""
    layer, table = key.path
    lineage = current_lineage(layer, table)
    columns = lineage.columns if lineage is not None else {}
    deps = {
        name: [
            dg.TableColumnDep(dg.AssetKey([*source[:2]]), source[2]) for source in sorted(made_of)
        ]
        for name, made_of in columns.items()
        if made_of is not None
    }
    return {"dagster/column_lineage": dg.TableColumnLineage(deps)} if deps else {}


#: A step for each group of models that read the same streams.
WAREHOUSE = [_built_together(group) for group in active_groups()]
WAREHOUSE_KEYS = frozenset(key for assets in WAREHOUSE for key in assets.keys)
