"""The sensor for dropped files: it asks for a run once a new file is whole."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import dagster as dg

from chimera_assets.access.principal import Principal
from chimera_assets.lake import open_lake
from chimera_assets.layers import LANDING
from chimera_assets.orchestration.assets.landing import STREAMS, landing_job
from chimera_assets.orchestration.runs.statuses import AT_WORK, WAITING
from chimera_assets.row_values import values_hidden
from chimera_assets.runs.job_names import LANDING as LANDING_JOB
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing import FileLog, LandingFile, Place, waiting

SENSOR = "landing_files"
_ACTOR = Principal.of_system(f"sensor {SENSOR}")

_EVERY_SECONDS = 30

#: What was asked for and not loaded is asked for again after this: the run failed, or waited.
_ASK_AGAIN = timedelta(minutes=5)

#: Files looked at in one tick; a run loads all there are.
_MOST_FILES = 5_000


@dg.sensor(
    name=SENSOR,
    job=landing_job,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks for new files in the landing place; has them loaded once they are whole.",
)
@values_hidden()  # Dagster keeps the error of a tick
def landing_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run for all streams with a whole new file: one that is as it was at the last look."""
    if context.instance.get_run_records(
        dg.RunsFilter(job_name=LANDING_JOB, statuses=[*WAITING, *AT_WORK]), limit=1
    ):
        return dg.SkipReason("A run loads files now.")
    now = datetime.now(UTC)
    before: dict[str, float] = json.loads(context.cursor or "{}")
    seen: dict[str, float] = {}
    streams: list[str] = []
    for contract in STREAMS:
        for file in _new_files(contract.stream):
            seal = _seal(file)
            seen[seal] = before.get(seal, 0.0)
            if seal in before and _is_due(file, seen[seal], now):
                seen[seal] = now.timestamp()
                streams.append(contract.stream)
    cursor = json.dumps(seen)
    if not streams:
        reason = f"{len(seen)} new files, none of them whole." if seen else "No new files."
        return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=cursor)
    keys = [dg.AssetKey([LANDING, stream]) for stream in dict.fromkeys(streams)]
    return dg.SensorResult(
        run_requests=[dg.RunRequest(asset_selection=keys, tags=_ACTOR.tags())], cursor=cursor
    )


def _new_files(stream: str) -> list[LandingFile]:
    files = [
        file for file in Place(get_settings().resolved_landing_uri).files(stream) if file.format
    ]
    if not files:
        return []
    file_log = FileLog.read(open_lake().table(LANDING, stream))
    return [file for file in files if not file_log.has_seen(file)][:_MOST_FILES]


def _is_due(file: LandingFile, asked: float, now: datetime) -> bool:
    asked_lately = now.timestamp() - asked < _ASK_AGAIN.total_seconds()
    return not asked_lately and waiting(file, now) is None


def _seal(file: LandingFile) -> str:
    """The file as it is now, in a few letters: the cursor may have to hold many."""
    seal = f"{file.uri}|{file.size}|{file.mark}"
    return hashlib.blake2b(seal.encode(), digest_size=8).hexdigest()
