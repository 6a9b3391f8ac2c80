"""When things happen, as a traffic file says it: day and week, episodes, late arrivals."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from chimera_assets.packs.traffic.columns import Column
from chimera_assets.packs.traffic.expressions import Sql
from chimera_assets.yaml_documents.models import Name, Part, refuse

HOURS_A_DAY = 24

Share = Annotated[float, Field(ge=0, le=1)]
_Positive = Annotated[float, Field(gt=0)]


class Bursts(Part):
    """Hours, a share of all, that have several times what others have."""

    share: Share
    growth: _Positive


class Rhythm(Part):
    """What an hour has, as a multiple of the mean over whole weeks.

    Args:
        quietest_hour: The hour of the day (UTC) with the least.
        swing: How far day and night are from the mean; 0 for no difference.
        weekend: What a day of the weekend has, as a share of a working day's.
        jitter: By how much hours differ at random, up or down.
        bursts: Busy hours.
    """

    quietest_hour: Annotated[int, Field(ge=0, lt=HOURS_A_DAY)] = 2
    swing: Share = 0
    weekend: _Positive = 1
    jitter: Share = 0
    bursts: Bursts = Bursts(share=0, growth=1)


def _whole_blocks(hours: int) -> int:
    if HOURS_A_DAY % hours and hours % HOURS_A_DAY:
        refuse("a part of a day or whole days, in hours", hours)
    return hours


class Episode(Part):
    """Something with a beginning and an end, once in each block of time.

    Args:
        every_hours: The length of a block; blocks are counted from 1970.
        throws: Numbers between 0 and 1, thrown anew for each episode.
        start_minute: When it begins, in minutes from the beginning of its block.
        minutes: How long it lasts; at longest to the end of the next block.
        columns: What else there is to say of it.
    """

    every_hours: Annotated[int, Field(gt=0), AfterValidator(_whole_blocks)]
    throws: tuple[Name, ...] = ()
    start_minute: Sql
    minutes: Sql
    columns: dict[Name, Column] = Field(default_factory=dict)


class Arrival(Part):
    """When a row arrives after its event: within seconds, and a few much later.

    Args:
        seconds: The shortest and the longest delay of most rows.
        late_share: The share of rows that come late.
        late_seconds: Their shortest and longest delay; the short ones are likelier.
    """

    seconds: tuple[float, float] = (0, 0)
    late_share: Share = 0
    late_seconds: tuple[_Positive, _Positive] = (1, 1)
