"""What happened, as far as somebody may have to be told; read from Dagster's records."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetCheckSeverity,
    DagsterEventType,
    DagsterRunStatus,
    RunsFilter,
)

from chimera_assets.errors import ArgumentError
from chimera_assets.hours import HourRange, parse_key
from chimera_assets.pipeline.causes import CAUSE_TAG, LATE, ROWS_TAG, STREAMS_TAG
from chimera_assets.pipeline.dbt_run import DbtFailed
from chimera_assets.pipeline.gate import PASS_RATE
from chimera_assets.pipeline.run import CHECK_FAILED, named_cause
from chimera_assets.pipeline.workers import DIED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from dagster import AssetCheckKey, DagsterInstance, DagsterRun, EventLogEntry, RunRecord

#: Dagster's tags of a run that failed and is started again by the daemon.
_WILL_RETRY, _RETRIED_AS = "dagster/will_retry", "dagster/auto_retry_run_id"

#: How long the daemon is given to start a failed run again before it is told as failed after all.
_RETRY_PATIENCE = timedelta(minutes=10)

#: How long Dagster is given to say whether it will, which it does just after the failure.
_TAG_PATIENCE = timedelta(minutes=1)

#: Runs read in one go; after a long silence the rest follows in the next one.
_RUNS_AT_ONCE = 200

_IN_PROGRESS = (DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)
_ENDED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b ?")


@dataclass(frozen=True, slots=True)
class Failed:
    """A step that failed and its cause in one line; a run that died outside of any has step ""."""

    step: str
    cause: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """A gate that did not open; `hour` is None for a reference table."""

    stream: str
    hour: datetime | None
    extracted: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Late:
    """Rows that came after their hour had been processed; None if nobody counted them."""

    stream: str
    rows: int | None


@dataclass(frozen=True, slots=True)
class Run:
    """A run, in progress (`ended` is None) or over.

    Attributes:
        run_id: Dagster's id of it.
        job: Its job; Dagster's own name where assets were started by hand.
        hours: What it was for, if for hours.
        started: When it started; None if it never did.
        ended: When it ended.
        success: Whether it ended well.
        steps: The steps that succeeded.
        failed: What failed, gates left out.
        blocked: The gates that did not open.
        late: What it took in, if it was for late rows.
    """

    run_id: str
    job: str
    hours: HourRange | None
    started: datetime | None
    ended: datetime | None = None
    success: bool = False
    steps: frozenset[str] = frozenset()
    failed: tuple[Failed, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    late: Late | None = None


@dataclass(frozen=True, slots=True)
class Freshness:
    """What the check `event_lag` said last of a stream."""

    stream: str
    fresh: bool
    words: str
    checked: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known now.

    Attributes:
        now: When it was read.
        ended: Runs that ended, oldest first.
        running: Runs in progress.
        freshness: The last word on each stream.
        until: Runs that ended before this have all been read.
    """

    now: datetime
    ended: tuple[Run, ...] = ()
    running: tuple[Run, ...] = ()
    freshness: tuple[Freshness, ...] = ()
    until: datetime | None = None


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
            for record in instance.get_run_records(RunsFilter(statuses=list(_IN_PROGRESS)))
        ),
        freshness=tuple(_freshness(instance, lag_checks)),
        until=until,
    )


def _ended_since(
    instance: DagsterInstance, since: datetime, handled: Collection[str]
) -> list[RunRecord]:
    records = instance.get_run_records(RunsFilter(statuses=list(_ENDED), updated_after=since))
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
        return now - ended < _TAG_PATIENCE
    if run.tags[_WILL_RETRY] != "true":
        return False
    return _RETRIED_AS in run.tags or now - ended < _RETRY_PATIENCE


def _run(record: RunRecord) -> Run:
    run = record.dagster_run
    return Run(run.run_id, run.job_name, _hours(run), _moment(record.start_time))


