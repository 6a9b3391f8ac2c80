"""The texts of alerts: what, which hours, how many rows, where to look. Never a value of a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from chimera_assets.hours import ONE_HOUR, HourRange
from chimera_assets.quality.event_lag import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.runs.facts import Blocked, Failed, Freshness, Report, Run

Kind = Literal[
    "failure", "gate", "sla", "late", "freshness", "upkeep", "report", "success", "resolved"
]

#: Hours listed one by one; of more, the number is given.
_LISTED = 6
_LONGEST_CAUSE = 400
_MINUTE = timedelta(minutes=1)
_ISO = "%Y-%m-%dT%H:%MZ"


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its kind, a title of one line, a body of a few."""

    kind: Kind
    title: str
    body: str


class MessageWriter:
    """Words each kind of alert.

    Args:
        ui_url: The address of the Dagster pages, without a slash at its end; "" if unknown.
    """

    def __init__(self, ui_url: str = "") -> None:
        self._ui = ui_url

    def failed(self, run: Run, steps: Sequence[str], cause: str, *, kind: Kind) -> Message:
        """A cause that was not known."""
        subject = _subject(run)
        where = f"{', '.join(steps)}: " if steps else ""
        lines = [
            f"{where}{_cut(cause)}",
            "Further runs that fail for the same reason are not reported until it is over.",
        ]
        if run.hours is not None:
            lines.append(
                f"Once it is fixed: {_backfill(run.hours)} (or a longer range, if more hours "
                "failed since)"
            )
        return Message(kind, f"Chimera: {subject} failed", _body(*lines, self._run(run)))

    def blocked(self, stream: str, gates: Sequence[Blocked], run: Run) -> Message:
        """Gates that did not open."""
        hours = [HourRange.single(one.hour) for one in gates if one.hour is not None]
        if not hours:
            (one, *_) = gates
            return Message(
                "gate",
                f"Chimera: {stream} blocked",
                _body(
                    f"{one.rejected:,} of {one.extracted:,} rows were rejected, more than the "
                    "contract allows. The table was not replaced, and what compares with it waits.",
                    f"Look: chimera quarantine list --stream {stream}",
                    self._run(run),
                ),
            )
        listed = [
            f"{_hour(one.hour)}: {one.rejected:,} of {one.extracted:,} rows rejected"
            for one in gates[:_LISTED]
            if one.hour is not None
        ]
        if len(gates) > _LISTED:
            rejected = sum(one.rejected for one in gates)
            total = sum(one.extracted for one in gates)
            listed.append(
                f"and {len(gates) - _LISTED:,} more hours; {rejected:,} of {total:,} rows in all"
            )
        span = HourRange(hours[0].start, hours[-1].end)
        return Message(
            "gate",
            f"Chimera: {stream} blocked, {_few(hours)}",
            _body(
                *listed,
                "More than the contract allows, so nothing of this was published; what was "
                "published before stays.",
                f"Look: chimera quarantine list --stream {stream} {_choice(span)}",
                self._run(run),
            ),
        )

    def slow(self, run: Run, elapsed: timedelta, sla: timedelta) -> Message:
        """A run over its time."""
        verb = "is still running after" if run.ended is None else "took"
        tail = " It goes on." if run.ended is None else ""
        return Message(
            "sla",
            f"Chimera: {_subject(run)} is slow",
            _body(
                f"{run.job} {verb} {_minutes(elapsed)}; the limit is {_minutes(sla)}.{tail}",
                self._run(run),
            ),
        )

    def late(self, run: Run) -> Message:
        """Late rows, extracted."""
        late = run.late
        stream = (late.stream if late else "") or "a stream"
        counted = late.rows if late else None
        rows = "Rows" if counted is None else f"{counted:,} {_plural(counted, 'row')}"
        return Message(
            "late",
            f"Chimera: late rows in {stream}, {_subject(run)}",
            _body(
                f"{rows} of {stream} came after their hour had been processed. The hour was "
                "extracted again with them; nothing is left to do.",
                self._run(run),
            ),
        )

    def success(self, run: Run) -> Message:
        """A run that went well."""
        took = f" in {_minutes(run.ended - run.started)}" if run.ended and run.started else ""
        return Message(
            "success",
            f"Chimera: {_subject(run)} done",
            _body(f"{run.job} succeeded{took}.", self._run(run)),
        )

    def report(self, run: Run, report: Report) -> Message:
        """A report that was built: where it is, and nothing of what it says."""
        return Message(
            "report",
            f"Chimera: report {report.name} was built",
            _body(
                f"It is in {report.place}",
                f"Verify it: chimera report verify {report.name}",
                self._run(run),
            ),
        )

    def stale(self, freshness: Freshness) -> Message:
        """A stream that is not fresh."""
        return Message(
            "freshness",
            f"Chimera: {freshness.stream} is not fresh",
            _body(_lag(freshness), "Look: chimera status", self._asset(freshness.stream)),
        )

    def fresh(self, freshness: Freshness) -> Message:
        """A stream that is fresh again."""
        return Message(
            "resolved",
            f"Chimera: {freshness.stream} is fresh again",
            _body(_lag(freshness), self._asset(freshness.stream)),
        )

    def resolved(self, job: str, cause: str, run: Run) -> Message:
        """A failure that is over; the last of its hours is resolved."""
        what = (
            "Every hour that failed by it has succeeded since."
            if run.hours
            else f"{job} succeeded."
        )
        return Message(
            "resolved",
            f"Chimera: {_subject(run)} recovered",
            _body(f"Over: {_cut(cause)}", what, self._run(run)),
        )

    def published(self, stream: str, hours: Sequence[HourRange], run: Run) -> Message:
        """Gates that have opened."""
        when = f", {_few(hours)}" if hours else ""
        return Message(
            "resolved",
            f"Chimera: {stream} published{when}",
            _body("It was blocked by its gate and has passed it now.", self._run(run)),
        )

    def _run(self, run: Run) -> str:
        return f"Run: {self._ui}/runs/{run.run_id}" if self._ui else f"Run: {run.run_id}"

    def _asset(self, stream: str) -> str:
        return f"Asset: {self._ui}/assets/staged/{stream}?view=checks" if self._ui else ""


