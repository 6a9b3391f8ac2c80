"""What dbt's models are in Dagster: their asset keys, groups, owners and partitions."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from chimera_assets.orchestration.dagster_dbt import DagsterDbtTranslator, DbtProject
from chimera_assets.orchestration.partitions import HOURLY_PARTITIONS
from chimera_assets.warehouse.dbt_project import pack_of_model
from chimera_assets.warehouse.model_groups import hourly_models

#: Where dagster-dbt keeps objects for its own command line, which is not used here: on the pages
#: they are names of classes, "unserializable".
_OBJECTS = {f"dagster_dbt/{name}" for name in ("manifest", "dagster_dbt_translator", "project")}


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

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """What the model is; its SQL is in the metadata, as the catalogue shows this in a line."""
        return str(dbt_resource_props.get("description") or "")

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """The columns as described, the name of the lake's table, not the engine's, and the SQL."""
        name = f"{dbt_resource_props['schema']}.{dbt_resource_props['name']}"
        sql = dbt_resource_props.get("raw_code") or ""
        return {
            **super().get_metadata(dbt_resource_props),
            "dagster/table_name": name,
            "SQL": dg.MetadataValue.md(f"```sql\n{sql.strip()}\n```"),
        }

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The spec, with where the rows are kept beside what made them."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        shown = {key: value for key, value in spec.metadata.items() if key not in _OBJECTS}
        spec = spec.replace_attributes(metadata=shown)
        kept = manifest["nodes"].get(unique_id, {}).get("config", {}).get("materialized") == "delta"
        return spec.replace_attributes(kinds={"dbt", "duckdb", "deltalake"}) if kept else spec

    def get_partitions_def(
        self, dbt_resource_props: Mapping[str, Any]
    ) -> dg.PartitionsDefinition | None:
        """Hourly for whatever is made from streams; none for what reference tables make."""
        hourly = dbt_resource_props["unique_id"] in hourly_models()
        return HOURLY_PARTITIONS if hourly else None


TRANSLATOR = Translator()
