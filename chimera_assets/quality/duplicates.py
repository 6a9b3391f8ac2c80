"""Duplicates: of the valid rows of one hour that have the same key, the latest arrival stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import HOUR_COLUMNS

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Table


def fingerprint(contract: Contract) -> pl.Expr:
    """A row's hour and key as one 64-bit number: equal rows have equal ones, others rarely."""
    return pl.struct(*HOUR_COLUMNS, *contract.key).hash(seed=0)


def suspected(contract: Contract, raw: Table, hours: HourRange) -> pl.Series:
    """The fingerprints that occur more than once in these hours, sorted.

    Eight bytes a row, whatever the keys' size, so that an hour of any size fits.
    """
    parts = [
        frame.select(fingerprint(contract)).to_series()
        for frame in raw.batches(hours, [*HOUR_COLUMNS, *contract.key], rows=1_000_000)
    ]
    if not parts:
        return pl.Series(dtype=pl.UInt64)
    prints = pl.concat(parts).sort()
    return prints.filter(prints == prints.shift(1)).unique(maintain_order=True)


def latest(contract: Contract, rows: pl.DataFrame) -> pl.DataFrame:
    """Of rows with the same hour and key, the one that arrived last.

    Rows that arrived at the same moment are ordered by their values, so that the choice does
    not depend on the order in which a source gives them.
    """
    arrival = [contract.arrival_time] if contract.arrival_time else []
    identity = [*HOUR_COLUMNS, *contract.key]
    values = [name for name in contract.column_names if name not in {*identity, *arrival}]
    text = pl.struct(values).struct.json_encode() if values else pl.lit("")
    return (
        rows.with_columns(_text=text)
        .sort(*identity, *arrival, "_text", nulls_last=False)
        .unique(identity, keep="last", maintain_order=True)
        .drop("_text")
    )
