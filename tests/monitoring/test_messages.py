"""The messages themselves, whole: what, which hours, how many rows, where to look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from chimera_assets.hours import HourRange
from chimera_assets.monitoring.alerts.messages import Message, MessageWriter
from chimera_assets.quality.event_lag import EventLag
from chimera_assets.runs.facts import Blocked, Freshness, Late, Report, Run

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 1, 31, 22, tzinfo=UTC)
END = START + timedelta(hours=5)


def hours(first: int, last: int) -> HourRange:
    return HourRange(START + timedelta(hours=first), START + timedelta(hours=last + 1))


ONE, THREE = hours(0, 0), hours(1, 3)  # the second across midnight

RUN = Run("r-1", "chimera_etl_hourly", ONE, END, END + timedelta(minutes=3), success=True)
WIDE = replace(RUN, hours=THREE)
ALONE = replace(RUN, job="chimera_upkeep", hours=None)
REPORT = Report("weekly-2026-W05.r1", "/lake/reports/2026-W05/weekly-2026-W05.r1")
WEEKLY = replace(ALONE, job="compliance_report_weekly", report=REPORT)
UNBUILT = replace(WEEKLY, report=Report("weekly-2026-W05"))

TO = MessageWriter("http://ui")


def gates(count: int) -> list[Blocked]:
    return [
        Blocked("generations", START + timedelta(hours=n), 1_000 + n, 20 + n) for n in range(count)
    ]


def lag(hours_ago: int, *, fresh: bool) -> Freshness:
    newest = END - timedelta(hours=hours_ago + 1)
    ago = timedelta(hours=hours_ago)
    return Freshness(
        "generations", fresh, END, EventLag(newest, newest, newest, ago, timedelta(hours=2))
    )


CAUSE = "connection refused"
NOT_AGAIN = "Further runs that fail for the same reason are not reported until it is over."
NO_PUBLISHING = (
    "More than the contract allows, so nothing of this was published; what was published before "
    "stays."
)

#: What happened -> how it is worded, and the message that it makes.
SAID: dict[str, tuple[Callable[[], Message], Message]] = {
    "an hour failed": (
        lambda: TO.failed(RUN, ["raw/generations", "warehouse"], CAUSE, kind="failure"),
        Message(
            "failure",
            "Chimera: hour 2026-01-31 22:00 UTC failed",
            f"raw/generations, warehouse: {CAUSE}\n{NOT_AGAIN}\n"
            "Once it is fixed: chimera backfill --start 2026-01-31T22:00Z --end 2026-01-31T23:00Z "
            "(or a longer range, if more hours failed since)\nRun: http://ui/runs/r-1",
        ),
    ),
    "hours failed, by a long cause of no step": (
        lambda: MessageWriter().failed(WIDE, [], "x" * 401, kind="failure"),
        Message(
            "failure",
            "Chimera: hours 2026-01-31 23:00 to 2026-02-01 01:00 UTC (3 hours) failed",
            f"{'x' * 399}…\n{NOT_AGAIN}\n"
            "Once it is fixed: chimera backfill --start 2026-01-31T23:00Z --end 2026-02-01T02:00Z "
            "(or a longer range, if more hours failed since)\nRun: r-1",
        ),
    ),
    "a job failed": (
        lambda: TO.failed(ALONE, [], "x" * 400, kind="upkeep"),
        Message(
            "upkeep",
            "Chimera: chimera_upkeep failed",
            f"{'x' * 400}\n{NOT_AGAIN}\nRun: http://ui/runs/r-1",
        ),
    ),
    "a table was blocked": (
        lambda: TO.blocked("providers", [Blocked("providers", None, 2_000, 1_500)], RUN),
        Message(
            "gate",
            "Chimera: providers blocked",
            "1,500 of 2,000 rows were rejected, more than the contract allows. The table was not "
            "replaced, and what compares with it waits.\n"
            "Look: chimera quarantine list --stream providers\nRun: http://ui/runs/r-1",
        ),
    ),
    "an hour was blocked": (
        lambda: TO.blocked("generations", gates(1), RUN),
        Message(
            "gate",
            "Chimera: generations blocked, 2026-01-31 22:00 UTC",
            f"2026-01-31 22:00: 20 of 1,000 rows rejected\n{NO_PUBLISHING}\n"
            "Look: chimera quarantine list --stream generations --hour 2026-01-31T22\n"
            "Run: http://ui/runs/r-1",
        ),
    ),
    "hours were blocked": (
        lambda: TO.blocked("generations", gates(8), RUN),
        Message(
            "gate",
            "Chimera: generations blocked, 8 hours of 2026-01-31 22:00 to 2026-02-01 05:00 UTC",
            "2026-01-31 22:00: 20 of 1,000 rows rejected\n"
            "2026-01-31 23:00: 21 of 1,001 rows rejected\n"
            "2026-02-01 00:00: 22 of 1,002 rows rejected\n"
            "2026-02-01 01:00: 23 of 1,003 rows rejected\n"
            "2026-02-01 02:00: 24 of 1,004 rows rejected\n"
            "2026-02-01 03:00: 25 of 1,005 rows rejected\n"
            "and 2 more hours; 188 of 8,028 rows in all\n"
            f"{NO_PUBLISHING}\n"
            "Look: chimera quarantine list --stream generations --from 2026-01-31T22:00Z "
            "--to 2026-02-01T06:00Z\nRun: http://ui/runs/r-1",
        ),
    ),
    "a run is slow": (
        lambda: TO.slow(replace(RUN, ended=None), timedelta(seconds=119), timedelta(minutes=2)),
        Message(
            "sla",
            "Chimera: hour 2026-01-31 22:00 UTC is slow",
            "chimera_etl_hourly is still running after 119 s; the limit is 2 minutes. It goes on.\n"
            "Run: http://ui/runs/r-1",
        ),
    ),
    "a run was slow": (
        lambda: TO.slow(ALONE, timedelta(minutes=61), timedelta(minutes=10)),
        Message(
            "sla",
            "Chimera: chimera_upkeep is slow",
            "chimera_upkeep took 61 minutes; the limit is 10 minutes.\nRun: http://ui/runs/r-1",
        ),
    ),
    **{
        f"late rows: {rows}": (
            lambda rows=rows: TO.late(replace(RUN, late=Late("generations", rows))),
            Message(
                "late",
                "Chimera: late rows in generations, hour 2026-01-31 22:00 UTC",
                f"{words} of generations came after their hour had been processed. The hour was "
                "extracted again with them; nothing is left to do.\nRun: http://ui/runs/r-1",
            ),
        )
        for rows, words in ((None, "Rows"), (1, "1 row"), (1_234, "1,234 rows"))
    },
    "late rows of nobody knows which stream": (
        lambda: TO.late(replace(RUN, late=Late("", 2))),
        Message(
            "late",
            "Chimera: late rows in a stream, hour 2026-01-31 22:00 UTC",
            "2 rows of a stream came after their hour had been processed. The hour was extracted "
            "again with them; nothing is left to do.\nRun: http://ui/runs/r-1",
        ),
    ),
    "a report was built": (
        lambda: TO.report(WEEKLY, REPORT),
        Message(
            "report",
            "Chimera: report weekly-2026-W05.r1 was built",
            "It is in /lake/reports/2026-W05/weekly-2026-W05.r1\n"
            "Verify it: chimera report verify weekly-2026-W05.r1\nRun: http://ui/runs/r-1",
        ),
    ),
    "a report failed": (
        lambda: TO.failed(UNBUILT, ["reports/weekly"], CAUSE, kind="failure"),
        Message(
            "failure",
            "Chimera: report weekly-2026-W05 failed",
            f"reports/weekly: {CAUSE}\n{NOT_AGAIN}\nRun: http://ui/runs/r-1",
        ),
    ),
    "a run went well": (
        lambda: TO.success(RUN),
        Message(
            "success",
            "Chimera: hour 2026-01-31 22:00 UTC done",
            "chimera_etl_hourly succeeded in 3 minutes.\nRun: http://ui/runs/r-1",
        ),
    ),
    "a run went well that never started": (
        lambda: TO.success(replace(RUN, started=None)),
        Message(
            "success",
            "Chimera: hour 2026-01-31 22:00 UTC done",
            "chimera_etl_hourly succeeded.\nRun: http://ui/runs/r-1",
        ),
    ),
    "a stream is stale": (
        lambda: TO.stale(lag(3, fresh=False)),
        Message(
            "freshness",
            "Chimera: generations is not fresh",
            "The newest hour with rows is 2026-01-31 23:00 UTC, which ended 3 h ago; the contract "
            "allows 2 h. No later hour was published: does the hourly job run, and do its runs "
            "succeed?\nLook: chimera status\nAsset: http://ui/assets/staged/generations?view=checks",
        ),
    ),
    "a stream is stale, by an earlier release": (
        lambda: MessageWriter().stale(Freshness("generations", fresh=False, checked=END)),
        Message("freshness", "Chimera: generations is not fresh", "Look: chimera status"),
    ),
    "a stream is fresh": (
        lambda: TO.fresh(lag(1, fresh=True)),
        Message(
            "resolved",
            "Chimera: generations is fresh again",
            "The newest hour with rows is 2026-02-01 01:00 UTC, which ended 1 h ago; the "
            "contract allows 2 h.\nAsset: http://ui/assets/staged/generations?view=checks",
        ),
    ),
    "hours are over": (
        lambda: TO.resolved("chimera_etl_hourly", CAUSE, WIDE),
        Message(
            "resolved",
            "Chimera: hours 2026-01-31 23:00 to 2026-02-01 01:00 UTC (3 hours) recovered",
            f"Over: {CAUSE}\nEvery hour that failed by it has succeeded since.\n"
            "Run: http://ui/runs/r-1",
        ),
    ),
    "a job is over": (
        lambda: TO.resolved("chimera_upkeep", CAUSE, ALONE),
        Message(
            "resolved",
            "Chimera: chimera_upkeep recovered",
            f"Over: {CAUSE}\nchimera_upkeep succeeded.\nRun: http://ui/runs/r-1",
        ),
    ),
    "hours are published": (
        lambda: TO.published("generations", [ONE, hours(2, 3)], WIDE),
        Message(
            "resolved",
            "Chimera: generations published, 3 hours of 2026-01-31 22:00 to 2026-02-01 01:00 UTC",
            "It was blocked by its gate and has passed it now.\nRun: http://ui/runs/r-1",
        ),
    ),
    "a table is published": (
        lambda: TO.published("providers", (), RUN),
        Message(
            "resolved",
            "Chimera: providers published",
            "It was blocked by its gate and has passed it now.\nRun: http://ui/runs/r-1",
        ),
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_a_message(case: str) -> None:
    worded, expected = SAID[case]
    assert worded() == expected
