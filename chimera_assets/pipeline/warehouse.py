"""The layers that dbt makes: staging views, marts and aggregates, with their tests as checks."""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
from packaging.version import Version

from chimera_assets.hours import HourRange
from chimera_assets.pipeline.column_lineage import column_lineage
from chimera_assets.pipeline.dbt_manifest import dbt_project
from chimera_assets.pipeline.hourly import HOURLY, ONE_RUN, hours_of
from chimera_assets.pipeline.lakehouse import open_lake
from chimera_assets.pipeline.retries import retried
from chimera_assets.settings import get_settings

OWNER = "team:data-platform"


class Translator(DagsterDbtTranslator):
    """Names, groups and partitions of dbt models as Dagster assets."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`[layer, table]`: the model's schema and name."""
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer; staging views stand apart from the staged tables they read."""
        return str(dbt_resource_props["schema"])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:  # noqa: ARG002
        """The team that keeps the models."""
        return [OWNER]

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


@dbt_assets(
    manifest=dbt_project().manifest_path,
    project=dbt_project(),
    name="warehouse",
    dagster_dbt_translator=TRANSLATOR,
    backfill_policy=ONE_RUN,
    pool="warehouse",
)
@retried
def warehouse(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """Build the selected models for the run's hours, then their tests."""
    hours = hours_of(context) if context.has_partition_key_range else None
    with dbt_environment(hours):
        invocation = dbt.cli(["build", "--exclude-resource-type", "unit_test"], context=context)
    for event in invocation.stream():
        if isinstance(event, dg.Output):
            key = context.asset_key_for_output(event.output_name)
            told = _table_metadata(key, hours)
            if hours is None or len(hours) == 1:
                told |= _lineage_metadata(
                    str(event.metadata["unique_id"].value), invocation.target_path
                )
            yield event.with_metadata({**event.metadata, **told})
        else:
            yield event
    shutil.rmtree(invocation.target_path, ignore_errors=True)  # of a failed run it is kept


@contextlib.contextmanager
def dbt_environment(hours: HourRange | None = None) -> Iterator[None]:
    """The environment that dbt is started with: the run's hours, the lake, where to write.

    By dbt's `--vars` the hours would make it parse the whole project again for every new one.
    """
    told = (
        {
            "CHIMERA_DBT_START_HOUR": hours.start.isoformat(),
            "CHIMERA_DBT_END_HOUR": hours.end.isoformat(),
        }
        if hours is not None
        else {}
    )
    places = {
        "CHIMERA_LAKE_URI": get_settings().resolved_lake_uri,
        # dbt starts from the parsed project that lies there, and writes beside it.
        "DBT_TARGET_PATH": str(dbt_project().target_path),
    }
    before = dict(os.environ)
    os.environ.update(told | places)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


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
    lineage = column_lineage(_manifest(), unique_id, target / "compiled")
    return {"dagster/column_lineage": lineage} if lineage is not None else {}


@lru_cache(maxsize=1)
def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(dbt_project().manifest_path.read_text())
    return manifest


class InstalledDbt(DbtCliResource):
    """The dbt command line, without what dagster-dbt does in our process and we don't use.

    It would start dbt once more to ask for its version, and set up an adapter to ask the database
    for columns; each takes seconds of every hour.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:  # noqa: ANN401, ARG002
        return None


def dbt_resource() -> DbtCliResource:
    """The dbt command line on our project: the one installed beside this Python."""
    beside = Path(sys.executable).with_name("dbt")
    executable = str(beside) if beside.exists() else "dbt"
    project: Any = dbt_project()  # a validator of DbtCliResource takes it apart
    return InstalledDbt(project_dir=project, dbt_executable=executable)
