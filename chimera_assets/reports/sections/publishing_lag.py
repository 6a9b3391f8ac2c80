"""How soon after its end an hour was published, by the accounts of hours in `quality/batches`.

What a stream took in of the time before its first commit is history, not lag: nobody could have
had it sooner.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from chimera_assets.errors import counted
from chimera_assets.hours import ONE_HOUR
from chimera_assets.layers import RAW
from chimera_assets.quality.event_lag import allowed_lag
from chimera_assets.reports import document as doc
from chimera_assets.reports.missing_hours import EARLIER
from chimera_assets.warehouse.duckdb import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake
    from chimera_assets.reports.answers import Answer
    from chimera_assets.reports.missing_hours import MissingHours

_NUMBER, _TIME, _SHARE = doc.Kind.number, doc.Kind.time, doc.Kind.share

#: Longer periods are drawn by the day.
_MOST_HOURS_DRAWN = 48
#: So many lines can be told apart.
_MOST_LINES = 8

_PUBLISHED = """
WITH promised(stream, allowed_minutes, began) AS (VALUES {promised}),
published AS (
    SELECT stream, hour_partition::TIMESTAMP + to_hours(hour + 1) AS ended,
        timezone('UTC', min(judged_at) FILTER (published)) AS published
    FROM quality.batches GROUP BY ALL
),
lags AS (
    SELECT stream, ended, published, allowed_minutes, ended <= began AS history,
        greatest(date_diff('minute', ended, published), 0) AS minutes
    FROM published JOIN promised USING (stream) WHERE published IS NOT NULL
)
"""
_BY_STREAM = """
SELECT stream, allowed_minutes, count(*) FILTER (history) AS history,
    count(*) FILTER (NOT history) AS hours,
    count(*) FILTER (NOT history AND minutes <= allowed_minutes) AS in_time,
    count(*) FILTER (NOT history AND minutes <= allowed_minutes)
        / nullif(count(*) FILTER (NOT history), 0) AS share_in_time,
    median(minutes) FILTER (NOT history) AS median_minutes,
    max(minutes) FILTER (NOT history) AS longest_minutes
FROM lags GROUP BY stream, allowed_minutes ORDER BY stream
"""
_LATE = """
SELECT stream, timezone('UTC', ended - INTERVAL 1 HOUR) AS hour,
    timezone('UTC', published) AS published, minutes, allowed_minutes
FROM lags WHERE NOT history AND minutes > allowed_minutes ORDER BY ended, stream
"""
_BY_TIME = """
SELECT stream, timezone('UTC', time_bucket(INTERVAL {step}, ended - INTERVAL 1 HOUR)) AS time,
    count(*) AS hours, median(minutes) AS median_minutes, max(minutes) AS longest_minutes
