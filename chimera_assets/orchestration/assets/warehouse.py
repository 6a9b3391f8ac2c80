"""The layers that dbt makes: staging views, marts and aggregates, with their tests as checks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtProject, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from chimera_assets.hours import HourRange
from chimera_assets.lake import open_lake
from chimera_assets.orchestration.assets.column_lineage import column_lineage
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
from chimera_assets.warehouse.dbt_run import DbtRun
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
        hours = hours_of_tags(context.run.tags)  # `has_partition_key_range` is false for one hour
        run = DbtRun(["build", "--exclude-resource-type", "unit_test", *_selection(context)], hours)
        with span("transform", run_id=context.run_id, hours=hours):
            for result in run.node_results():
                yield from _events(context, run, result, hours)
        run.clean()

    return build


def _name(unique_id: str) -> str:
    name: str = manifest()["nodes"][unique_id]["name"]
    return name


def _events(
    context: dg.AssetExecutionContext, run: DbtRun, result: dict[str, Any], hours: HourRange | None
) -> Iterator[Any]:
    """What is reported to Dagster of a node: a table with what its last commit says, or a test."""
    message = DbtCoreCliEventMessage(raw_event=result, event_history_metadata={})
    for event in message.to_default_asset_events(
        manifest(), TRANSLATOR, context, run.target, _PROJECT
    ):
        if isinstance(event, dg.Output):
            key = context.asset_key_for_output(event.output_name)
            shown = _table_metadata(key, hours)
            if hours is None or len(hours) == 1:
                shown |= _lineage_metadata(str(event.metadata["unique_id"].value), run.target)
            yield event.with_metadata({**event.metadata, **shown})
        else:
            yield event


def _selection(context: dg.AssetExecutionContext) -> list[str]:
    """The arguments that select the assets and checks of this run in dbt, each by name."""
    keys, checks = context.selected_asset_keys, context.selected_asset_check_keys
    definition = context.assets_def
    specs = [spec for spec in definition.specs if spec.key in keys]
    tests = [spec for spec in definition.check_specs if spec.key in checks]
    names = [_name(spec.metadata[DBT_ID]) for spec in (*specs, *tests)]
    return ["--select", " ".join(names), "--indirect-selection", "empty"]


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


def _lineage_metadata(unique_id: str, target: Path) -> dict[str, Any]:
    """The model's column lineage, for the catalogue."""
    lineage = column_lineage(manifest(), unique_id, target / "compiled")
    return {"dagster/column_lineage": lineage} if lineage is not None else {}


#: A step for each group of models that read the same streams.
WAREHOUSE = [_built_together(group) for group in active_groups()]
WAREHOUSE_KEYS = frozenset(key for assets in WAREHOUSE for key in assets.keys)
