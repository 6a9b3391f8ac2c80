"""The layers that dbt makes: staging views, marts and aggregates, with their tests as checks."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from chimera_assets.contracts import contracts, known_contracts
from chimera_assets.hours import HourRange
from chimera_assets.lake import open_lake
from chimera_assets.orchestration.assets.column_lineage import column_lineage
from chimera_assets.orchestration.partitions import HOURLY, ONE_RUN
from chimera_assets.orchestration.runs.retries import retried
from chimera_assets.orchestration.runs.tags import hours_of_tags
from chimera_assets.tracing import span
from chimera_assets.warehouse.dbt_project import (
    linked_project,
    manifest,
    pack_of_model,
    parsed_project,
)
from chimera_assets.warehouse.dbt_run import DbtRun
from chimera_assets.warehouse.model_groups import ModelGroup, model_groups

#: Where dagster-dbt keeps dbt's id of a model or test.
DBT_ID = "dagster_dbt/unique_id"


class Translator(DagsterDbtTranslator):
    """Names, groups and partitions of dbt models as Dagster assets."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`[layer, table]`: the model's schema and name."""
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer; staging views stand apart from the staged tables they read."""
        return str(dbt_resource_props["schema"])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """The team that keeps the model's pack."""
        return [f"team:{pack_of_model(dbt_resource_props).owner}"]

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """The columns as described, and the name of the lake's table, not of the engine's."""
        name = f"{dbt_resource_props['schema']}.{dbt_resource_props['name']}"
        return {**super().get_metadata(dbt_resource_props), "dagster/table_name": name}

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The spec, with where the rows are kept beside what made them."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        kept = manifest["nodes"].get(unique_id, {}).get("config", {}).get("materialized") == "delta"
        return spec.replace_attributes(kinds={"dbt", "duckdb", "deltalake"}) if kept else spec

    def get_partitions_def(
        self, dbt_resource_props: Mapping[str, Any]
    ) -> dg.PartitionsDefinition | None:
        """Hourly for models that are replaced hour by hour; views and dimensions have none."""
        by_hour = dbt_resource_props.get("config", {}).get("strategy") == "hours"
        return HOURLY if by_hour else None


TRANSLATOR = Translator()
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
    """What Dagster is told of a node: a table with what its last commit says, or a test."""
    message = DbtCoreCliEventMessage(raw_event=result, event_history_metadata={})
    for event in message.to_default_asset_events(
        manifest(), TRANSLATOR, context, run.target, _PROJECT
    ):
        if isinstance(event, dg.Output):
            key = context.asset_key_for_output(event.output_name)
            told = _table_metadata(key, hours)
            if hours is None or len(hours) == 1:
                told |= _lineage_metadata(str(event.metadata["unique_id"].value), run.target)
            yield event.with_metadata({**event.metadata, **told})
        else:
            yield event


def _selection(context: dg.AssetExecutionContext) -> list[str]:
    """The arguments that tell dbt the assets and checks that this run is for, each by name."""
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
    told: dict[str, Any] = {"version": table.version()}
    if "num_added_rows" in metrics:
        told["dagster/row_count"] = int(metrics["num_added_rows"])
    if hours is None or len(hours) == 1:
        told["dagster/uri"] = table.uri
    return told


def _lineage_metadata(unique_id: str, target: Path) -> dict[str, Any]:
    """The model's column lineage, for the catalogue."""
    lineage = column_lineage(manifest(), unique_id, target / "compiled")
    return {"dagster/column_lineage": lineage} if lineage is not None else {}


def _assets() -> list[dg.AssetsDefinition]:
    """The models' assets, a step for each group of models that read the same streams."""
    known = known_contracts()
    references = [name for name, one in known.items() if one.kind == "reference"]
    return [_built_together(one) for one in model_groups(manifest(), contracts(), references)]


WAREHOUSE = _assets()
WAREHOUSE_KEYS = frozenset(key for assets in WAREHOUSE for key in assets.keys)
