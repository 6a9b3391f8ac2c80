"""When things happen: the day and the week, bursts, outages and campaigns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import ONE_HOUR
from chimera_assets.simulator.dice import dice
from chimera_assets.simulator.world import ATTACKS, MODELS, PROVIDER_IDS, TENANTS

if TYPE_CHECKING:
    from chimera_assets.hours import HourRange

_SATURDAY = 5
_WEEKEND = 0.45
_QUIETEST_HOUR = 2
_BURST_SHARE = 0.03
_BURST_GROWTH = 1.6
#: One outage in each 4 days: any 7 days in a row hold one whole.
_OUTAGE_DAYS = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many generations an hour has, and whether one tenant's burst is among them."""

    rows: int
    burst: bool


@dataclass(frozen=True, slots=True)
class Outage:
    """A provider that answers hardly anything from `start` to `end`."""

    provider: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Campaign:
    """A tenant's attack on one model by one method, over two hours; one hour of it."""

    tenant: str
    method: str
    model: int
    begins: bool


def traffic(seed: int, hour: datetime, rows_per_hour: int) -> Traffic:
    """An hour's traffic; over whole weeks the mean is about `rows_per_hour`."""
    chance = dice(seed, "traffic", hour.isoformat())
    day = 1 - 0.7 * math.cos((hour.hour - _QUIETEST_HOUR) / 24 * 2 * math.pi)
    week = (_WEEKEND if hour.weekday() >= _SATURDAY else 1.0) * 7 / (5 + 2 * _WEEKEND)
    jitter = 0.95 + 0.1 * chance.random()
    burst = chance.random() < _BURST_SHARE
    growth = _BURST_GROWTH if burst else 1.0
    return Traffic(max(1, round(rows_per_hour * day * week * jitter * growth)), burst)


def outages(seed: int, hours: HourRange) -> list[Outage]:
    """The outages that touch the hours."""
    first, last = ((moment - _EPOCH).days // _OUTAGE_DAYS for moment in (hours.start, hours.end))
    near = [_outage(seed, block) for block in range(first - 1, last + 1)]
    # An hour on either side, as a provider is unwell before and after too.
    return [o for o in near if o.start - ONE_HOUR < hours.end and o.end + ONE_HOUR > hours.start]


def _outage(seed: int, block: int) -> Outage:
    chance = dice(seed, "outage", block)
    days = block * _OUTAGE_DAYS + int(chance.random() * _OUTAGE_DAYS)
    start = _EPOCH + timedelta(days=days, minutes=int((6 + 12 * chance.random()) * 60))
    provider = PROVIDER_IDS[int(chance.random() * len(PROVIDER_IDS))]
    return Outage(provider, start, start + timedelta(minutes=int(120 + 120 * chance.random())))


def campaign(seed: int, hour: datetime) -> Campaign | None:
    """The campaign that is on in an hour, if any: each half day has one, of two hours."""
    half, into = divmod(hour.hour, 12)
    chance = dice(seed, "campaign", hour.date(), half)
    start = int(chance.random() * 11)
    if not start <= into <= start + 1:
        return None
    return Campaign(
        tenant=list(TENANTS)[int(chance.random() * len(TENANTS))],
        method=list(ATTACKS)[int(chance.random() * len(ATTACKS))],
        model=int(chance.random() * MODELS.height),
        begins=into == start,
    )


def during(found: list[Outage], provider: str, moment: str, *, margin: timedelta) -> pl.Expr:
    """Whether the provider of a row is in an outage, or within the margin of one."""
    inside = [
        (pl.col(provider) == outage.provider)
        & (pl.col(moment) >= outage.start - margin)
        & (pl.col(moment) < outage.end + margin)
        for outage in found
    ]
    return pl.any_horizontal(pl.lit(value=False), *inside)