FROM lags WHERE NOT history GROUP BY ALL ORDER BY stream, time
"""

STREAM_COLUMNS = (
    doc.Column("stream", "Stream"),
    doc.Column("allowed_minutes", "Allowed", _NUMBER, "min"),
    doc.Column("history", "History", _NUMBER),
    doc.Column("hours", "Hours", _NUMBER),
    doc.Column("in_time", "In time", _NUMBER),
    doc.Column("share_in_time", "Share in time", _SHARE),
    doc.Column("median_minutes", "Median", _NUMBER, "min"),
    doc.Column("longest_minutes", "Longest", _NUMBER, "min"),
)
TIME_COLUMNS = (
    doc.Column("stream", "Stream"),
    doc.Column("time", "From", _TIME),
    doc.Column("hours", "Hours", _NUMBER),
    doc.Column("median_minutes", "Median", _NUMBER, "min"),
    doc.Column("longest_minutes", "Longest", _NUMBER, "min"),
)
LATE_COLUMNS = (
    doc.Column("stream", "Stream"),
    doc.Column("hour", "Hour", _TIME),
    doc.Column("published", "First published", _TIME),
    doc.Column("minutes", "Lag", _NUMBER, "min"),
    doc.Column("allowed_minutes", "Allowed", _NUMBER, "min"),
)


def queries(lake: Lake, contracts: Iterable[Contract], hours: int) -> dict[str, str]:
    """The SELECTs, over the accounts of a period of so many hours; none without a stream."""
    rows = ", ".join(
        f"({quoted(contract.stream)}, {int(allowed_lag(contract) / timedelta(minutes=1))}, "
        f"TIMESTAMP '{began:%Y-%m-%d %H:%M:%S}')"
        for contract, began in _running(lake, contracts)
    )
    if not rows:
        return {}
    step = "1 HOUR" if hours <= _MOST_HOURS_DRAWN else "1 DAY"
    published = _PUBLISHED.format(promised=rows)
    asked = {"streams": _BY_STREAM, "late": _LATE, "over_time": _BY_TIME.format(step=step)}
    return {name: f"{published}{sql}".strip() for name, sql in asked.items()}


def _running(lake: Lake, contracts: Iterable[Contract]) -> Iterator[tuple[Contract, datetime]]:
    """The streams that were ever extracted, and when their table was made."""
    for contract in contracts:
        raw = lake.table(RAW, contract.stream)
        if contract.kind == "stream" and raw.exists():
            milliseconds = raw.delta().metadata().created_time or 0
            yield contract, datetime.fromtimestamp(milliseconds / 1000, UTC)


def chart(answer: Answer, hours: int) -> doc.Chart | None:
    """The longest lag of each stream over time; None where no hour counts."""
    lags: dict[str, dict[datetime, int]] = defaultdict(dict)
    for stream, time, _, _, longest in answer.rows:
        lags[stream][time] = longest
    x = sorted({time for of_stream in lags.values() for time in of_stream})
    if not x:
        return None
    ranked = sorted(lags, key=lambda stream: (-max(lags[stream].values()), stream))
    drawn = sorted(ranked[:_MOST_LINES])
    each = "hour" if hours <= _MOST_HOURS_DRAWN else "day"
    fewer = f", the {_MOST_LINES} streams with the longest" if len(lags) > _MOST_LINES else ""
    return doc.Chart(
        "publishing_lag",
        f"The longest lag of each {each}{fewer}",
        f"Of {', '.join(drawn)}, each {each}: the most minutes from the end of an hour until it "
        "was first published. The table below has the same numbers.",
        doc.ChartKind.line,
        tuple(x),
        tuple(doc.Series(stream, tuple(lags[stream].get(time) for time in x)) for stream in drawn),
        unit="min",
    )


def findings(streams: Answer, lacking: MissingHours, now: datetime) -> Iterator[doc.Finding]:
    """Of each stream whether its hours were published in the time that its contract allows.

    Args:
        streams: The answer to `streams`.
        lacking: The hours that were never published, which are late once their time is up.
        now: The present.
    """
    for stream, minutes, history, hours, in_time, *_ in streams.rows:
        allowed = timedelta(minutes=minutes)
        never = [
            hour + ONE_HOUR + allowed <= now
            for one in lacking.lacking
            if one.stream == stream and one.state != EARLIER
            for hour in one.hours
        ]
        late = sum(never)
        seen = {
            f"{in_time:,} of {counted(hours, 'hour')} in time": hours,
            f"{counted(late, 'hour')} late and not published at all": late,
            f"{counted(len(never) - late, 'hour')} not published yet": len(never) - late,
            f"{counted(history, 'hour')} of before the stream ran here, not judged": history,
        }
        if late or in_time < hours:
            status = doc.Status.not_satisfied
        elif hours and not never:
            status = doc.Status.satisfied
        else:
            status = doc.Status.not_evaluated
        title = f"Hours of {stream} are published within {minutes / 60:g} h of their end"
        words = tuple(text for text, count in seen.items() if count)
        yield doc.Finding(f"reliability.lag.{stream}", title, status, words)
