"""Does the lake have what its source has? Every extracted hour of a stream, in one snapshot.

Counts, hashes of keys and values, and sums of numbers are compared by the hour, in one pass over
the source's rows of these hours and one over raw's. Only where they differ the rows are compared by
key, and what differs is told apart: rows that raw lacks, rows that are not as in the source, rows
that the source has in another hour, and rows that it has no more: it may have deleted them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hour_ranges import ranges
from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.ingest.landed_hours import landed
from chimera_assets.ingest.loss_guard import still_there
from chimera_assets.ingest.watermark import NO_HOURS, Hours
from chimera_assets.ingest.watermark_commits import current_watermark
from chimera_assets.lake.errors import TableNotFound, translated
from chimera_assets.layers import LANDING, RAW
from chimera_assets.sources.hour_sums import LARGE, is_float, lake_sums, numbers
from chimera_assets.system_tables.batches import judged_streams
from chimera_assets.warehouse.duckdb import connect
from chimera_assets.warehouse.hour_rows import hour_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from chimera_assets.contracts import Column, Contract
    from chimera_assets.ingest.watermark import Watermark
    from chimera_assets.lake import Lake, Table
    from chimera_assets.sources.postgres import PostgresSource
    from chimera_assets.sources.source_state import SourceNow

#: So many keys of an hour are named, each kind.
_NAMED = 20

#: More than any sum of numbers of 38 digits, or of doubles, has.
_DIGITS = 400

#: How far two sums of floating-point numbers, added up in another order, may be apart.
_RELATIVE = 1e-12


@dataclass(frozen=True, slots=True)
class Difference:
    """An hour of a stream in which raw and the source are not the same.

    Attributes:
        stream: The stream.
        hour: The hour.
        source_rows: Rows of the source's table.
        raw_rows: Rows of raw that came from it.
        missing: Rows that raw lacks.
        changed: Keys whose values differ.
        elsewhere: Rows of raw that the source has in another hour.
        deleted: Rows of raw that the source has no more.
        columns: The columns whose values differ.
        missing_keys: Some keys of rows that raw lacks.
        changed_keys: Some keys whose values differ.
        surplus_keys: Some keys of rows that the source has elsewhere, or no more.
    """

    stream: str
    hour: datetime
    source_rows: int
    raw_rows: int
    missing: int
    changed: int
    elsewhere: int
    deleted: int
    columns: tuple[str, ...]
    missing_keys: tuple[dict[str, Any], ...]
    changed_keys: tuple[dict[str, Any], ...]
    surplus_keys: tuple[dict[str, Any], ...]

    @property
    def is_loss(self) -> bool:
        """Whether the lake is wrong; what was deleted at the source is there for a reason."""
        return bool(self.missing or self.changed or self.elsewhere)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared of a stream.

    Attributes:
        stream: The stream.
        hours: How many hours were.
        rows: The source's rows of these hours.
        pending: Hours that were not, as rows of them came since or wait: the next run takes them.
        differences: The hours that differ, in order.
        expired: Extracted hours that retention has reached, which are not compared.
        not_compared: Columns that the source has only as texts, which the lake has read, or that
            the lake has not got yet.
    """

    stream: str
    hours: int
    rows: int
    pending: int
    differences: tuple[Difference, ...]
    expired: int = 0
    not_compared: tuple[str, ...] = ()


def _require_never_there(lake: Lake, raw: Table) -> None:
    """Tell a raw table that was taken away from one that is not there yet.

    Raises:
        TableNotFound: It was.
    """
    if raw.name in judged_streams(lake) and not raw.exists():
        expected = f"{RAW}/{raw.name}: expected the table, as its hours were judged, found none"
        raise TableNotFound(raw.uri, f"{expected}: bring its folder back")


