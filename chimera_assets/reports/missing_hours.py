"""The hours of a period that a report lacks: never published, or held back by their gate.

An hour is published once an extraction of it has passed its gate, with rows or without.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chimera_assets.errors import counted
from chimera_assets.hour_ranges import ranges
from chimera_assets.hours import ONE_HOUR, HourRange, floor_hour
from chimera_assets.reports.answers import Answer
from chimera_assets.reports.expected_hours import expected_hours
from chimera_assets.reports.queries import Scope
from chimera_assets.system_tables.batches import batches_table
from chimera_assets.warehouse.duckdb import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.reports.queries import PeriodTables

#: What is the matter with an hour.
MISSING, BLOCKED = "missing", "blocked"
#: Blocked, but rows of an earlier extraction of it were published, and are what is counted.
EARLIER = "blocked, with the rows of an earlier extraction"

_WORDS = {
    MISSING: "missing, nothing of that time was published",
    BLOCKED: "held back by the gate, too many rows broke a rule",
    EARLIER: "as extracted earlier, the gate holds back what was extracted since",
}
_PENDING = "without what a run has yet to take in or to finish"

#: Hours in a row are one row of the answer.
_SQL = """
WITH running(stream, first, last) AS (VALUES {running}),
expected AS (
    SELECT stream, unnest(generate_series(first, last, INTERVAL 1 HOUR)) AS hour_start FROM running
),
judged AS (
    SELECT stream, hour_partition::TIMESTAMP + to_hours(hour) AS hour_start,
        last(published ORDER BY judged_at, batch_id, run_id) AS published,
        bool_or(published) AS ever_published
    FROM quality.batches
    GROUP BY ALL
),
lacking AS (
    SELECT expected.stream, expected.hour_start,
        CASE WHEN judged.stream IS NULL THEN '{missing}' WHEN ever_published THEN '{earlier}'
            ELSE '{blocked}' END AS state
    FROM expected LEFT JOIN judged USING (stream, hour_start)
    WHERE published IS NOT TRUE
),
numbered AS (
    SELECT *, hour_start - to_hours(row_number() OVER (
        PARTITION BY stream, state ORDER BY hour_start)) AS together
    FROM lacking
)
SELECT stream, state, timezone('UTC', min(hour_start)) AS first_hour,
    timezone('UTC', max(hour_start)) AS last_hour, count(*) AS hours
FROM numbered
GROUP BY stream, state, together
ORDER BY stream, first_hour
"""


@dataclass(frozen=True, slots=True)
class LackingHours:
    """Hours in a row of a stream that the report lacks: `state` is one of the three above."""

    stream: str
    state: str
    hours: HourRange


@dataclass(frozen=True, slots=True)
class MissingHours:
    """What a report lacks.

    Attributes:
        lacking: Hours in a row, by stream and time.
        expected: Stream -> how many hours of the period it was expected to have.
        pending: Stream -> hours of the period that wait for a run, or for the end of one.
        begins: Stream -> its first hour ever, where that is after the period's begin.
        answer: From what it was computed; None if no hour was ever judged.
    """

    lacking: tuple[LackingHours, ...]
    expected: Mapping[str, int]
    pending: Mapping[str, Sequence[HourRange]]
    begins: Mapping[str, datetime]
    answer: Answer | None

    def notes(self, streams: Collection[str] | None = None) -> tuple[str, ...]:
        """A sentence for each, for the cover of a report; none if it lacks nothing.

        Args:
            streams: Only of these; None for all.
        """
        if streams is None:
            return tuple(self._notes())
        lacking = tuple(one for one in self.lacking if one.stream in streams)
        pending = {name: parts for name, parts in self.pending.items() if name in streams}
        begins = {name: first for name, first in self.begins.items() if name in streams}
        return replace(self, lacking=lacking, pending=pending, begins=begins).notes()

    def _notes(self) -> Iterator[str]:
        """Streams that lack the same hours for the same reason stand together."""
        streams: dict[tuple[HourRange, str], list[str]] = {}
        for one in self.lacking:
            streams.setdefault((one.hours, _WORDS[one.state]), []).append(one.stream)
        for stream, parts in sorted(self.pending.items()):
            for part in parts:
                streams.setdefault((part, _PENDING), []).append(stream)
        for (hours, words), names in streams.items():
            yield f"{', '.join(names)}, {_named(hours)}: {words}."
        together: dict[datetime, list[str]] = {}
        for stream, first in sorted(self.begins.items()):
            together.setdefault(first, []).append(stream)
        for first, names in together.items():
            yield f"{', '.join(names)}: of before {first:%Y-%m-%d %H:%M} UTC nothing was extracted."


def missing_hours(
    tables: PeriodTables, contracts: Mapping[str, Contract], period: HourRange, now: datetime
) -> MissingHours:
    """The hours of a period that a report lacks, of every stream that runs.

    Args:
        tables: The tables of the lake, each in one version.
        contracts: The contracts of the streams that run, by stream.
        period: The period.
        now: When the report is built.

    Raises:
        ChimeraError: The accounts of hours, or a stream's log, cannot be read.
    """
    streams = expected_hours(tables.lake, contracts, period)
    over = floor_hour(now)
    running = {
        stream: parts
        for stream, one in streams.items()
        if (parts := ranges(hour for hour in one.hours if hour < over))
    }
    pending = {stream: ranges(one.pending) for stream, one in streams.items()}
    expected = {stream: sum(map(len, parts)) for stream, parts in running.items()}
    answer = _answer(tables, period, running)
    begins = {
        stream: one.first
        for stream, one in streams.items()
        if one.first is not None and one.first > period.start
    }
    return MissingHours(tuple(_lacking(running, answer)), expected, pending, begins, answer)


def _answer(
    tables: PeriodTables, period: HourRange, running: Mapping[str, Sequence[HourRange]]
) -> Answer | None:
    if not running or not batches_table(tables.lake).exists():
        return None
    rows = ", ".join(
        f"({quoted(stream)}, TIMESTAMP '{part.start:%Y-%m-%d %H:%M}', "
        f"TIMESTAMP '{part.end - ONE_HOUR:%Y-%m-%d %H:%M}')"
        for stream, parts in sorted(running.items())
        for part in parts
    )
    sql = _SQL.format(running=rows, missing=MISSING, blocked=BLOCKED, earlier=EARLIER).strip()
    answer = tables.ask({"missing hours": sql}, Scope(period))["missing hours"]
    if not isinstance(answer, Answer):
        raise answer
    return answer


def _lacking(
    running: Mapping[str, Sequence[HourRange]], answer: Answer | None
) -> Iterator[LackingHours]:
    if answer is None:
        for stream, parts in sorted(running.items()):
            yield from (LackingHours(stream, MISSING, part) for part in parts)
        return
    for stream, state, first, last, _ in answer.rows:
        yield LackingHours(stream, state, HourRange(first, last + ONE_HOUR))


def _named(hours: HourRange) -> str:
    """Hours by name: from when until when, and how many."""
    until = f"{hours.end:%H:%M}" if len(hours) == 1 else f"{hours.end:%Y-%m-%d %H:%M}"
    return f"{hours.start:%Y-%m-%d %H:%M} to {until} UTC ({counted(len(hours), 'hour')})"
