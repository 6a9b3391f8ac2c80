"""`quality/legal_holds`: a row when a hold is placed, and one when it is released.

A null stream, tenant_id, start or end means all of them; the end is excluded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.layers import QUALITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.lake import Lake

NAME = "legal_holds"

_UTC = pl.Datetime("us", "UTC")

LEGAL_HOLDS = pl.Schema(
    {
        "hold_id": pl.String(),
        "action": pl.String(),
        "stream": pl.String(),
        "tenant_id": pl.String(),
        "start": _UTC,
        "end": _UTC,
        "by": pl.String(),
        "reason": pl.String(),
        "at": _UTC,
    }
)


def append_hold_row(lake: Lake, row: Mapping[str, Any]) -> None:
    """Add a row of `LEGAL_HOLDS`."""
    recorded = {"legal_hold": f"{row['action']} {row['hold_id']}"}
    lake.table(QUALITY, NAME).append(pl.DataFrame([row], schema=LEGAL_HOLDS), metadata=recorded)


def hold_rows(lake: Lake) -> list[dict[str, Any]]:
    """Every row, oldest first."""
    table = lake.table(QUALITY, NAME)
    if not table.exists():
        return []
    return table.read(columns=list(LEGAL_HOLDS)).sort("at").collect().to_dicts()