def compare_with_source(
    lake: Lake,
    contract: Contract,
    source: PostgresSource,
    *,
    hours: HourRange | None,
    now: datetime,
) -> Comparison | None:
    """Compare the extracted hours of a stream with its source's table.

    Args:
        lake: The lake.
        contract: The stream's contract.
        source: Where its table is.
        hours: Only these hours; None for all that were extracted and are kept.
        now: The present.

    Returns:
        None if nothing was extracted yet.

    Raises:
        SourceError: The source cannot be asked, or has no such table.
        LakeError: The lake cannot be read, or has no raw table any more.
    """
    # Learned before the source is looked at: of two states, the one compared with is the earlier.
    watermark = current_watermark(lake, contract.stream)
    raw = lake.table(RAW, contract.stream)
    if watermark is None or not raw.exists():
        _require_never_there(lake, raw)
        return None
    asked = watermark.extracted if hours is None else watermark.extracted & frozenset(hours)
    extracted = _kept(contract, asked, now)
    expired = len(asked - extracted)
    if not extracted:
        return Comparison(contract.stream, 0, 0, 0, (), expired)
    with source.now(contract) as state:
        span = HourRange(min(extracted), max(extracted) + timedelta(hours=1))
        pending = extracted & _pending(lake, contract, state, watermark, span, now)
        compared = extracted - pending
        ours = _Ours(lake, contract, state.comparable())
        there = state.sums(span, ours.columns)
        here = ours.sums(ranges(compared))
        differing = [
            hour for hour in sorted(compared)
            if not _same(there.get(hour, {}), here.get(hour, {}), ours.columns)
        ]  # fmt: skip
        found = [_difference(contract, state, ours, hour) for hour in differing]
    rows = sum(int(there[hour]["rows"] or 0) for hour in compared if hour in there)
    differences = tuple(one for one in found if one is not None)
    known = {column.name for column in ours.columns}
    left_out = tuple(name for name in contract.column_names if name not in known)
    counts = (len(compared), rows, len(pending))
    return Comparison(contract.stream, *counts, differences, expired, left_out)


def _kept(contract: Contract, extracted: Hours, now: datetime) -> Hours:
    """The hours that retention has not reached."""
    days = contract.table_retention.get(f"{RAW}/{contract.stream}", contract.retention_days)
    first = now - timedelta(days=days)
    return frozenset(hour for hour in extracted if hour >= first)


def _pending(  # noqa: PLR0913, PLR0917 - a state of the stream, and what is asked of it
    lake: Lake,
    contract: Contract,
    state: SourceNow,
    watermark: Watermark,
    span: HourRange,
    now: datetime,
) -> Hours:
    """The hours that the next run extracts again."""
    arrived = state.arrivals(watermark.moment, span).beyond(watermark.moment) or NO_HOURS
    files = landed(lake, contract.stream, watermark.landing_version, now)
    return watermark.pending | arrived | files.since(watermark.landing_version)


class _Ours:
    """Raw's rows without those that came from files.

    Attributes:
        columns: The columns that are compared.
    """

    def __init__(self, lake: Lake, contract: Contract, columns: Sequence[Column]) -> None:
        self._lake, self._contract = lake, contract
        tables = (lake.table(layer, contract.stream) for layer in (RAW, LANDING))
        self._tables = [table for table in tables if table.exists()]
        # A column that the contract has got since is in none of the rows yet.
        kept = [set(table.schema().names) for table in self._tables]
        self.columns = [one for one in columns if all(one.name in names for names in kept)]

    def sums(self, hours: Sequence[HourRange]) -> dict[datetime, dict[str, str | None]]:
        """What the rows of each of these hours come to."""
        selected = lake_sums(self._contract, self.columns)
        found: list[dict[datetime, dict[str, str | None]]] = []
        with connect(self._lake) as connection:
            for table in self._tables:
                rows = hour_rows(connection, table, hours)
                sql = (
                    f"SELECT {', '.join(HOUR_COLUMNS)}, {selected} FROM ({rows}) "  # noqa: S608
                    f"GROUP BY {', '.join(HOUR_COLUMNS)}"
                )
                try:
                    frame = connection.execute(sql).pl().with_columns(_hour=HOUR_START)
                except duckdb.Error as error:
                    raise translated(error, table.uri) from error
                found.append({row.pop("_hour"): row for row in frame.drop(HOUR_COLUMNS).to_dicts()})
        raw, *files = found
        return {
            hour: _less(sums, (one.get(hour, {}) for one in files)) for hour, sums in raw.items()
        }

    def rows(self, hour: HourRange, names: Sequence[str], others: Sequence[Column]) -> pl.DataFrame:
        """Columns of these rows, each as often as raw has it and files do not: `_times`."""
        counted = [
            _hashed(table.read(hour, names).collect(), others)
            .group_by(names)
            .agg(_times=pl.len().cast(pl.Int64) * sign)
            for table, sign in zip(self._tables, (1, -1), strict=False)
        ]
        times = pl.concat(counted).group_by(names).agg(pl.col("_times").sum())
        return times.filter(pl.col("_times") > 0)


