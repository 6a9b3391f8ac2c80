"""What happened in runs, as far as alerts need it: facts, which `monitoring.alerts` words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.runs.step_names import judged_stream

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.hours import HourRange
    from chimera_assets.quality.event_lag import EventLag


@dataclass(frozen=True, slots=True)
class Failed:
    """A step that failed, or a blocking check in it.

    Attributes:
        step: The step; "" if a run died outside of any.
        cause: Why, in one line, or what the check found; "" if the run recorded nothing.
        check: The check that failed, if one did.
        asset: What it checks, as `layer/table`.
    """

    step: str
    cause: str
    check: str = ""
    asset: str = ""


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
class Report:
    """The report that a run built, or was to build.

    Attributes:
        name: What it is called.
        place: Where it is; "" if it was not built, or has the figures that it had.
    """

    name: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run, in progress (`ended` is None) or over.

    Attributes:
        run_id: Dagster's id of it.
        job: Its job; Dagster's own name where assets were started by hand.
        hours: The hours it was for, if it was for hours.
        started: When it started; None if it never did.
        ended: When it ended.
        success: Whether it ended well.
        steps: The steps that succeeded.
        failed: What failed, gates left out.
        blocked: The gates that did not open.
        late: The late rows it extracted, if it was for late rows.
        report: The report that it was for, if it was for one.
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
    report: Report | None = None

    @property
    def judged(self) -> frozenset[str]:
        """The streams whose rows the run judged."""
        return frozenset(filter(None, map(judged_stream, self.steps)))


@dataclass(frozen=True, slots=True)
class Freshness:
    """The latest result of a stream's check `event_lag`.

    Attributes:
        stream: The stream.
        fresh: Whether the check passed.
        checked: When it ran.
        lag: What it measured; None if an earlier release recorded it.
    """

    stream: str
    fresh: bool
    checked: datetime
    lag: EventLag | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known now.

    Attributes:
        now: When it was read.
        ended: Runs that ended, oldest first.
        running: Runs in progress.
        freshness: The latest result of each stream.
        until: Runs that ended before this have all been read.
    """

    now: datetime
    ended: tuple[Run, ...] = ()
    running: tuple[Run, ...] = ()
    freshness: tuple[Freshness, ...] = ()
    until: datetime | None = None
