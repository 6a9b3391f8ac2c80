"""Filling the operational database hour by hour."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chimera_assets.errors import ArgumentError
from chimera_assets.hours import ONE_HOUR, HourRange
from chimera_assets.packs import active_packs
from chimera_assets.packs.traffic import read_traffic
from chimera_assets.simulator.loading import load
from chimera_assets.simulator.places import require_places
from chimera_assets.simulator.rows import stream_rows
from chimera_assets.simulator.seeded_traffic import SeededTraffic
from chimera_assets.simulator.tables import OperationalTable, operational_tables
from chimera_assets.sources.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from chimera_assets.packs import Pack

#: A transaction holds a day, or fewer hours where a day would be more rows than this.
_ROWS_AT_ONCE = 100_000
_HOURS_A_DAY = 24


def simulate(  # noqa: PLR0913
    url: str,
    hours: HourRange,
    *,
    seed: int = 0,
    rows_per_hour: int = 1500,
    on_progress: Callable[[int, int], None] | None = None,
    packs: Sequence[Pack] | None = None,
) -> dict[str, int]:
    """Fill the operational tables with the traffic of the hours; again changes nothing.

    Args:
        url: A database that has the operational tables (`init_source`).
        hours: The hours of the traffic.
        seed: The same seed gives the same rows, another seed gives other rows.
        rows_per_hour: What packs count the rows of an hour by, over whole weeks and on average:
            those of their main stream.
        on_progress: Called with the hours done and the hours there are, after each transaction.
        packs: Whose traffic; None for the packs of this process.

    Returns:
        For each stream and reference table how many rows were added.

    Raises:
        ArgumentError: There are to be no rows.
        ChimeraError: The database lacks a table or column of the traffic; names file and line.
        ContractError: A contract of a pack cannot be used.
        PackError: A pack's traffic file cannot be used.
        SourceError: The database cannot be reached, or refuses.
    """
    if rows_per_hour < 1:
        msg = f"rows per hour: expected 1 or more, found {rows_per_hour}"
        raise ArgumentError(msg)
    used = active_packs() if packs is None else packs
    all_traffic = [
        (SeededTraffic(traffic, seed, rows_per_hour), operational_tables(pack))
        for pack in used
        if (traffic := read_traffic(pack)) is not None
    ]
    added: Counter[str] = Counter()
    done = 0
    with connect(url) as connection:
        for seeded, tables in all_traffic:
            require_places(connection, seeded.traffic, tables)
        for seeded, tables in all_traffic:
            for name in seeded.traffic.reference:
                added[name] += load(connection, _name(tables, name), seeded.tables[name])
        for part in _parts(hours, rows_per_hour):
            for seeded, tables in all_traffic:
                for name in seeded.traffic.streams:
                    rows = stream_rows(seeded, name, part)
                    added[name] += load(connection, _name(tables, name), rows)
            connection.commit()
            done += len(part)
            if on_progress:
                on_progress(done, len(hours))
    return dict(added)


def _name(tables: Mapping[str, OperationalTable], stream: str) -> str:
    return tables[stream].name if stream in tables else stream


def _parts(hours: HourRange, rows_per_hour: int) -> Iterator[HourRange]:
    length = max(1, min(_HOURS_A_DAY, _ROWS_AT_ONCE // rows_per_hour)) * ONE_HOUR
    start = hours.start
    while start < hours.end:
        yield HourRange(start, min(start + length, hours.end))
        start += length
