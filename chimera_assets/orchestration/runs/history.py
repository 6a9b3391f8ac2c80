"""What happened lately, read from Dagster's records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dagster import DagsterRunStatus, RunsFilter

from chimera_assets.orchestration.lag_metadata import lag_from_metadata
from chimera_assets.orchestration.runs.failures import evaluation_of, what_failed
from chimera_assets.orchestration.runs.statuses import ENDED, IN_PROGRESS
from chimera_assets.orchestration.runs.tags import (
    REPORT_PLACE_TAG,
    REPORT_TAG,
    hours_of_tags,
    late_rows,
    late_streams,
)
from chimera_assets.runs.facts import (
    Blocked,
    Facts,
    Failed,
    Freshness,
    Late,
    Report,
    Run,
)
from chimera_assets.runs.step_names import shown_step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from dagster import AssetCheckKey, DagsterInstance, DagsterRun, RunRecord

#: Dagster's tags of a run that failed and is started again by the daemon.
_WILL_RETRY, _RETRIED_AS = "dagster/will_retry", "dagster/auto_retry_run_id"

#: How long the daemon is given to start a failed run again before it is reported as failed.
_RETRY_WAIT = timedelta(minutes=10)

#: How long Dagster is given to say whether it will, which it does just after the failure.
_TAG_WAIT = timedelta(minutes=1)

#: Runs read in one go; after a long silence the rest follows in the next one.
_RUNS_AT_ONCE = 200


def read_facts(
    instance: DagsterInstance,
    *,
    now: datetime,
    since: datetime,
    handled: Collection[str],
    lag_checks: Mapping[str, AssetCheckKey],
) -> Facts:
    """Read what happened.

    Args:
        instance: Dagster's.
        now: The time.
        since: Runs that ended earlier are left out.
        handled: The ids of runs that are known already.
        lag_checks: Stream -> its check of how old its newest rows are.
    """
    records = _ended_since(instance, since, handled)
    some = records[:_RUNS_AT_ONCE]
    until = _moment(some[-1].end_time) if len(records) > len(some) else now
    return Facts(
        now=now,
        ended=tuple(_ended(instance, one) for one in some if not _starts_again(one, now)),
        running=tuple(
            _run(record)
            for record in instance.get_run_records(RunsFilter(statuses=list(IN_PROGRESS)))
        ),
        freshness=tuple(_freshness(instance, lag_checks)),
        until=until,
    )


def _ended_since(
    instance: DagsterInstance, since: datetime, handled: Collection[str]
) -> list[RunRecord]:
    records = instance.get_run_records(RunsFilter(statuses=list(ENDED), updated_after=since))
    fresh = [
        record
        for record in records
        if record.dagster_run.run_id not in handled
        and record.end_time is not None
        and record.end_time >= since.timestamp()
    ]
    return sorted(fresh, key=lambda record: record.end_time or 0.0)


def _starts_again(record: RunRecord, now: datetime) -> bool:
    """Whether the daemon is about to start this failed run again, so that nobody need know."""
    run, ended = record.dagster_run, _moment(record.end_time) or now
    if run.remote_job_origin is None or run.status != DagsterRunStatus.FAILURE:
        return False
    if _WILL_RETRY not in run.tags:
        return now - ended < _TAG_WAIT
    if run.tags[_WILL_RETRY] != "true":
        return False
    return _RETRIED_AS in run.tags or now - ended < _RETRY_WAIT


def _run(record: RunRecord) -> Run:
    run = record.dagster_run
    return Run(
        run.run_id,
        run.job_name,
        hours_of_tags(run.tags),
        _moment(record.start_time),
        report=_report(run),
    )


def _ended(instance: DagsterInstance, record: RunRecord) -> Run:
    run, begun = record.dagster_run, _run(record)
    stats = instance.get_run_step_stats(run.run_id)
    done = frozenset(
        shown_step(s.step_key)
        for s in stats
        if s.status is not None and s.status.value == "SUCCESS"
    )
    failed: tuple[Failed, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    if run.status == DagsterRunStatus.FAILURE:
        failed, blocked = what_failed(instance, run)
    return Run(
        begun.run_id,
        begun.job,
        begun.hours,
        begun.started,
        ended=_moment(record.end_time),
        success=run.is_success,
        steps=done,
        failed=failed,
        blocked=blocked,
        late=_late(run),
        report=begun.report,
    )


def _report(run: DagsterRun) -> Report | None:
    name = run.tags.get(REPORT_TAG)
    return Report(name, run.tags.get(REPORT_PLACE_TAG, "")) if name is not None else None


def _late(run: DagsterRun) -> Late | None:
    streams = late_streams(run.tags)
    if streams is None:
        return None
    return Late(", ".join(sorted(streams)), late_rows(run.tags))


def _freshness(
    instance: DagsterInstance, checks: Mapping[str, AssetCheckKey]
) -> Iterator[Freshness]:
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        list(checks.values())
    )
    for stream, key in checks.items():
        record = latest.get(key)
        one = evaluation_of(record.event) if record is not None and record.event else None
        if record is not None and one is not None:
            yield Freshness(
                stream,
                bool(one.passed),
                datetime.fromtimestamp(record.create_timestamp, UTC),
                lag_from_metadata(one.metadata),
            )


def _moment(timestamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(timestamp, UTC) if timestamp is not None else None
