"""What a sensor of reports remembers: which periods it looks after, and which are due."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Self

from pydantic import TypeAdapter

from chimera_assets.reports.periods import last_over, period_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: A run that failed is asked for again after this, twice as long each time up to the most.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A period whose report is to be built.

    Attributes:
        tries: How often a run was asked for.
        run_key: That of the run that was asked for; "" if none was.
        asked: When.
    """

    tries: int = 0
    run_key: str = ""
    asked: datetime | None = None

    def again(self) -> datetime | None:
        """When it is asked for again if the run failed; None if none was asked for."""
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self.tries - 1, 10))
        return self.asked + pause if self.asked is not None else None


@dataclass(frozen=True, slots=True)
class ReportCursor:
    """What is remembered.

    Attributes:
        since: The first day of the first period that is looked after.
        until: The first day of the newest one.
        seen: The version of `quality/batches` that was looked at.
        looked: When that version was looked at first.
        due: First day -> the period's report is to be built, for the first time or again.
    """

    since: date
    until: date
    seen: int
    looked: datetime
    due: dict[date, Due] = field(default_factory=dict)

    @classmethod
    def begin(cls, kind: str, now: datetime, seen: int) -> Self:
        """At the first look the newest period that is over is due, and none before it."""
        first = last_over(kind, now).first
        return cls(first, first, seen, now, {first: Due()})

    @classmethod
    def parse(cls, text: str) -> ReportCursor:
        """The cursor that Dagster kept."""
        return _ADAPTER.validate_json(text)

    def to_json(self) -> str:
        """The cursor as Dagster keeps it."""
        return _ADAPTER.dump_json(self).decode()

    def moved_on(self, kind: str, now: datetime) -> Self:
        """With the periods that are over by now."""
        added = {first: Due() for first in _firsts_after(kind, self.until, now)}
        return replace(self, until=max((self.until, *added)), due=self.due | added)

    def judged(self, kind: str, days: Collection[date], seen: int, now: datetime) -> Self:
        """With the periods of which hours were judged since."""
        periods = sorted({period_of(kind, day).first for day in days})
        again = {first: Due() for first in periods if self.since <= first <= self.until}
        return replace(self, seen=seen, looked=now, due=self.due | again)

    def asked(self, first: date, run_key: str, now: datetime) -> Self:
        """With a run asked for."""
        tries = self.due[first].tries + 1
        return replace(self, due=self.due | {first: Due(tries, run_key, now)})

    def done(self, first: date) -> Self:
        """With a period that is due no longer."""
        return replace(self, due={day: due for day, due in self.due.items() if day != first})


def _firsts_after(kind: str, first: date, now: datetime) -> Iterator[date]:
    """The first days of the periods after one that are over."""
    newest = last_over(kind, now).first
    while first < newest:
        first = period_of(kind, first).end
        yield first


_ADAPTER = TypeAdapter(ReportCursor)
