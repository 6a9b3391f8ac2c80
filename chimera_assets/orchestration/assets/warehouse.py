"""The layers that dbt makes: staging views, marts and aggregates, with their tests as checks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtProject, dbt_assets
from dagster_dbt.asset_utils import get_subset_selection_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from chimera_assets.hours import HourRange
from chimera_assets.lake import open_lake
from chimera_assets.orchestration.assets.column_lineage import column_lineage
from chimera_assets.orchestration.dbt_translator import TRANSLATOR
from chimera_assets.orchestration.partitions import ONE_RUN
from chimera_assets.orchestration.runs.retries import retried
from chimera_assets.orchestration.runs.tags import hours_of_tags
from chimera_assets.tracing import span
from chimera_assets.warehouse.dbt_project import PROJECT_DIR, manifest, parsed_project
from chimera_assets.warehouse.dbt_run import DbtRun

_PROJECT = DbtProject(project_dir=PROJECT_DIR, target_path=parsed_project())


@dbt_assets(
    manifest=_PROJECT.manifest_path,
    project=_PROJECT,
    name="warehouse",
    dagster_dbt_translator=TRANSLATOR,
    backfill_policy=ONE_RUN,
    pool="warehouse",
)
@retried
def warehouse(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Build the selected models for the run's hours, then their tests."""
    hours = hours_of_tags(context.run.tags)  # `has_partition_key_range` is false for one hour
    run = DbtRun(["build", "--exclude-resource-type", "unit_test", *_selection(context)], hours)
    with span("transform", run_id=context.run_id, hours=hours):
        for result in run.node_results():
            yield from _events(context, run, result, hours)
    run.clean()


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
    """The arguments that tell dbt the assets and checks that this run is for."""
    arguments, indirect = get_subset_selection_for_context(
        context=context,
        manifest=manifest(),
        select="fqn:*",
        exclude="",
        selector="",
        dagster_dbt_translator=TRANSLATOR,
        current_dbt_indirect_selection_env=None,
    )
    return [*arguments, *(["--indirect-selection", indirect] if indirect else [])]


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
