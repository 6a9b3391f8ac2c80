"""`quality/upkeep`: a row a run and table, with what upkeep did to the table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.layers import QUALITY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chimera_assets.run_context import RunContext

NAME = "upkeep"


@dataclass(frozen=True, slots=True)
class Maintained:
    """What upkeep did to one table, or would do: a row of `quality/upkeep`.

    `files` and `bytes` are those of the newest version, `stored` those in the table's place, older
    versions included. `hours_*` count partitions: hours, or days of a table by the day.
    """

    table: str
    rows_dropped: int = 0
    hours_dropped: int = 0
    hours_held: int = 0
    hours_merged: int = 0
    hours_ordered: int = 0
    hours_skipped: int = 0
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    stored_files_before: int = 0
    stored_files_after: int = 0
    stored_bytes_before: int = 0
    stored_bytes_after: int = 0
    log_files_before: int = 0
    log_files_after: int = 0
    log_bytes_before: int = 0
    log_bytes_after: int = 0
    files_deleted: int = 0
    bytes_freed: int = 0
    seconds: float = 0.0
    error: str | None = None


_KINDS = {"str": pl.String(), "str | None": pl.String(), "int": pl.Int64(), "float": pl.Float64()}

UPKEEP = pl.Schema(
    [
        ("run_id", pl.String()),
        ("at", pl.Datetime("us", "UTC")),
        *((name, _KINDS[str(kind)]) for name, kind in Maintained.__annotations__.items()),
    ]
)


def append_upkeep(context: RunContext, maintained: Iterable[Maintained]) -> None:
    """Add what a run did."""
    said = {"run_id": context.run_id, "at": context.now}
    rows = pl.DataFrame([{**said, **asdict(each)} for each in maintained], infer_schema_length=None)
    typed = rows.select(pl.col(column).cast(kind) for column, kind in UPKEEP.items())
    context.lake.table(QUALITY, NAME).append(typed, metadata={"run": context.run_id})
