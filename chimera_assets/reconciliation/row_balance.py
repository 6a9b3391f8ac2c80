"""The row balance: each hour's rows by its batch counts, and as the layers have them now.

Rows are counted in the tables' logs. What was deleted on purpose since the hour was judged, by
retention or by a purge, stands beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.layers import MARTS, QUARANTINE, RAW, STAGED, fact_table
from chimera_assets.system_tables.batches import hour_history
from chimera_assets.system_tables.deletion_log import deleted_rows

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake, Table

_NO_ROWS = {**HOUR_TYPES, "rows": pl.Int64()}


def layers(lake: Lake, contract: Contract) -> dict[str, Table]:
    """The tables of a stream's rows, by the name of the balance's column."""
    return {
        "raw": lake.table(RAW, contract.stream),
        "staged": lake.table(STAGED, contract.stream),
        "quarantined": lake.table(QUARANTINE, contract.stream),
        "facts": lake.table(MARTS, fact_table(contract.stream)),
    }


def row_balance(lake: Lake, contract: Contract, hours: HourRange | None = None) -> pl.DataFrame:
    """A row for every hour of a stream in its batch counts or in any of its layers, in order.

    Returns:
        The hour columns; of the newest counts batch_id, extracted, rejected, duplicates, published
        (null where there is none); of the newest one that was published published_batch_id and
        published_rows; raw, staged, quarantined, facts: rows in the tables now; purged: rows that
        were purged from quarantine since; raw_expired, staged_expired, facts_expired: whether
        retention has deleted rows of the layer since.
    """
    kept = hour_history(lake, contract.stream, hours)
    tables = layers(lake, contract)
    for name, table in tables.items():
        rows = table.rows_by_hour(hours) if table.exists() else pl.DataFrame(schema=_NO_ROWS)
        kept = kept.join(
            rows.rename({"rows": name}), on=HOUR_COLUMNS, how="full", coalesce=True
        ).with_columns(pl.col(name).fill_null(0))
    return _with_dropped(kept, deleted_rows(lake, list(tables.values()), hours)).sort(HOUR_COLUMNS)


def _with_dropped(kept: pl.DataFrame, dropped: pl.DataFrame) -> pl.DataFrame:
    """The balance with what was deleted on purpose after the hours were judged last."""
    found = dropped.join(
        kept.select(*HOUR_COLUMNS, "judged_at", "published_at"), on=HOUR_COLUMNS, how="left"
    )

    def since(layer: str, moment: str) -> pl.Expr:
        judged = pl.col(moment)
        return (pl.col("layer") == layer) & (judged.is_null() | (pl.col("at") >= judged))

    sums = found.group_by(*HOUR_COLUMNS).agg(
        purged=pl.col("rows").filter(since(QUARANTINE, "judged_at")).sum(),
        raw_expired=since(RAW, "judged_at").any(),
        staged_expired=since(STAGED, "published_at").any(),
        facts_expired=since(MARTS, "published_at").any(),
    )
    return (
        kept.join(sums, on=HOUR_COLUMNS, how="left")
        .with_columns(
            pl.col("purged").fill_null(0),
            pl.col("raw_expired", "staged_expired", "facts_expired").fill_null(value=False),
        )
        .drop("judged_at", "published_at")
    )
