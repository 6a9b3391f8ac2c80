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

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """The check that a test is; one without a description has that of its kind of test."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None or spec.description:
            return spec
        return spec._replace(description=_test_in_words(manifest, manifest["nodes"][unique_id]))

    def get_partitions_def(
        self, dbt_resource_props: Mapping[str, Any]
    ) -> dg.PartitionsDefinition | None:
        """Hourly for whatever is made from streams; none for what reference tables make."""
        hourly = dbt_resource_props["unique_id"] in hourly_models()
        return HOURLY_PARTITIONS if hourly else None


def _test_in_words(manifest: Mapping[str, Any], test: Mapping[str, Any]) -> str | None:
    """What a test's own `.yml` says, or else its kind's, with what the test is given."""
    if said := test.get("description"):
        return str(said)
    if (kind := test.get("test_metadata")) is None:  # a query of its own
        return None
    macros = (manifest["macros"][name] for name in test["depends_on"]["macros"])
    of_kind = (one["description"] for one in macros if one["name"] == f"test_{kind['name']}")
    said = next(of_kind, "") or f"The dbt test {kind['name']}."
    given = {name: value for name, value in kind["kwargs"].items() if name != "model"}
    listed = "; ".join(f"{name}: {_listed(value)}" for name, value in given.items())
    return f"{said.removesuffix('.')} ({listed})." if listed else said


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


TRANSLATOR = Translator()