def _ended(instance: DagsterInstance, record: RunRecord) -> Run:
    run, told = record.dagster_run, _run(record)
    stats = instance.get_run_step_stats(run.run_id)
    done = frozenset(
        _name(s.step_key) for s in stats if s.status is not None and s.status.value == "SUCCESS"
    )
    failed: tuple[Failed, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    if run.status == DagsterRunStatus.FAILURE:
        failed, blocked = _what_failed(instance, run)
    return Run(
        told.run_id,
        told.job,
        told.hours,
        told.started,
        ended=_moment(record.end_time),
        success=run.is_success,
        steps=done,
        failed=failed,
        blocked=blocked,
        late=_late(run),
    )


def _hours(run: DagsterRun) -> HourRange | None:
    tags = run.tags
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or first
    if first is None or last is None:
        return None
    try:
        return HourRange.from_keys(first, last)
    except ArgumentError:
        return None  # partitions of another kind


def _late(run: DagsterRun) -> Late | None:
    if run.tags.get(CAUSE_TAG) != LATE:
        return None
    rows = run.tags.get(ROWS_TAG, "")
    return Late(
        run.tags.get(STREAMS_TAG, "").replace(" ", ", "), int(rows) if rows.isdecimal() else None
    )


_KINDS = {
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}


def _what_failed(
    instance: DagsterInstance, run: DagsterRun
) -> tuple[tuple[Failed, ...], tuple[Blocked, ...]]:
    """The failures of a run, those that only say that a gate did not open left out."""
    entries = instance.all_logs(run.run_id, of_type=_KINDS)
    blocked = tuple(_blocked(entries))
    failed = [*_failed_steps(entries), *_failed_checks(entries)]
    if not failed and not blocked:
        failed = [Failed("", _run_failure(entries))]
    return tuple(dict.fromkeys(failed)), blocked


def _blocked(entries: Sequence[EventLogEntry]) -> Iterator[Blocked]:
    for entry in entries:
        one = _evaluation(entry)
        if one is None or one.passed or one.check_name != PASS_RATE:
            continue
        numbers = {name: getattr(value, "value", 0) for name, value in one.metadata.items()}
        yield Blocked(
            one.asset_key.path[-1],
            parse_key(one.partition) if one.partition else None,
            int(numbers.get("extracted") or 0),
            int(numbers.get("quarantined") or 0),
        )


def _failed_steps(entries: Sequence[EventLogEntry]) -> Iterator[Failed]:
    for entry in entries:
        event = entry.dagster_event
        if event is None or event.event_type != DagsterEventType.STEP_FAILURE:
            continue
        error = event.step_failure_data.error
        if error is not None and CHECK_FAILED not in _classes(error):
            yield Failed(_name(event.step_key or ""), _safe_cause(error))


def _failed_checks(entries: Sequence[EventLogEntry]) -> Iterator[Failed]:
    """Blocking checks that failed of themselves, not because a gate did."""
    for entry in entries:
        one = _evaluation(entry)
        if one is None or one.passed or not one.blocking or one.check_name == PASS_RATE:
            continue
        words = (one.description or "").partition("\n")[0]
        if one.severity == AssetCheckSeverity.ERROR and "blocked by the gate" not in words:
            asset = "/".join(one.asset_key.path)
            step = _name((entry.dagster_event and entry.dagster_event.step_key) or "")
            yield Failed(step, f"check {one.check_name} of {asset} failed: {words}")


def _run_failure(entries: Sequence[EventLogEntry]) -> str:
    for entry in entries:
        event = entry.dagster_event
        if event is not None and event.event_type == DagsterEventType.RUN_FAILURE:
            error = event.job_failure_data.error
            words = _safe_cause(error) if error is not None else event.message or ""
            if DIED in words:
                return DIED
            return _UUID.sub("", " ".join(words.split())) or _NO_WORD
    return _NO_WORD


_NO_WORD = "the run's process ended without a word"


def _safe_cause(error: object) -> str:
    """A cause in one line without values of rows.

    Our own errors never hold any. Others may quote what they stumbled upon, so that only their kind
    is told, and of dbt's the names of what failed.
    """
    named = named_cause(error)
    if named is not None and DbtFailed.__name__ in _classes(error):
        return named.partition(";")[0]
    if named is not None:
        # PostgreSQL quotes names after a word, values after a colon.
        return re.sub(r'(?<=: )"[^"]*"', '"..."', named)
    return f"{_classes(error)[-1]}; what it says may quote rows and is only in the log of the run"


def _chain(error: Any) -> Iterator[Any]:  # noqa: ANN401 - Dagster's SerializableErrorInfo
    while error is not None:
        yield error
        error = getattr(error, "cause", None)


def _classes(error: object) -> list[str]:
    return [str(getattr(one, "cls_name", None) or "an error") for one in _chain(error)]


def _evaluation(entry: EventLogEntry) -> Any:  # noqa: ANN401 - AssetCheckEvaluation
    event = entry.dagster_event
    if event is None or event.event_type != DagsterEventType.ASSET_CHECK_EVALUATION:
        return None
    return event.asset_check_evaluation_data


def _freshness(
    instance: DagsterInstance, checks: Mapping[str, AssetCheckKey]
) -> Iterator[Freshness]:
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        list(checks.values())
    )
    for stream, key in checks.items():
        record = latest.get(key)
        one = _evaluation(record.event) if record is not None and record.event else None
        if record is not None and one is not None:
            yield Freshness(
                stream,
                bool(one.passed),
                one.description or "",
                datetime.fromtimestamp(record.create_timestamp, UTC),
            )


def _name(step_key: str) -> str:
    return step_key.replace("__", "/")


def _moment(timestamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(timestamp, UTC) if timestamp is not None else None
