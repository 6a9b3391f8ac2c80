"""The dbt unit tests as asset checks: each model's logic on rows made up for it, not on data.

They say nothing about an hour, so the hourly job leaves them out; run them from the UI, or with
everything else by `dagster asset materialize --select '*'`.
"""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource

from chimera_assets.pipeline.dbt_manifest import dbt_project
from chimera_assets.pipeline.warehouse import TRANSLATOR, dbt_environment


def _unit_tests() -> dict[str, dg.AssetCheckSpec]:
    """The id that dbt gives of each unit test -> its check, on the model it tests."""
    manifest: dict[str, Any] = json.loads(dbt_project().manifest_path.read_text())
    specs = {}
    for unique_id, test in manifest.get("unit_tests", {}).items():
        model = next(node for node in test["depends_on"]["nodes"] if node.startswith("model."))
        asset = TRANSLATOR.get_asset_key(manifest["nodes"][model])
        specs[unique_id] = dg.AssetCheckSpec(
            f"unit_{test['name']}", asset=asset, description=test.get("description") or None
        )
    return specs


UNIT_TESTS = _unit_tests()


@dg.multi_asset_check(name="dbt_unit_tests", specs=list(UNIT_TESTS.values()), can_subset=True)
def dbt_unit_tests(
    context: dg.AssetCheckExecutionContext, dbt: DbtCliResource
) -> Iterator[dg.AssetCheckResult]:
    """Run the chosen unit tests of the dbt project."""
    chosen = {i: s for i, s in UNIT_TESTS.items() if s.key in context.selected_asset_check_keys}
    names = [f"test_name:{unique_id.rpartition('.')[2]}" for unique_id in chosen]
    # One argument: dbt's own command line takes several, dagster-dbt's way of calling it does not.
    with dbt_environment():
        invocation = dbt.cli(["test", "--select", " ".join(names)], raise_on_error=False).wait()
    results = {r["unique_id"]: r for r in invocation.get_artifact("run_results.json")["results"]}
    shutil.rmtree(invocation.target_path, ignore_errors=True)
    for unique_id, spec in chosen.items():
        result = results.get(unique_id, {"status": "did not run", "message": None})
        passed = result["status"] == "pass"
        if not passed:
            context.log.error("%s: %s", spec.name, result["message"])
        yield dg.AssetCheckResult(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=passed,
            description=None if passed else str(result["message"]),
        )
