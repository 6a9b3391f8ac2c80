"""The day and the week: how much an hour has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from chimera_assets.simulator.random_draws import seeded_random

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.packs.traffic.times import Rhythm

_SATURDAY = 5


def of_hour(seed: int, hour: datetime, rhythm: Rhythm) -> tuple[float, bool]:
    """What an hour has as a multiple of the mean over whole weeks, and whether a burst is in it."""
    chance = seeded_random(seed, "traffic", hour.isoformat())
    day = 1 - rhythm.swing * math.cos((hour.hour - rhythm.quietest_hour) / 24 * 2 * math.pi)
    week = (rhythm.weekend if hour.weekday() >= _SATURDAY else 1.0) * 7 / (5 + 2 * rhythm.weekend)
    jitter = 1 - rhythm.jitter + 2 * rhythm.jitter * chance.random()
    burst = chance.random() < rhythm.bursts.share
    return day * week * jitter * (rhythm.bursts.growth if burst else 1.0), burst
