"""The partitions of reports: days, weeks from Monday (ISO 8601) and months, UTC.

A partition is named by its first day. The first is the one in which the hourly partitions begin.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import dagster as dg

from chimera_assets.orchestration.partitions import HOURLY_PARTITIONS
from chimera_assets.reports.periods import DAILY, MONTHLY, WEEKLY, ReportPeriod, period_of

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Dagster's number of the day.
_MONDAY = 1


def _begin(kind: str) -> datetime:
    first = period_of(kind, HOURLY_PARTITIONS.start.date()).first
    return datetime.combine(first, time(), UTC)


#: Kind of report -> its partitions.
REPORT_PARTITIONS: Mapping[str, dg.TimeWindowPartitionsDefinition] = {
    DAILY: dg.DailyPartitionsDefinition(start_date=_begin(DAILY), timezone="UTC"),
    WEEKLY: dg.WeeklyPartitionsDefinition(
        start_date=_begin(WEEKLY), timezone="UTC", day_offset=_MONDAY
    ),
    MONTHLY: dg.MonthlyPartitionsDefinition(start_date=_begin(MONTHLY), timezone="UTC"),
}


def report_key(period: ReportPeriod) -> str:
    """The partition of a period."""
    return period.first.isoformat()


def report_period(kind: str, key: str) -> ReportPeriod:
    """The period of a partition."""
    return period_of(kind, date.fromisoformat(key))
