"""The layers that dbt makes: staging views, marts and aggregates, with their tests as checks."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import dagster as dg

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import open_lake
from chimera_assets.orchestration.assets.shared_builds import SHARED_BUILDS
from chimera_assets.orchestration.dagster_dbt import DbtCoreCliEventMessage, DbtProject
from chimera_assets.orchestration.dbt_translator import TRANSLATOR
from chimera_assets.orchestration.partitions import ONE_RUN, step_of
from chimera_assets.orchestration.runs.retries import retried
from chimera_assets.orchestration.runs.tags import hours_of_tags
from chimera_assets.orchestration.table_metadata import (
    note_hours,
    note_last,
    preview,
    whole_table,
)
from chimera_assets.system_tables.column_lineage import column_lineages
from chimera_assets.tracing import span
from chimera_assets.warehouse.dbt_messages import NodeEnded
from chimera_assets.warehouse.dbt_project import (
    linked_project,
    manifest,
    parsed_project,
)
from chimera_assets.warehouse.dbt_run import DbtRun, DbtUnable
from chimera_assets.warehouse.model_groups import ModelGroup, active_groups, hourly_models

#: Where dagster-dbt keeps dbt's id of a model or test.
DBT_ID = "dagster_dbt/unique_id"

#: After all other steps that could begin, so that one start of dbt builds all that it can.
_LAST = {"dagster/priority": "-1"}

_PROJECT = DbtProject(project_dir=linked_project(), target_path=parsed_project())


def _built_together(group: ModelGroup) -> dg.AssetsDefinition:
    """The assets of a group of models."""

    @dg.multi_asset(
        name=group.name,
        specs=(specs := _specs(group)),
        check_specs=_check_specs(group, specs),
        can_subset=True,
        backfill_policy=ONE_RUN,
        pool="warehouse",
        op_tags=_LAST,
    )
    @retried
    def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        built = SHARED_BUILDS.take(context.run_id, group.name)
        for result in _built(context, group) if built is None else built:
            yield from _events(context, result)

    return build


def _specs(group: ModelGroup) -> list[dg.AssetSpec]:
    return [
        TRANSLATOR.get_asset_spec(manifest(), model, _PROJECT) for model in sorted(group.models)
    ]


def _check_specs(group: ModelGroup, specs: Sequence[dg.AssetSpec]) -> list[dg.AssetCheckSpec]:
    """The checks that the group's tests are, each on the model that the test is for."""
    children = manifest()["child_map"]
    found = (
        TRANSLATOR.get_asset_check_spec(spec, manifest(), test, _PROJECT)
        for spec in specs
        for test in sorted(group.tests & set(children[spec.metadata[DBT_ID]]))
    )
    return [spec for spec in found if spec is not None]


def _built(context: dg.AssetExecutionContext, group: ModelGroup) -> Iterator[NodeEnded]:
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
) -> Iterator[NodeEnded]:
    """Start dbt for a group and others; gives the group's results and keeps theirs."""
    hours = hours_of_tags(context.run.tags)  # `has_partition_key_range` is false for one hour
    nodes = {one.name: _nodes(context, one) for one in (group, *others)}
    step_of = {node: step for step, those in nodes.items() for node in those}
    found: dict[str, list[NodeEnded]] = {step: [] for step in nodes}
    arguments = ["build", "--exclude-resource-type", "unit_test", "--indirect-selection", "empty"]
    run = DbtRun([*arguments, "--select", " ".join(map(_name, step_of))], hours, context.run_id)
    try:
        with span("transform", run_id=context.run_id, hours=hours):
            for result in run.node_results(matter=nodes[group.name]):
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


def _events(context: dg.AssetExecutionContext, result: NodeEnded) -> Iterator[Any]:
    """What is reported to Dagster of a node: a table with what is known of it, or a test."""
    message = DbtCoreCliEventMessage(raw_event=result.event, event_history_metadata={})
    for event in message.to_default_asset_events(manifest(), TRANSLATOR, context, project=_PROJECT):
        if isinstance(event, dg.Output):
            yield event.with_metadata(
                {"seconds": round(result.seconds, 3), **_shown(context, result)}
            )
        else:
            yield event


def _shown(context: dg.AssetExecutionContext, result: NodeEnded) -> dict[str, Any]:
    """What is shown of a model's table, or view; what belongs to single hours is noted."""
    key = TRANSLATOR.get_asset_key(manifest()["nodes"][result.node])
    table = open_lake().table(*key.path)
    kept = table.exists()
    shown = {**whole_table(table), "version": table.version()} if kept else {}
    lineage = _lineage_metadata(result)
    show = partial(preview, lineages=column_lineages(open_lake()))
    hours = hours_of_tags(context.run.tags) if result.node in hourly_models() else None
    if hours is not None and kept and set(HOUR_COLUMNS) <= set(table.partition_columns()):
        note_hours(step_of(context), key, table, hours, show=show)
        note_last(step_of(context), key, hours, lineage)
        return shown
    once = {**lineage, **(show(table) if kept else {})}
    if hours is None:
        return shown | once
    note_last(step_of(context), key, hours, once)
    return shown


def _lineage_metadata(result: NodeEnded) -> dict[str, Any]:
    """The model's column lineage as far as its SQL was followed, for the catalogue."""
    columns = result.lineage.columns if result.lineage is not None else {}
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
