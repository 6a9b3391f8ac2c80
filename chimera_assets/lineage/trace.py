"""The whole life of one record: found in its hours, and told from the tables of each layer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from chimera_assets.hours import HourRange
from chimera_assets.layers import (
    AGGREGATES,
    LANDING,
    MARTS,
    QUARANTINE,
    RAW,
    STAGED,
    fact_table,
)
from chimera_assets.lineage.facts import fact_tables
from chimera_assets.lineage.hour_lineage import HourTracer
from chimera_assets.lineage.record import HourLineage, RecordLineage
from chimera_assets.lineage.whereabouts import AtSource, Search, at_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from chimera_assets.lake import Lake
    from chimera_assets.lineage.key import RecordKey
    from chimera_assets.lineage.record import Happened
    from chimera_assets.packs.aggregates import Aggregate
    from chimera_assets.privacy.origins import Lineages
    from chimera_assets.sources.postgres import PostgresSource

#: So many commits before and after one that brought a record are looked through for the hour that
#: it left, and so many hours that they replaced.
_NEAR, _MOST_MOVED = 24, 48

#: Tables that are opened at a time, while the source is asked.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a record.

    Attributes:
        key: The record.
        hours: Only these hours; None for any.
        everywhere: Whether every hour is searched, though the source knows the record's.
        begin: Told of how many rows of how many files a search begins with.
    """

    key: RecordKey
    hours: HourRange | None = None
    everywhere: bool = False
    begin: Callable[[int, int], None] = field(default=lambda _rows, _files: None)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a record is looked for in.

    Attributes:
        lake: The lake.
        source: Gives the operational database; asked once.
        aggregates: The aggregates of all packs.
        lineages: What models make their columns of.
    """

    lake: Lake
    source: Callable[[], PostgresSource]
    aggregates: Sequence[Aggregate]
    lineages: Lineages


def trace(around: Surroundings, request: Request) -> RecordLineage:
    """The life of a record; without hours if it was found nowhere.

    Raises:
        LakeError: A table cannot be read.
    """
    said = _asked(around, request.key)
    tracer = HourTracer(around.lake, request.key, said, around.aggregates, around.lineages)
    search = Search(request.hours, request.begin)
    if request.key.contract.kind != "stream":
        found = [tracer.told(None)]
        return RecordLineage(request.key, search.looked(said), tuple(filter(is_told, found)))
    known = {hour for hour in said.hours or () if request.hours is None or hour in request.hours}
    told = {hour: tracer.told(hour) for hour in sorted(known)}
    told |= {hour: tracer.told(hour) for hour in _left_behind(tracer, request, told)}
    if request.everywhere or not any(map(_is_in_raw, told.values())):
        _search(around, request, search)
        told |= {hour: tracer.told(hour) for hour in search.hours - set(told)}
    hours = [told[hour] for hour in sorted(told) if is_told(told[hour])]
    return RecordLineage(request.key, search.looked(said), tuple(_with_moves(hours)))


def _asked(around: Surroundings, key: RecordKey) -> AtSource:
    """What the source says, for which the tables' logs are read at the same time."""
    stream, lake = key.contract.stream, around.lake
    places = [(layer, stream) for layer in (LANDING, RAW, QUARANTINE, STAGED)]
    places.append((MARTS, fact_table(stream)))
    places += [
        (AGGREGATES, one.table) for one in around.aggregates if fact_table(stream) in one.facts
    ]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        said = threads.submit(at_source, around.source, key)
        for place in places:
            threads.submit(lake.table(*place).exists)  # what is wrong with it is told by its reader
        return said.result()


def is_told(one: HourLineage) -> bool:
    """Whether there is anything to tell of an hour."""
    return bool(one.origins or one.history or one.rows)


def _is_in_raw(one: HourLineage) -> bool:
    return one.raw is not None


def _search(around: Surroundings, request: Request, search: Search) -> None:
    """Search the layers, each only in the hours in which no lower one had the record."""
    key, lake = request.key, around.lake
    stream, matches = key.contract.stream, key.matches()
    search.newest(lake.table(RAW, stream), matches)
    search.newest(lake.table(QUARANTINE, stream), key.matches_rejected(), search.hours)
    if search.hours and not request.everywhere:
        return
    search.newest(lake.table(LANDING, stream), matches, search.hours)
    search.newest(lake.table(STAGED, stream), matches, search.hours)
    for table, columns in fact_tables(lake, key.contract, around.lineages):
        search.newest(table, key.matches(columns), search.hours)
    for layer in (RAW, STAGED):
        search.older(lake.table(layer, stream), matches)
    search.older(lake.table(QUARANTINE, stream), key.matches_rejected())


def _left_behind(
    tracer: HourTracer, request: Request, told: Mapping[datetime, HourLineage]
) -> Iterator[datetime]:
    """Hours in which a record was before it moved to one that is told.

    The hour that it left is extracted again at about the time at which the other one gets it, so
    that few commits lie between the two.
    """
    log = tracer.log(RAW)
    versions = {
        event.version
        for one in told.values()
        for event in one.history
        if event.table == f"{RAW}/{log.table.name}" and event.version is not None
    }
    near = {other for one in versions for other in range(one - _NEAR, one + _NEAR + 1)}
    found = log.replaced_hours(near) - set(told) if near else set()
    wanted = [hour for hour in found if request.hours is None or hour in request.hours]
    wanted.sort(key=lambda hour: min(abs(hour - one) for one in told))
    return (hour for hour in wanted[:_MOST_MOVED] if tracer.was_in_raw(hour))


def _with_moves(hours: Sequence[HourLineage]) -> Iterator[HourLineage]:
    """The hours, in which a record that went and is in another hour is said to have moved there."""
    now = [one.hour for one in hours if one.raw is not None and one.hour is not None]
    for one in hours:
        others = [hour for hour in now if hour != one.hour]
        moved = partial(_moved, others) if others and one.raw is None else None
        yield replace(one, history=tuple(map(moved, one.history))) if moved else one


def _moved(others: Sequence[datetime], one: Happened) -> Happened:
    if one.what != "gone" or not one.table.startswith(f"{RAW}/"):
        return one
    to = ", ".join(str(HourRange.single(hour)) for hour in others)
    return replace(one, what="moved", detail=f"to {to}")
