"""Decides what to report: each cause once, not again while it lasts, and once when it is over.

A pure function from what was reported before and what happened to what is to be reported now.

- A failure's cause is its line of words, numbers aside. While run after run fails by it, only the
  first is reported; the hours that it keeps away are remembered. Once the same steps succeeded
  again, the cause is reported anew if it comes back. It is over when all of its hours ran well.
- A gate is reported for each hour of a stream, and over when the hour is published.
- Freshness is reported for each stream, and over when the stream is fresh again.
- A slow run, late rows, a report that was built, and a success are reported once a run.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chimera_assets import hour_ranges
from chimera_assets.hours import HourRange
from chimera_assets.monitoring.alerts.messages import cause_text
from chimera_assets.runs.job_names import UPKEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.monitoring.alerts.messages import Message, MessageWriter
    from chimera_assets.runs.facts import Blocked, Facts, Failed, Run

#: Runs are read again so long after their end: clocks differ, and records come late.
OVERLAP = timedelta(hours=2)


@dataclass(slots=True)
class Failing:
    """A cause of failures that was reported.

    Attributes:
        job: The job that met it first.
        cause: Its words.
        steps: The steps that failed by it; none if a run died outside of them.
        hours: The hours that are yet to be run well; none if it isn't about hours.
        ongoing: Whether the steps have not succeeded since.
    """

    job: str
    cause: str
    steps: list[str]
    hours: list[HourRange]
    ongoing: bool = True


@dataclass(slots=True)
class AlertState:
    """What was reported, and still matters.

    Attributes:
        since: Runs that ended earlier are all known.
        handled: Run id -> when it ended, of the runs known since.
        slow: The runs in progress, or just ended, that were reported as slow.
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
    """What is to be reported: successes too, and runs slower than `sla`."""

    success: bool
    sla: timedelta


def decide(
    state: AlertState, facts: Facts, settings: AlertSettings, writer: MessageWriter
) -> tuple[AlertState, tuple[Message, ...]]:
    """What is to be reported now, and the state after it."""
    after = copy.deepcopy(state)
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
    state: AlertState, run: Run, settings: AlertSettings, writer: MessageWriter
) -> Iterator[Message]:
    yield from _slow(state, run, run.ended, settings, writer)
    yield from _mended(state, run, writer)
    yield from _published(state, run, writer)
    yield from _newly_blocked(state, run, writer)
    yield from _newly_failing(state, run, writer)
    if run.success and run.late is not None:
        yield writer.late(run)
    elif run.success and run.report is not None and run.report.place:
        yield writer.report(run, run.report)
    elif run.success and settings.success:
        yield writer.success(run)


def _slow(
    state: AlertState,
    run: Run,
    now: datetime | None,
    settings: AlertSettings,
    writer: MessageWriter,
) -> Iterator[Message]:
    if run.started is None or now is None or run.job == UPKEEP or run.run_id in state.slow:
        return
    if now - run.started > settings.sla:
        state.slow.append(run.run_id)
        yield writer.slow(run, now - run.started, settings.sla)


def _mended(state: AlertState, run: Run, writer: MessageWriter) -> Iterator[Message]:
    for key, failing in list(state.failing.items()):
        succeeded = set(failing.steps) <= run.steps if failing.steps else run.success
        if not succeeded or (not failing.hours and run.job != failing.job):
            continue
        if failing.hours and run.hours is None:
            continue
        failing.ongoing = False
        if run.hours is not None and failing.hours:
            failing.hours = hour_ranges.minus(failing.hours, [run.hours])
            if failing.hours:
                continue
        del state.failing[key]
        yield writer.resolved(failing.job, failing.cause, run)


def _published(state: AlertState, run: Run, writer: MessageWriter) -> Iterator[Message]:
    for stream, hours in list(state.blocked.items()):
        if stream not in run.judged:
            continue
        still = [one.hour for one in run.blocked if one.stream == stream]
        if not hours:  # a reference table
            del state.blocked[stream]
            yield writer.published(stream, (), run)
        elif run.hours is not None:
            passed = hour_ranges.minus([run.hours], [HourRange.single(h) for h in still if h])
            left = hour_ranges.minus(hours, passed)
            if left:
                state.blocked[stream] = left
            else:
                del state.blocked[stream]
            if opened := hour_ranges.minus(hours, left):
                yield writer.published(stream, opened, run)


def _newly_blocked(state: AlertState, run: Run, writer: MessageWriter) -> Iterator[Message]:
    streams: dict[str, list[Blocked]] = {}
    for one in run.blocked:
        known = state.blocked.get(one.stream)
        if known is None or (one.hour is not None and not hour_ranges.holds(known, one.hour)):
            streams.setdefault(one.stream, []).append(one)
    for stream, new in streams.items():
        hours = [HourRange.single(one.hour) for one in new if one.hour is not None]
        state.blocked[stream] = hour_ranges.merged(state.blocked.get(stream, []) + hours)
        yield writer.blocked(stream, new, run)


def _newly_failing(state: AlertState, run: Run, writer: MessageWriter) -> Iterator[Message]:
    causes: dict[str, list[Failed]] = {}
    for one in run.failed:
        causes.setdefault(_key(run, cause_text(one)), []).append(one)
    for key, failed in causes.items():
        known = state.failing.get(key)
        cause = cause_text(failed[0])
        hours = [run.hours] if run.hours is not None else []
        steps = sorted({one.step for one in failed if one.step})
        if known is None:
            state.failing[key] = Failing(run.job, cause, steps, hours)
            news = True
        else:
            all_known = run.hours is None or hour_ranges.covers(known.hours, run.hours)
            news = not known.ongoing and not all_known
            known.hours = hour_ranges.merged(known.hours + hours)
            known.steps = sorted({*known.steps, *steps})
            known.ongoing = True
        if news:
            upkeep = run.job == UPKEEP
            yield writer.failed(run, steps, cause, kind="upkeep" if upkeep else "failure")


def _key(run: Run, cause: str) -> str:
    """Hours can be run well by any job; what has no hours, by its own."""
    return f"{run.job if run.hours is None else 'hours'}: {re.sub(r'[0-9]+', '#', cause)}"


def _freshness(state: AlertState, facts: Facts, writer: MessageWriter) -> Iterator[Message]:
    for one in facts.freshness:
        if not one.fresh and one.stream not in state.stale:
            state.stale.append(one.stream)
            yield writer.stale(one)
        elif one.fresh and one.stream in state.stale:
            state.stale.remove(one.stream)
            yield writer.fresh(one)


def _forget(state: AlertState, facts: Facts) -> None:
    """Drop what no later facts can concern."""
    state.since = max(state.since, (facts.until or facts.now) - OVERLAP)
    state.handled = {run: at for run, at in state.handled.items() if at >= state.since}
    alive = {run.run_id for run in facts.running} | set(state.handled)
    state.slow = [run for run in state.slow if run in alive]
