"""The layer `landing`: files that were dropped, each taken once; and the sensor that finds them."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from chimera_assets.contracts import Contract, contracts
from chimera_assets.pipeline import describe
from chimera_assets.pipeline.hourly import ONE_RUN
from chimera_assets.pipeline.lakehouse import open_lake
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing import (
    LAYER,
    LandingFile,
    Ledger,
    Place,
    Taking,
    take,
    waiting,
)

JOB = "chimera_landing"
SENSOR = "landing_files"
CHECK = "files_are_sound"

_EVERY_SECONDS = 30

#: What was asked for and not taken is asked for again after this: the run failed, or waited.
_ASK_AGAIN = timedelta(minutes=5)

#: Files looked at in one tick; a run takes all there are.
_MOST_FILES = 5_000

#: How many files a message names.
_NAMED = 5

_RUNNING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def landing_asset(contract: Contract) -> dg.AssetsDefinition:
    """The asset `landing/<stream>`: the rows of all files dropped so far."""
    key = dg.AssetKey([LAYER, contract.stream])

    @dg.asset(
        key=key,
        backfill_policy=ONE_RUN,  # so that it may be chosen together with hourly assets
        group_name=LAYER,
        kinds={"file", "deltalake"},
        owners=describe.owners(contract),
        tags=describe.tags(contract),
        description=(
            f"{contract.description} From files in the landing place, each taken once; the hourly "
            "job takes the rows from here."
        ),
        metadata=describe.metadata(contract),
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=key,
                description="No file is corrupt, and no line of one is malformed.",
            )
        ],
    )
    def landing(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        place = Place(get_settings().resolved_landing_uri)
        taking = take(open_lake(), contract, place, run_id=context.run_id)
        for note in _notes(taking):
            context.log.info(note)
        if bad := _bad(taking):
            context.log.warning(bad)
        yield dg.MaterializeResult(metadata=_told(taking), check_results=[_check(taking)])

    return landing


def _notes(taking: Taking) -> Iterator[str]:
    yield f"Took {len(taking.entries)} files with {taking.rows} rows of {len(taking.hours)} hours."
    for uri, reason in sorted(taking.waits.items()):
        yield f"Left for later: {uri} {reason}."
    if taking.unknown:
        yield f"Not in the contract, not taken: {', '.join(sorted(taking.unknown))}."


def _bad(taking: Taking) -> str | None:
    """What is wrong with the files, without a value of theirs; None if nothing is."""
    bad = [
        f"{entry.uri} ({entry.why or f'{entry.malformed} malformed lines'})"
        for entry in taking.entries
        if entry.why or entry.malformed
    ]
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return f"In quarantine: {', '.join(bad[:_NAMED])}{more}." if bad else None


def _told(taking: Taking) -> dict[str, Any]:
    corrupt = sum(entry.state == "corrupt" for entry in taking.entries)
    return {
        "files": len(taking.entries),
        "rows": taking.rows,
        "hours": len(taking.hours),
        "malformed lines": sum(entry.malformed for entry in taking.entries),
        "corrupt files": corrupt,
        "files left for later": len(taking.waits),
        **({"version": taking.version} if taking.version is not None else {}),
    }


def _check(taking: Taking) -> dg.AssetCheckResult:
    bad = _bad(taking)
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=bad is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=bad,
    )


_STREAMS = [contract for contract in contracts().values() if contract.kind == "stream"]

LANDING_ASSETS = dg.AssetSelection.assets(*([LAYER, contract.stream] for contract in _STREAMS))

landing_job = dg.define_asset_job(
    JOB,
    selection=LANDING_ASSETS,
    description="Takes every whole file of the landing place that was not taken before.",
    tags={"pipeline": LAYER},
)


@dg.sensor(
    name=SENSOR,
    job=landing_job,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks for new files in the landing place, and has them taken once they are whole.",
)
def landing_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run for all streams with a whole new file: one that is as it was at the last look."""
    if context.instance.get_run_records(dg.RunsFilter(job_name=JOB, statuses=_RUNNING), limit=1):
        return dg.SkipReason("A run takes files now.")
    now = datetime.now(UTC)
    before: dict[str, float] = json.loads(context.cursor or "{}")
    seen: dict[str, float] = {}
    streams: list[str] = []
    for contract in _STREAMS:
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
    keys = [dg.AssetKey([LAYER, stream]) for stream in dict.fromkeys(streams)]
    return dg.SensorResult(run_requests=[dg.RunRequest(asset_selection=keys)], cursor=cursor)


def _new_files(stream: str) -> list[LandingFile]:
    files = [
        file for file in Place(get_settings().resolved_landing_uri).files(stream) if file.format
    ]
    if not files:
        return []
    ledger = Ledger.read(open_lake().table(LAYER, stream))
    return [file for file in files if not ledger.has_seen(file)][:_MOST_FILES]


def _is_due(file: LandingFile, asked: float, now: datetime) -> bool:
    asked_lately = now.timestamp() - asked < _ASK_AGAIN.total_seconds()
    return not asked_lately and waiting(file, now) is None


def _seal(file: LandingFile) -> str:
    """The file as it is now, in a few letters: the cursor may have to hold many."""
    told = f"{file.uri}|{file.size}|{file.mark}"
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
