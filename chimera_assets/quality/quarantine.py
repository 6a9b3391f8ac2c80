"""The quarantine: rejected rows with their reasons, kept until they are replayed or expire."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.layers import QUARANTINE
from chimera_assets.quality.judge import UNREADABLE_COLUMN, row_key

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    import pyarrow as pa

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake

#: The columns of every table in the layer `quarantine`.
SCHEMA = pl.Schema(
    {
        **HOUR_TYPES,
        "stream": pl.String(),
        "row_key": pl.String(),
        "batch_id": pl.String(),
        "reasons": pl.List(pl.String()),
        "record": pl.String(),
        "event_time": pl.Datetime("us", "UTC"),
        "arrival_time": pl.Datetime("us", "UTC"),
        "first_seen": pl.Datetime("us", "UTC"),
        "last_seen": pl.Datetime("us", "UTC"),
        "replay_state": pl.String(),
    }
)

#: The states of a row: nobody has replayed it, or it was rejected again.
NEW, REPLAYED = "new", "replayed"

_RECORD_HASH = pl.col("record").hash(seed=0)

_ISO = "%Y-%m-%dT%H:%M:%S%.6fZ"


def arrow_schema() -> pa.Schema:
    """The Arrow schema of a quarantine table."""
    return pl.DataFrame(schema=SCHEMA).to_arrow().schema


def rejected_rows(
    lake: Lake, streams: Collection[str], hours: HourRange | None = None, reason: str | None = None
) -> pl.LazyFrame:
    """The rows in quarantine of some streams that have one: a lazy frame of `SCHEMA`.

    Args:
        lake: The lake.
        streams: The streams.
        hours: Only of these hours.
        reason: Only those that broke this rule.
    """
    tables = (lake.table(QUARANTINE, stream) for stream in streams)
    frames = [table.read(hours, list(SCHEMA)) for table in tables if table.exists()]
    rows = pl.concat([pl.LazyFrame(schema=SCHEMA), *frames])
    return rows if reason is None else rows.filter(pl.col("reasons").list.contains(reason))


def counts_by_reason(rows: pl.LazyFrame) -> pl.DataFrame:
    """Rows by stream and reason: `stream`, `reason`, `rows`; a row counts once a reason."""
    return (
        rows.select("stream", reason="reasons")
        .explode("reason")
        .group_by("stream", "reason")
        .agg(rows=pl.len())
        .sort(["rows", "stream", "reason"], descending=[True, False, False])
        .collect()
    )


def seen_before(lake: Lake, stream: str, hours: HourRange | None) -> pl.DataFrame:
    """What a stream's quarantine held: the hour columns, record, first_seen, replay_state.

    A record's hash stands for it, as records may be large.
    """
    columns = [*HOUR_COLUMNS, "record", "first_seen", "replay_state"]
    schema = {name: SCHEMA[name] for name in columns} | {"record": pl.UInt64()}
    found = [pl.DataFrame(schema=schema)]
    table = lake.table(QUARANTINE, stream)
    if table.exists():
        found += [frame.with_columns(_RECORD_HASH) for frame in table.batches(hours, columns)]
    return pl.concat(found)


def quarantined(
    contract: Contract,
    rejected: pl.DataFrame,
    seen: pl.DataFrame,
    now: datetime,
    *,
    replay: bool = False,
) -> pl.DataFrame:
    """The quarantine rows of rejected rows.

    Args:
        contract: Their contract.
        rejected: The rows as received, with `reasons`.
        seen: What the same hours' quarantine held before, as `seen_before` gives it. A row that was
            there already keeps the time it was first seen.
        now: When the rows were judged.
        replay: Whether they are judged again on demand; those seen before keep that as state.

    Returns:
        A frame of `SCHEMA`.
    """
    rows = rejected.select(
        *HOUR_COLUMNS,
        "reasons",
        stream=pl.lit(contract.stream),
        row_key=row_key(contract),
        batch_id="_batch_id",
        record=records(contract, rejected),
        event_time=_time(contract.event_time),
        arrival_time=_time(contract.arrival_time),
        last_seen=pl.lit(now).cast(pl.Datetime("us", "UTC")),
    )
    state = pl.lit(REPLAYED).alias("replay_state") if replay else pl.col("replay_state").last()
    first = seen.group_by(*HOUR_COLUMNS, "record").agg(pl.col("first_seen").min(), state)
    joined = rows.join(
        first.rename({"record": "_hash"}),
        left_on=[*HOUR_COLUMNS, _RECORD_HASH],
        right_on=[*HOUR_COLUMNS, "_hash"],
        how="left",
        maintain_order="left",
    )
    return joined.with_columns(
        pl.col("first_seen").fill_null(pl.col("last_seen")), pl.col("replay_state").fill_null(NEW)
    ).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _time(column: str | None) -> pl.Expr:
    return pl.col(column) if column is not None else pl.lit(None)


def records(contract: Contract, rejected: pl.DataFrame) -> pl.Series:
    """Each row's original values as a JSON object, columns in the contract's order: `record`.

    JSON has no NaN and no infinity: rows with these, or with values that could not be read in the
    first place, hold their text instead; `_unreadable` names the columns of the latter.
    """
    columns = rejected.select(
        pl.col(column.name).dt.strftime(_ISO) if column.type == "timestamp" else pl.col(column.name)
        for column in contract.columns
    )
    if columns.is_empty():
        return pl.Series("record", [], dtype=pl.String)
    records = columns.select(record=pl.struct(pl.all()).struct.json_encode())["record"]
    numbers = [one.name for one in contract.columns if one.polars_type == pl.Float64]
    odd = pl.any_horizontal(
        pl.lit(value=False), *(~pl.col(name).is_finite().fill_null(value=True) for name in numbers)
    )
    unreadable = (
        pl.col(UNREADABLE_COLUMN) if UNREADABLE_COLUMN in rejected.columns else pl.lit(None)
    )
    found = rejected.select(odd=odd | unreadable.is_not_null(), unreadable=unreadable)
    if not found["odd"].any():
        return records
    texts = records.to_list()
    for index in found["odd"].arg_true():
        texts[index] = _odd_record(columns.row(index, named=True), found["unreadable"][index])
    return pl.Series("record", texts, dtype=pl.String)


def _odd_record(values: dict[str, Any], unreadable: str | None) -> str:
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            values[name] = str(value)
    texts = json.loads(unreadable or "{}")
    if columns := [name for name in texts if name in values]:
        texts[UNREADABLE_COLUMN] = columns  # text of a column of text looks like any other
    return json.dumps(values | texts, ensure_ascii=False, separators=(",", ":"), default=_as_text)


def _as_text(value: object) -> str:
    """What JSON has no form for, written as Polars does: exact numbers and dates."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)
