"""The checks `event_lag`, and the job that asks them each hour, whatever the hourly job does.

Every run that stages a stream's rows evaluates its check: the pages show a check as not evaluated
once its asset was materialized again. But an hourly job that has stopped evaluates none; and
Dagster's freshness policies look at when an asset was last materialized, so that an old hour run
again makes it look fresh.
"""

from datetime import UTC, datetime

import dagster as dg

from chimera_assets.contracts import Contract, contracts
from chimera_assets.lake import open_lake
from chimera_assets.layers import STAGED
from chimera_assets.orchestration.lag_metadata import LAG_CHECK, lag_metadata
from chimera_assets.orchestration.runs.retries import retried
from chimera_assets.quality.event_lag import event_lag, in_words
from chimera_assets.runs.job_names import FRESHNESS
from chimera_assets.settings import get_settings


def _lag_check(contract: Contract) -> dg.AssetChecksDefinition:
    """The check of one stream, in a step of its own: one that is blocked holds up no other's."""
    spec = dg.AssetCheckSpec(
        LAG_CHECK,
        asset=dg.AssetKey([STAGED, contract.stream]),
        description=(
            f"The newest hour of {contract.stream} that has rows ended at most "
            f"{contract.freshness_hours:g} h ago, by the time of the events."
        ),
    )

    @dg.multi_asset_check(name=f"{LAG_CHECK}_{contract.stream}", specs=[spec])
    @retried
    def measure(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:  # noqa: ARG001
        now = datetime.now(UTC)
        lag = event_lag(open_lake(), contract, now)
        return dg.AssetCheckResult(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=lag.fresh,
            description=in_words(lag, now),
            metadata=lag_metadata(lag),
        )

    return measure


_OF_STREAMS = {name: _lag_check(one) for name, one in contracts().items() if one.kind == "stream"}

event_lag_checks = list(_OF_STREAMS.values())

#: Stream -> its check.
LAG_CHECKS = {name: next(iter(one.check_keys)) for name, one in _OF_STREAMS.items()}


freshness_job = dg.define_asset_job(
    FRESHNESS,
    selection=dg.AssetSelection.checks(*event_lag_checks),
    description="Compares the newest rows of each stream with its contract's freshness.",
)

#: Half an hour after the hourly job has begun.
freshness_schedule = dg.ScheduleDefinition(
    name=FRESHNESS,
    job=freshness_job,
    cron_schedule=f"{(get_settings().settle_minutes + 30) % 60} * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each hour, so that it is noticed when nothing else runs any more.",
)
