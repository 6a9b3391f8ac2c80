"""The reconciliation check of every run: no row was lost between the source and the facts."""

from collections.abc import Collection, Iterator
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError

from chimera_assets.contracts import Contract
from chimera_assets.errors import in_short
from chimera_assets.hour_columns import HOUR_KEY
from chimera_assets.lake import open_lake
from chimera_assets.layers import MARTS, QUARANTINE, STAGED, fact_table
from chimera_assets.orchestration.partitions import HOURLY_PARTITIONS, hours_of
from chimera_assets.orchestration.runs.retries import retried
from chimera_assets.reconciliation.row_conservation import row_conservation
from chimera_assets.runs.gate_names import BLOCKED_METADATA
from chimera_assets.runs.step_names import conserving_step


def conservation_check(
    contract: Contract, facts: Collection[dg.AssetKey]
) -> dg.AssetChecksDefinition:
    """The check `conservation` of a stream, on its facts if it has any, else on its staged rows.

    It is the last thing of a stream's run, so it is also what makes a range run fail if some of its
    hours were blocked while the others were published. Nothing waits for it: what is made of
    several streams is built from the good hours, in whatever process.
    """
    staged = dg.AssetKey([STAGED, contract.stream])
    fact = dg.AssetKey([MARTS, fact_table(contract.stream)])
    asset = fact if fact in facts else staged
    others = {staged, dg.AssetKey([QUARANTINE, contract.stream])} - {asset}
    spec = dg.AssetCheckSpec(
        "conservation",
        asset=asset,
        additional_deps=sorted(others) if asset == fact else [],
        partitions_def=HOURLY_PARTITIONS,
        description=(
            "In every hour of the run: extracted = staged + quarantined + duplicates, and staged = "
            "fact rows, counted in the tables. Fails too if an hour was blocked by its gate."
        ),
    )

    @dg.multi_asset_check(name=conserving_step(contract.stream), specs=[spec])
    @retried
    def check_row_conservation(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
        layer = context.op_execution_context.job_def.asset_layer
        yield dg.Output(None, layer.get_op_output_name(spec.key))
        counted = row_conservation(open_lake(), contract, hours_of(context))
        lost = counted.lost.select(HOUR_KEY.alias("key"))["key"].to_list()
        blocked = []
        for hour in counted.hours.with_columns(key=HOUR_KEY).iter_rows(named=True):
            if not hour["published"] and hour["key"] not in lost:
                blocked.append(hour["key"])
            yield _evaluation(spec, hour, lost=hour["key"] in lost)
        if lost or blocked:
            raise DagsterAssetCheckFailedError(_words(contract, lost, blocked))

    return check_row_conservation


def _words(contract: Contract, lost: list[str], blocked: list[str]) -> str:
    """Which hours make the run fail, and why."""
    told = []
    if lost:
        told.append(f"rows do not add up in {in_short(lost)} (see: chimera verify)")
    if blocked:
        told.append(
            f"blocked by the gate, nothing new published: {in_short(blocked)} "
            f"(see: chimera quarantine list --stream {contract.stream})"
        )
    return f"{contract.stream}: {'; '.join(told)}"


def _evaluation(
    spec: dg.AssetCheckSpec, hour: dict[str, Any], *, lost: bool
) -> dg.AssetCheckEvaluation:
    description = None
    if lost:
        description = "rows do not add up: raw = staged + quarantined + duplicates, staged = facts"
    elif not hour["published"]:
        description = "blocked by the gate, with nothing new published"
    names = ("raw", "staged", "quarantined", "duplicates", "facts")
    return dg.AssetCheckEvaluation(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=description is None,
        blocking=True,
        partition=hour["key"],
        description=description,
        metadata={name: hour[name] for name in names if hour[name] is not None}
        | ({} if lost or hour["published"] else {BLOCKED_METADATA: True}),
    )
