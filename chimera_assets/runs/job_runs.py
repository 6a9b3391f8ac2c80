"""How the runs of jobs went, for reports, which know nothing of Dagster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from chimera_assets.hours import HourRange


@dataclass(frozen=True, slots=True)
class JobRuns:
    """The runs of a job that ended within some hours, as Dagster knows them.

    Attributes:
        job: The job.
        succeeded: How many ended well.
        failed: How many did not.
        canceled: How many were ended by somebody.
        retries: How many times a run or one of its steps was tried again.
        median_seconds: How long those that ended well took; None if none did.
        longest_seconds: How long the longest of them took.
    """

    job: str
    succeeded: int
    failed: int
    canceled: int
    retries: int
    median_seconds: float | None
    longest_seconds: float | None


#: What gives the runs that ended within some hours, a job each, by name.
RunsWithin: TypeAlias = Callable[[HourRange], Sequence[JobRuns]]