def _less(
    sums: Mapping[str, str | None], others: Iterable[Mapping[str, str | None]]
) -> dict[str, str | None]:
    left = dict(sums)
    for other in others:
        for name, value in other.items():
            if value is not None:
                left[name] = str(_number(left[name]) - _number(value))
    return left


def _same(
    there: Mapping[str, str | None], here: Mapping[str, str | None], columns: Sequence[Column]
) -> bool:
    """Whether sums are the same; no rows are the same as no hour."""
    if not _number(there.get("rows")) and not _number(here.get("rows")):
        return True
    exact = ["rows", "keys", "values"]
    for at, column in enumerate(numbers(columns)):
        if is_float(column):
            if not all(_close(there, here, f"{kind}{at}", f"a{at}") for kind in "sw"):
                return False
        else:
            exact.append(f"s{at}")
    return all(_number(there.get(name)) == _number(here.get(name)) for name in exact)


def _close(
    there: Mapping[str, str | None], here: Mapping[str, str | None], name: str, size: str
) -> bool:
    """Whether two sums are as close as adding the same numbers up in two ways leaves them."""
    one, other, most = (
        float(_number(sums.get(which)))
        for sums, which in ((there, name), (here, name), (there, size))
    )
    return one == other or abs(one - other) <= _RELATIVE * most


def _number(sums: str | None) -> Decimal:
    """A sum, which the lake may give in two."""
    with localcontext(prec=_DIGITS):
        *large, last = (Decimal(part) for part in (sums or "0").split())
        return last if not large else large[0] * LARGE + large[1] + last


def _difference(
    contract: Contract, state: SourceNow, ours: _Ours, hour: datetime
) -> Difference | None:
    """What differs in an hour, by key; None if nothing does."""
    single, key = HourRange.single(hour), list(contract.key)
    others = [column for column in ours.columns if column.name not in key]
    names = [*key, *(column.name for column in others)]
    there = _hashed(state.values(single, names), others).with_columns(_times=pl.lit(1, pl.Int64))
    here = ours.rows(single, names, others)
    by_key = _by_key(there, key, others).join(
        _by_key(here, key, others), on=key, how="full", coalesce=True, nulls_equal=True,
        suffix="_here",
    )  # fmt: skip
    times, times_here = (pl.col(name).fill_null(0) for name in ("_times", "_times_here"))
    differs = {column.name: _unlike(column) for column in others}
    missing = by_key.filter(times > times_here)
    surplus = by_key.filter(times_here > times)
    same = by_key.filter(times == times_here)
    changed = same.filter(pl.any_horizontal(pl.lit(value=False), *differs.values()))
    if not (missing.height or surplus.height or changed.height):
        return None
    gone = int(surplus.select((times_here - times).sum()).item())
    found = min(gone, still_there(state, surplus.select(key).iter_slices()))
    unlike = [name for name, differ in differs.items() if changed.select(differ.any()).item()]
    return Difference(
        stream=contract.stream,
        hour=hour,
        source_rows=there.height,
        raw_rows=int(here["_times"].sum()),
        missing=int(missing.select((times - times_here).sum()).item()),
        changed=changed.height,
        elsewhere=found,
        deleted=gone - found,
        columns=tuple(unlike),
        missing_keys=_named(missing, key),
        changed_keys=_named(changed, key),
        surplus_keys=_named(surplus, key),
    )


def _hashed(rows: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """The rows, with a number in place of what is none."""
    return rows.with_columns(
        pl.col(column.name).hash(seed=0)
        for column in columns
        if column.type not in {"integer", "number"}
    )


def _by_key(rows: pl.DataFrame, key: list[str], columns: Sequence[Column]) -> pl.DataFrame:
    """A row a key: how often it is there, and the least and greatest of its values."""
    ends = [
        pl.struct(pl.col(one.name).min().alias("least"), pl.col(one.name).max().alias("most"))
        .alias(one.name)
        for one in columns
    ]  # fmt: skip
    return rows.group_by(key).agg(pl.col("_times").sum(), *ends)


def _unlike(column: Column) -> pl.Expr:
    """Whether a column's values of a key are others here than there."""
    one, other = (pl.col(f"{column.name}{here}").struct for here in ("", "_here"))
    ends = [(one.field(end), other.field(end)) for end in ("least", "most")]
    return pl.any_horizontal(a.ne_missing(b) for a, b in ends)


def _named(rows: pl.DataFrame, key: list[str]) -> tuple[dict[str, Any], ...]:
    return tuple(rows.select(key).sort(key).head(_NAMED).to_dicts())
