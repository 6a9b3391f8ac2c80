"""The rows of one stream, made up hour by hour."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.errors import ChimeraError
from chimera_assets.packs.traffic.columns import During, read_by, stages
from chimera_assets.packs.traffic.expressions import COMPUTING_ERRORS, columns_of, parsed
from chimera_assets.simulator.bad_rows import damaged
from chimera_assets.simulator.columns import computed
from chimera_assets.simulator.episodes import episodes
from chimera_assets.simulator.random_draws import seeded_random, uniform_draws
from chimera_assets.simulator.rhythm import of_hour

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from chimera_assets.hours import HourRange
    from chimera_assets.packs.traffic.columns import Column
    from chimera_assets.packs.traffic.definition import Stream
    from chimera_assets.simulator.seeded_traffic import SeededTraffic
    from chimera_assets.yaml_documents import Location

_ROWS = "_rows_of_hour"


def stream_rows(seeded: SeededTraffic, name: str, hours: HourRange) -> pl.DataFrame:
    """A stream's rows of the hours, with the columns of its table; lists as texts with commas.

    Raises:
        ChimeraError: What the pack says cannot be computed.
    """
    stream = seeded.traffic.streams[name]
    chance = [seeded_random(seeded.seed, name, hour.isoformat()) for hour in hours]
    try:
        found = {kind: episodes(seeded, kind, hours) for kind in _kinds(stream)}
        common = _common(seeded, name, hours, chance, found)
        thrown = _thrown(stream, common, chance)
        rows = _computed(thrown.lazy(), stream.columns, seeded, found, ("streams", name))
        if stream.bad_rows is None:
            return rows.select(stream.table_columns).collect()
        return damaged(rows, stream.bad_rows, stream.table_columns)
    except COMPUTING_ERRORS as error:
        raise _uncomputable(seeded, ("streams", name), error) from error


def _uncomputable(seeded: SeededTraffic, here: Location, error: BaseException) -> ChimeraError:
    """An error in an expression, with its place."""
    first = str(error).partition("\n")[0]
    path, line = seeded.traffic.place(here)
    return ChimeraError(f"{path}:{line}: {here[-1]}: expected what can be computed, found: {first}")


def _computed(
    rows: pl.LazyFrame,
    columns: Mapping[str, Column],
    seeded: SeededTraffic,
    found: Mapping[str, pl.DataFrame],
    here: Location,
) -> pl.LazyFrame:
    """The rows with the columns added; of types that do not fit the first column is named."""
    made = computed(rows, columns, seeded, found)
    try:
        made.collect_schema()
    except COMPUTING_ERRORS as error:
        so_far: dict[str, Column] = {}
        for name in chain.from_iterable(stages(columns)):
            so_far[name] = columns[name]
            try:
                computed(rows, so_far, seeded, found).collect_schema()
            except COMPUTING_ERRORS:
                raise _uncomputable(seeded, (*here, "columns", name), error) from error
    return made


def _kinds(stream: Stream) -> set[str]:
    """The kinds of episodes that a stream knows of."""
    columns = (*stream.hour.columns.values(), *stream.columns.values())
    return {column.during for column in columns if isinstance(column, During)}


def _common(
    seeded: SeededTraffic,
    name: str,
    hours: HourRange,
    chance: list[Random],
    found: dict[str, pl.DataFrame],
) -> pl.DataFrame:
    """A row an hour: what its rows have in common, and how many there are."""
    stream = seeded.traffic.streams[name]
    facts = []
    for hour, thrower in zip(hours, chance, strict=True):
        multiple, burst = of_hour(seeded.seed, hour, seeded.traffic.rhythm)
        facts.append(
            {
                "seed": seeded.seed,
                "rows_per_hour": seeded.rows_per_hour,
                "hour": hour,
                "stamp": f"{hour:%Y%m%d%H}",
                "hour_number": int(hour.timestamp()) // 3600,
                "hour_of_day": hour.hour,
                "weekday": hour.isoweekday(),
                "rhythm": multiple,
                "burst": burst,
                **{
                    key: one
                    for key, (one,) in uniform_draws(thrower, stream.hour.throws, 1).items()
                },
            }
        )
    known = pl.LazyFrame(facts).with_columns(pl.col("hour").cast(pl.Datetime("us", "UTC")))
    here = ("streams", name, "hour")
    made = _computed(known, stream.hour.columns, seeded, found, here)
    size = pl.max_horizontal(parsed(stream.rows).floor(), 0).cast(pl.Int64)
    return made.with_columns(size.alias(_ROWS)).collect()


def _thrown(stream: Stream, common: pl.DataFrame, chance: list[Random]) -> pl.DataFrame:
    """All rows with their throws, and beside them what the rest is computed from."""
    sizes: list[int] = common[_ROWS].to_list()
    thrown: dict[str, list[float]] = {name: [] for name in stream.throws}
    for thrower, size in zip(chance, sizes, strict=True):
        for name, numbers in uniform_draws(thrower, stream.throws, size).items():
            thrown[name] += numbers
    number = [number for size in sizes for number in range(size)]
    hour = [place for place, size in enumerate(sizes) for _ in range(size)]
    read = {"hour"}.union(*map(read_by, stream.columns.values()))
    if (bad := stream.bad_rows) is not None:
        read = read.union(*map(columns_of, (bad.by, bad.rounding, bad.turn)))
    return pl.DataFrame(
        {"number": number, **thrown},
        schema={"number": pl.Int64(), **dict.fromkeys(thrown, pl.Float64())},
    ).hstack(common.select(sorted(read & set(common.columns)))[hour])
