"""What a measure found, and what it was asked for."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound: `what` is `ratio` (at least), `seconds`, `peak_mb` or a growth's name (at most)."""

    what: str
    bound: float

    def met(self, value: float) -> bool:
        """Whether the value is on the right side of the bound."""
        return value >= self.bound if self.what == "ratio" else value <= self.bound

    def __str__(self) -> str:
        reported = {
            "ratio": f">= {self.bound:g}",
            "seconds": f"<= {self.bound:.3g} s",
            "peak_mb": f"<= {self.bound:,.0f} MB",
        }
        return reported.get(self.what, f"{self.what} <= {self.bound:g}x")


@dataclass(slots=True)
class Outcome:
    """What a measure found.

    Attributes:
        rows: How many rows it took.
        ours: Seconds of ours, the median of the rounds.
        goals: What it is held to.
        floor: Seconds of the floor or peer, the median of the rounds; None where there is none.
        ratio: Speed of ours by that of the floor, the median over the rounds; 1 is as fast.
        growths: Where ours is compared with ours, by how many times each thing grew, by its name.
        peer: What the floor is, with its version, where it is not plain Polars and Delta.
        peak_mb: The most memory it held at once; of the measuring process if not measured better.
        details: Anything else worth keeping, such as the seconds of each step.
    """

    rows: int
    ours: float
    goals: tuple[Goal, ...]
    floor: float | None = None
    ratio: float | None = None
    growths: dict[str, float] = field(default_factory=dict)
    peer: str | None = None
    peak_mb: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def verdicts(self) -> list[tuple[Goal, bool]]:
        """Each goal, and whether it was met."""
        found = {"ratio": self.ratio, "seconds": self.ours, "peak_mb": self.peak_mb}
        values = [(goal, (self.growths | found)[goal.what]) for goal in self.goals]
        return [(goal, value is not None and goal.met(value)) for goal, value in values]


def alternated(
    rows: int,
    ours: Callable[[int], object],
    floor: Callable[[int], object],
    *,
    at_least: float,
    rounds: int = 3,
) -> Outcome:
    """Time the floor and ours in turn, so that both meet the same disturbances.

    Args:
        rows: How many rows either takes, for the record.
        ours: Called with the round's number.
        floor: The same.
        at_least: The ratio that ours is held to.
        rounds: How many are timed. One more goes before them, not timed, which loads libraries
            and fills caches for both.
    """
    timed: list[tuple[float, float]] = []
    for number in range(rounds + 1):
        pair = (_seconds(floor, number), _seconds(ours, number))
        if number:
            timed.append(pair)
    return Outcome(
        rows=rows,
        ours=statistics.median(mine for _, mine in timed),
        floor=statistics.median(theirs for theirs, _ in timed),
        ratio=statistics.median(theirs / mine for theirs, mine in timed),
        goals=(Goal("ratio", at_least),),
        details={"rounds": [{"floor": theirs, "ours": mine} for theirs, mine in timed]},
    )


def _seconds(action: Callable[[int], object], number: int) -> float:
    started = time.perf_counter()
    action(number)
    return time.perf_counter() - started
