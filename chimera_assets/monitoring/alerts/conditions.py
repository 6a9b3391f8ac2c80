"""What of the facts is news: each cause once, not again while it lasts, and once when it is over.

A pure function from what was told before and what happened to what is to be told now.

- A failure's cause is its line of words, numbers aside. While run after run fails by it, only the
  first is told; the hours that it keeps away are remembered. Once the same steps succeeded again,
  the cause has to be told anew if it comes back. It is over when all of its hours were mended.
- A gate is told for each hour of a stream, and over when the hour is published.
- Freshness is told for each stream, and over when the stream is fresh again.
- A slow run, late rows, and a success are told once a run.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chimera_assets.hours import HourRange
from chimera_assets.monitoring.alerts import hour_sets
from chimera_assets.orchestration.runs.job_names import UPKEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.monitoring.alerts.messages import Message, MessageWriter
    from chimera_assets.orchestration.runs.records import Blocked, Facts, Failed, Run

#: Runs are looked at again so long after their end: clocks differ, and records come late.
OVERLAP = timedelta(hours=2)


@dataclass(slots=True)
class Failing:
    """A cause of failures that was told.

    Attributes:
        job: The job that met it first.
        cause: Its words.
        steps: The steps that failed by it; none if a run died outside of them.
        hours: The hours that are yet to be mended; none if it isn't about hours.
        ongoing: Whether the steps have not succeeded since.
    """

    job: str
    cause: str
    steps: list[str]
    hours: list[HourRange]
    ongoing: bool = True


@dataclass(slots=True)
class AlertState:
    """What was told, and still matters.

    Attributes:
        since: Runs that ended earlier are all known.
        handled: Run id -> when it ended, of the runs known since.
        slow: The runs in progress, or just ended, that were told to be slow.
        failing: Key of a cause -> the cause.
        blocked: Stream -> its blocked hours; none for a reference table, which has no hours.
        stale: The streams that are not fresh.
    """

    since: datetime
    handled: dict[str, datetime] = field(default_factory=dict)
    slow: list[str] = field(default_factory=list)
    failing: dict[str, Failing] = field(default_factory=dict)
    blocked: dict[str, list[HourRange]] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What is to be told: successes too, and runs slower than `sla`."""

    success: bool
    sla: timedelta


def decide(
    told: AlertState, facts: Facts, settings: AlertSettings, writer: MessageWriter
) -> tuple[AlertState, tuple[Message, ...]]:
    """What is to be told now, and what has been told then."""
    after = copy.deepcopy(told)
    messages: list[Message] = []
    for run in facts.ended:
        if run.run_id not in after.handled:
            messages += _of_run(after, run, settings, writer)
            after.handled[run.run_id] = run.ended or facts.now
    for run in facts.running:
        messages += _slow(after, run, facts.now, settings, writer)
    messages += _freshness(after, facts, writer)
    _forget(after, facts)
    return after, tuple(messages)


def _of_run(
    told: AlertState, run: Run, settings: AlertSettings, writer: MessageWriter
) -> Iterator[Message]:
    yield from _slow(told, run, run.ended, settings, writer)
    yield from _mended(told, run, writer)
    yield from _published(told, run, writer)
    yield from _newly_blocked(told, run, writer)
    yield from _newly_failing(told, run, writer)
    if run.success and run.late is not None:
        yield writer.late(run)
    elif run.success and settings.success:
        yield writer.success(run)


def _slow(
    told: AlertState, run: Run, now: datetime | None, settings: AlertSettings, writer: MessageWriter
) -> Iterator[Message]:
    if run.started is None or now is None or run.job == UPKEEP or run.run_id in told.slow:
        return
    if now - run.started > settings.sla:
        told.slow.append(run.run_id)
        yield writer.slow(run, now - run.started, settings.sla)


def _mended(told: AlertState, run: Run, writer: MessageWriter) -> Iterator[Message]:
    for key, failing in list(told.failing.items()):
        succeeded = set(failing.steps) <= run.steps if failing.steps else run.success
        if not succeeded or (not failing.hours and run.job != failing.job):
            continue
        if failing.hours and run.hours is None:
            continue
        failing.ongoing = False
        if run.hours is not None and failing.hours:
            failing.hours = hour_sets.minus(failing.hours, [run.hours])
            if failing.hours:
                continue
        del told.failing[key]
        yield writer.mended(failing.job, failing.cause, run)


def _published(told: AlertState, run: Run, writer: MessageWriter) -> Iterator[Message]:
    for stream, hours in list(told.blocked.items()):
        if stream not in run.judged:
            continue
        still = [one.hour for one in run.blocked if one.stream == stream]
        if not hours:  # a reference table
            del told.blocked[stream]
            yield writer.published(stream, (), run)
        elif run.hours is not None:
            passed = hour_sets.minus([run.hours], [HourRange.single(h) for h in still if h])
            left = hour_sets.minus(hours, passed)
            if left:
                told.blocked[stream] = left
            else:
                del told.blocked[stream]
            if opened := hour_sets.minus(hours, left):
                yield writer.published(stream, opened, run)


def _newly_blocked(told: AlertState, run: Run, writer: MessageWriter) -> Iterator[Message]:
    streams: dict[str, list[Blocked]] = {}
    for one in run.blocked:
        known = told.blocked.get(one.stream)
        if known is None or (one.hour is not None and not hour_sets.holds(known, one.hour)):
            streams.setdefault(one.stream, []).append(one)
    for stream, new in streams.items():
        hours = [HourRange.single(one.hour) for one in new if one.hour is not None]
        told.blocked[stream] = hour_sets.merged(told.blocked.get(stream, []) + hours)
        yield writer.blocked(stream, new, run)


def _newly_failing(told: AlertState, run: Run, writer: MessageWriter) -> Iterator[Message]:
    causes: dict[str, list[Failed]] = {}
    for one in run.failed:
        causes.setdefault(_key(run, one.cause), []).append(one)
    for key, failed in causes.items():
        known = told.failing.get(key)
        hours = [run.hours] if run.hours is not None else []
        steps = sorted({one.step for one in failed if one.step})
        if known is None:
            told.failing[key] = Failing(run.job, failed[0].cause, steps, hours)
            news = True
        else:
            all_known = run.hours is None or hour_sets.covers(known.hours, run.hours)
            news = not known.ongoing and not all_known
            known.hours = hour_sets.merged(known.hours + hours)
            known.steps = sorted({*known.steps, *steps})
            known.ongoing = True
        if news:
            upkeep = run.job == UPKEEP
            yield writer.failed(run, steps, failed[0].cause, kind="upkeep" if upkeep else "failure")


def _key(run: Run, cause: str) -> str:
    """Hours can be mended by any job; what has no hours, by its own."""
    return f"{run.job if run.hours is None else 'hours'}: {re.sub(r'[0-9]+', '#', cause)}"


def _freshness(told: AlertState, facts: Facts, writer: MessageWriter) -> Iterator[Message]:
    for one in facts.freshness:
        if not one.fresh and one.stream not in told.stale:
            told.stale.append(one.stream)
            yield writer.stale(one)
        elif one.fresh and one.stream in told.stale:
            told.stale.remove(one.stream)
            yield writer.fresh(one)


def _forget(told: AlertState, facts: Facts) -> None:
    """Drop what no later facts can speak of."""
    told.since = max(told.since, (facts.until or facts.now) - OVERLAP)
    told.handled = {run: at for run, at in told.handled.items() if at >= told.since}
    alive = {run.run_id for run in facts.running} | set(told.handled)
    told.slow = [run for run in told.slow if run in alive]
