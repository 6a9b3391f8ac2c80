"""Filling the operational database hour by hour."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chimera_assets.errors import ArgumentError
from chimera_assets.hours import ONE_HOUR, HourRange
from chimera_assets.simulator.generations import generations
from chimera_assets.simulator.jailbreak_tests import jailbreak_tests
from chimera_assets.simulator.loading import load
from chimera_assets.simulator.provider_health import provider_health
from chimera_assets.simulator.world import providers
from chimera_assets.sources.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A transaction holds a day, or fewer hours where a day would be more rows than this.
_ROWS_AT_ONCE = 100_000
_HOURS_A_DAY = 24


def simulate(
    url: str,
    hours: HourRange,
    *,
    seed: int = 0,
    rows_per_hour: int = 1500,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Fill the operational tables with the traffic of the hours; again changes nothing.

    Args:
        url: A database that has the operational tables (`init_source`).
        hours: The hours of the traffic.
        seed: The same seed gives the same rows, another one another world beside it.
        rows_per_hour: Generations in an hour, over whole weeks and on average.
        on_progress: Called with the hours done and the hours there are, after each transaction.

    Returns:
        For each table how many rows were added.

    Raises:
        ArgumentError: There are to be no rows.
        SourceError: The database cannot be reached, refuses, or lacks the tables.
    """
    if rows_per_hour < 1:
        msg = f"rows per hour: expected 1 or more, found {rows_per_hour}"
        raise ArgumentError(msg)
    added: Counter[str] = Counter()
    done = 0
    with connect(url) as connection:
        added["providers"] = load(connection, "providers", providers())
        for part in _parts(hours, rows_per_hour):
            tables = {
                "generations": generations(seed, part, rows_per_hour),
                "jailbreak_tests": jailbreak_tests(seed, part, rows_per_hour),
                "provider_health": provider_health(seed, part),
            }
            for table, rows in tables.items():
                added[table] += load(connection, table, rows)
            connection.commit()
            done += len(part)
            if on_progress:
                on_progress(done, len(hours))
    return dict(added)


def _parts(hours: HourRange, rows_per_hour: int) -> Iterator[HourRange]:
    length = max(1, min(_HOURS_A_DAY, _ROWS_AT_ONCE // rows_per_hour)) * ONE_HOUR
    start = hours.start
    while start < hours.end:
        yield HourRange(start, min(start + length, hours.end))
        start += length
