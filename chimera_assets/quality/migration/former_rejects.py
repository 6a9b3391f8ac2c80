"""Rows in quarantine as they will be after a migration, so that a row rejected again is the same.

A row that is rejected again keeps the time when it was first seen, and so its age; it is found by
its record, which has its values in the types of the contract.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.contracts.model import POLARS_TYPES
from chimera_assets.ingest.contract_fit import retyped_columns
from chimera_assets.layers import QUARANTINE, RAW
from chimera_assets.quality.hour_pass import FRAME_ROWS
from chimera_assets.quality.judge import UNREADABLE_COLUMN
from chimera_assets.quality.migration.conversion import completed, converted
from chimera_assets.quality.quarantine import SCHEMA, records

if TYPE_CHECKING:
    from chimera_assets.contracts import Column, Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake


def renewed_rejects(lake: Lake, contract: Contract, hours: HourRange) -> pl.DataFrame:
    """The quarantine of some hours, each record as the contract's types make it of its raw row."""
    table, raw = lake.table(QUARANTINE, contract.stream), lake.table(RAW, contract.stream)
    if not table.exists():
        return pl.DataFrame(schema=SCHEMA)
    former = table.read(hours, list(SCHEMA)).collect()
    retyped = retyped_columns(raw, contract)
    if former.is_empty() or not retyped:
        return former
    known, before = (
        former["record"].unique().implode(),
        _before(contract, raw.read().collect_schema()),
    )
    pairs = [pl.DataFrame(schema={"record": pl.String, "renewed": pl.String})]
    for frame in raw.batches(hours, rows=FRAME_ROWS):
        old = records(before, frame)
        found = old.is_in(known)
        if found.any():
            rows = converted(frame.filter(found), retyped)
            wanted = pl.Schema({**contract.polars_schema(), UNREADABLE_COLUMN: pl.String()})
            renewed = records(contract, completed(rows, wanted))
            pairs.append(pl.DataFrame({"record": old.filter(found), "renewed": renewed}))
    renewals = pl.concat(pairs).unique("record")
    return (
        former.join(renewals, on="record", how="left", maintain_order="left")
        .with_columns(record=pl.coalesce("renewed", "record"))
        .select(list(SCHEMA))
    )


def _before(contract: Contract, schema: pl.Schema) -> Contract:
    """The contract as the raw table still has it."""
    columns = [_as_found(one, schema[one.name]) for one in contract.columns if one.name in schema]
    return replace(contract, columns=tuple(columns))


def _as_found(column: Column, kind: pl.DataType) -> Column:
    if isinstance(kind, pl.Decimal):
        return replace(column, type="number", decimal=(kind.precision, kind.scale))
    names = {found: name for name, found in POLARS_TYPES.items()}
    return replace(column, type=names[kind], decimal=None)