def cause_text(failed: Failed) -> str:
    """Why a step, a check or a run failed, in one line; the same cause has the same text."""
    if failed.check:
        return f"check {failed.check} of {failed.asset} failed: {failed.cause}"
    return failed.cause or "the run's process ended without a message"


def _lag(freshness: Freshness) -> str:
    return in_words(freshness.lag, freshness.checked) if freshness.lag is not None else ""


def _body(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


def _cut(cause: str) -> str:
    return cause if len(cause) <= _LONGEST_CAUSE else cause[: _LONGEST_CAUSE - 1] + "…"


def _subject(run: Run) -> str:
    if run.report is not None:
        return f"report {run.report.name}"
    if run.hours is None:
        return run.job
    return f"{'hour' if len(run.hours) == 1 else 'hours'} {_when(run.hours)}"


def _when(hours: HourRange) -> str:
    if len(hours) == 1:
        return f"{_hour(hours.start)} UTC"
    return f"{_hour(hours.start)} to {_hour(hours.end - ONE_HOUR)} UTC ({len(hours):,} hours)"


def _few(hours: Sequence[HourRange]) -> str:
    """One hour by name, more by number."""
    count = sum(len(one) for one in hours)
    if count == 1:
        return _when(hours[0])
    span = HourRange(hours[0].start, hours[-1].end)
    return f"{count:,} hours of {_hour(span.start)} to {_hour(span.end - ONE_HOUR)} UTC"


def _hour(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment is not None else ""


def _choice(hours: HourRange) -> str:
    if len(hours) == 1:
        return f"--hour {hours.start:%Y-%m-%dT%H}"
    return f"--from {hours.start:{_ISO}} --to {hours.end:{_ISO}}"


def _backfill(hours: HourRange) -> str:
    return f"chimera backfill --start {hours.start:{_ISO}} --end {hours.end:{_ISO}}"


def _minutes(time: timedelta) -> str:
    if time < 2 * _MINUTE:
        return f"{time.total_seconds():.0f} s"
    return f"{time / _MINUTE:.0f} minutes"


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
