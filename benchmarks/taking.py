"""An hour taken as the pipeline takes it: extracted, judged, deduplicated, staged, quarantined."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.data import START
from chimera_assets.contracts import contracts
from chimera_assets.hours import HourRange
from chimera_assets.quality import stage_hours, stage_reference
from chimera_assets.run_context import RunContext
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.postgres import PostgresSource

if TYPE_CHECKING:
    from chimera_assets.lake import Lake


def take(url: str, lake: Lake) -> int:
    """Take the hour that starts at `START` from the database into a lake.

    Returns:
        How many rows were taken.
    """
    now = datetime.now(UTC)
    providers, stream = contracts()["providers"], contracts()["generations"]
    known = PostgresSource(url).extract_reference(providers, Batch.new("providers", now))
    lake.table("raw", "providers").overwrite(known)
    run = RunContext(lake, now, "bench")
    stage_reference(run, providers)
    hour = HourRange.single(START)
    extracted = PostgresSource(url).now(stream).rows(hour, Batch.new("generations", now))
    lake.table("raw", "generations").write_hours(extracted, hour)
    staging = stage_hours(run, stream, hour)
    if staging.staged is None:
        msg = f"the hour was blocked: {staging.batches.to_dicts()}"
        raise RuntimeError(msg)
    return int(staging.batches["extracted"].sum())
