"""The checks `event_lag`, and the job that asks them each hour, whatever the hourly job does.

An hourly job that has stopped evaluates none of its own checks; and Dagster's freshness policies
look at when an asset was last materialized, so that an old hour run again makes it look fresh.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from chimera_assets.contracts import contracts
from chimera_assets.lake import open_lake
from chimera_assets.layers import STAGED
from chimera_assets.orchestration.lag_metadata import lag_metadata
from chimera_assets.orchestration.runs.retries import retried
from chimera_assets.quality.event_lag import event_lag, in_words
from chimera_assets.runs.job_names import FRESHNESS
from chimera_assets.settings import get_settings

_STREAMS = {name: one for name, one in contracts().items() if one.kind == "stream"}

_SPECS = {
    name: dg.AssetCheckSpec(
        "event_lag",
        asset=dg.AssetKey([STAGED, name]),
        description=(
            f"The newest hour of {name} that has rows ended at most "
            f"{contract.freshness_hours:g} h ago, by the time of the events."
        ),
    )
    for name, contract in _STREAMS.items()
}

#: Stream -> its check.
LAG_CHECKS = {name: spec.key for name, spec in _SPECS.items()}


@dg.multi_asset_check(name="event_lag", specs=list(_SPECS.values()), can_subset=True)
@retried
def event_lag_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Measure the lag of the chosen streams."""
    now = datetime.now(UTC)
    for stream, spec in _SPECS.items():
        if spec.key in context.selected_asset_check_keys:
            lag = event_lag(open_lake(), _STREAMS[stream], now)
            yield dg.AssetCheckResult(
                asset_key=spec.asset_key,
                check_name=spec.name,
                passed=lag.fresh,
                description=in_words(lag, now),
                metadata=lag_metadata(lag),
            )


freshness_job = dg.define_asset_job(
    FRESHNESS,
    selection=dg.AssetSelection.checks(event_lag_checks),
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
