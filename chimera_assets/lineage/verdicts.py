"""What was judged of a record's rows in raw, told by what staged and quarantine have of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import hour_columns_of
from chimera_assets.lineage.record import Verdict
from chimera_assets.quality import duplicates, quarantine
from chimera_assets.sources.stream import UNREADABLE

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.contracts import Contract

_BATCH, _BEGAN = "_batch_id", "_ingested_at"


@dataclass(frozen=True, slots=True)
class Judged:
    """What is there of a record in one hour.

    Attributes:
        raw: Its rows in raw.
        staged: Its row in staged, if there is one.
        rejected: Its rows in quarantine.
        judged: Whether the hour was judged since its rows came into raw.
        published: Whether the hour was published then.
    """

    raw: pl.DataFrame
    staged: pl.DataFrame
    rejected: pl.DataFrame
    judged: bool
    published: bool


def verdicts(contract: Contract, hour: datetime | None, found: Judged) -> tuple[Verdict, ...]:
    """The verdict of each row of a record in an hour.

    Args:
        contract: The contract of its stream.
        hour: The hour; None if it has none.
        found: What is there of it.
    """
    if found.raw.is_empty():
        left = found.staged.iter_rows(named=True)
        return tuple(_verdict(contract, row, "staged") for row in left)
    rows = _typed(contract, found.raw, hour)
    why = _reasons(contract, rows, found.rejected)
    valid = rows.filter(pl.Series([one is None for one in why], dtype=pl.Boolean))
    kept = duplicates.latest(contract, valid).row(0) if valid.height else None
    told = []
    for row, reasons in zip(rows.iter_rows(), why, strict=True):
        values = dict(zip(rows.columns, row, strict=True))
        if reasons is not None:
            told.append(_verdict(contract, values, "rejected", reasons))
        elif not found.judged:
            told.append(_verdict(contract, values, "pending"))
        elif row != kept:
            told.append(_verdict(contract, values, "duplicate"))
        else:
            kept = None  # of rows that are the same in all, one is published
            verdict = "staged" if found.published else "blocked"
            told.append(_verdict(contract, values, verdict))
    return tuple(told)


def _reasons(
    contract: Contract, rows: pl.DataFrame, rejected: pl.DataFrame
) -> list[tuple[str, ...] | None]:
    """The rules that each row broke; None for a row that the quarantine does not have."""
    if rejected.is_empty():
        return [None] * rows.height
    by_record = {row["record"]: tuple(row["reasons"]) for row in rejected.iter_rows(named=True)}
    return [by_record.get(record) for record in quarantine.records(contract, rows)]


def _typed(contract: Contract, raw: pl.DataFrame, hour: datetime | None) -> pl.DataFrame:
    """The rows with all columns of the contract and of the hour, as judging has them."""
    lacking = [
        pl.lit(None, column.polars_type).alias(column.name)
        for column in contract.columns
        if column.name not in raw.columns
    ]
    if UNREADABLE.name not in raw.columns:
        lacking.append(pl.lit(None, pl.String).alias(UNREADABLE.name))
    moment = pl.lit(hour, pl.Datetime("us", "UTC"))
    return raw.with_columns(*lacking, *hour_columns_of(moment))


def _verdict(
    contract: Contract, row: dict[str, object], verdict: str, reasons: tuple[str, ...] = ()
) -> Verdict:
    values = {name: row.get(name) for name in contract.column_names}
    batch, began = row.get(_BATCH), row.get(_BEGAN)
    return Verdict(verdict, reasons, batch, began, values)  # type: ignore[arg-type]
