"""The dbt unit tests as asset checks: each model's logic on rows made up for it, not on data.

They say nothing about an hour, so the hourly job leaves them out. A job of their own runs them each
night: the models, or the engine that runs them, may be others than the day before.
"""

from collections.abc import Iterator

import dagster as dg

from chimera_assets.access.principal import Principal
from chimera_assets.orchestration.dbt_translator import TRANSLATOR
from chimera_assets.runs.job_names import UNIT_TESTS
from chimera_assets.warehouse.dbt_project import manifest
from chimera_assets.warehouse.dbt_run import DbtRun
from chimera_assets.warehouse.model_groups import active_groups


def _unit_tests() -> dict[str, dg.AssetCheckSpec]:
    """The id that dbt gives of each unit test -> its check, on the model it tests."""
    nodes, specs = manifest()["nodes"], {}
    built = frozenset().union(*(group.models for group in active_groups()))
    for unique_id, test in manifest().get("unit_tests", {}).items():
        model = next(node for node in test["depends_on"]["nodes"] if node.startswith("model."))
        if model in built:  # else it reads nothing but streams that are off
            asset = TRANSLATOR.get_asset_key(nodes[model])
            specs[unique_id] = dg.AssetCheckSpec(
                f"unit_{test['name']}", asset=asset, description=test.get("description") or None
            )
    return specs


_SPECS = _unit_tests()


@dg.multi_asset_check(name="dbt_unit_tests", specs=list(_SPECS.values()), can_subset=True)
def dbt_unit_tests(
    context: dg.AssetCheckExecutionContext,
) -> Iterator[dg.AssetCheckResult]:
    """Run the chosen unit tests of the dbt project."""
    chosen = {i: s for i, s in _SPECS.items() if s.key in context.selected_asset_check_keys}
    names = [f"test_name:{unique_id.rpartition('.')[2]}" for unique_id in chosen]
    run = DbtRun(["test", "--select", *names])
    results = {result.node: result for result in run.results()}
    run.clean()
    for unique_id, spec in chosen.items():
        result = results.get(unique_id)
        passed = result is not None and result.status == "pass"
        said = "did not run" if result is None else result.words
        if not passed:
            context.log.error("%s: %s", spec.name, said)
        yield dg.AssetCheckResult(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=passed,
            description=None if passed else said,
        )


unit_tests_job = dg.define_asset_job(
    UNIT_TESTS,
    selection=dg.AssetSelection.checks(dbt_unit_tests),
    description="Runs the unit tests of the dbt models, on rows made up for them.",
)

unit_tests_schedule = dg.ScheduleDefinition(
    name=UNIT_TESTS,
    job=unit_tests_job,
    cron_schedule="17 3 * * *",
    execution_timezone="UTC",
    tags=Principal.of_system(f"schedule {UNIT_TESTS}").tags(),
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each night at 03:17 UTC; from the pages at any time.",
)
