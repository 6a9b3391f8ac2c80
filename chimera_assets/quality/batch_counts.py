"""The counts of some hours while they are judged: every extracted row is in one column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.contracts import empty_profile, make_profile, merge_profiles
from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import HOUR_COLUMNS, partition_values
from chimera_assets.quality import results
from chimera_assets.quality.judge import EXAMPLES
from chimera_assets.sources.landing import damage

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.quality.judge import Explained

_COUNTS = {
    **HOUR_TYPES,
    "batch_id": pl.String(),
    "extracted": pl.Int64(),
    "quarantined": pl.Int64(),
    "duplicates": pl.Int64(),
    "no_rows": pl.Int64(),
}


class BatchCounts:
    """Counts, broken rules and statistics of some hours, added up frame by frame.

    Args:
        contract: The stream's contract.
        hours: The hours; one without any row is accounted for too.
    """

    def __init__(self, contract: Contract, hours: HourRange) -> None:
        self._contract = contract
        silent = [(*partition_values(hour), None, 0, 0, 0, 0) for hour in hours]
        self._counts = [pl.DataFrame(silent, schema=_COUNTS, orient="row")]
        self._profiles = [empty_profile(contract, hours)]
        self._broken: list[pl.DataFrame] = []

    def add_extracted(self, frame: pl.DataFrame) -> None:
        """Count rows that were extracted."""
        by_hour = frame.group_by(*HOUR_COLUMNS)
        self._count(by_hour.agg(batch_id=pl.col("_batch_id").max(), extracted=pl.len()))

    def add_suspects(self, explained: Explained) -> None:
        """Count rows that broke rules, some of which were rejected."""
        self._broken.append(explained.broken)
        no_row = pl.col("reasons").list.first().is_in(damage.NO_ROWS)
        by_hour = explained.rejected.group_by(*HOUR_COLUMNS)
        self._count(by_hour.agg(quarantined=pl.len(), no_rows=no_row.sum()))

    def add_valid(self, valid: pl.DataFrame) -> None:
        """Let rows that will be published count in the hours' statistics."""
        self._profiles.append(make_profile(self._contract, valid))

    def add_duplicates(self, repeated: pl.DataFrame, kept: pl.DataFrame) -> None:
        """Count the rows among `repeated` that are not among `kept`."""
        signed = [
            frame.select(HOUR_COLUMNS, n=pl.lit(n)) for frame, n in ((repeated, 1), (kept, -1))
        ]
        self._count(pl.concat(signed).group_by(*HOUR_COLUMNS).agg(duplicates=pl.col("n").sum()))

    def settle(self, run_id: str, now: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The hours' counts and every rule's results, as frames of `BATCHES`, `CHECK_RESULTS`."""
        counts = pl.concat(self._counts).group_by(*HOUR_COLUMNS)
        totals = counts.agg(pl.col("batch_id").max(), pl.exclude(*HOUR_COLUMNS, "batch_id").sum())
        judged = results.judged_batch_rules(self._contract, self._profile(totals))
        failed = judged.filter(~pl.col("passed") & (pl.col("severity") == "error"))
        batches = results.batch_rows(
            self._contract, totals, run_id=run_id, judged_at=now, failed_hours=failed
        )
        found = results.check_results(
            self._contract, batches, self._all_broken(), judged.drop("severity")
        )
        return batches, found

    def _count(self, counts: pl.DataFrame) -> None:
        missing = [pl.lit(None).alias(name) for name in _COUNTS if name not in counts.columns]
        typed = counts.with_columns(missing).select(
            pl.col(name).cast(kind) for name, kind in _COUNTS.items()
        )
        numbers = [name for name, kind in _COUNTS.items() if kind == pl.Int64]
        self._counts.append(typed.with_columns(pl.col(numbers).fill_null(0)))

    def _profile(self, totals: pl.DataFrame) -> pl.DataFrame:
        merged = merge_profiles(self._contract, self._profiles).drop("duplicates")
        duplicates = totals.select(*HOUR_COLUMNS, "duplicates")
        return merged.join(duplicates, on=HOUR_COLUMNS, how="left", maintain_order="left")

    def _all_broken(self) -> pl.DataFrame:
        return (
            pl.concat(self._broken or [results.no_broken_rules()])
            .group_by(*HOUR_COLUMNS, "rule")
            .agg(
                pl.col("failed").sum(),
                pl.col("example_keys").explode().drop_nulls().sort().head(EXAMPLES),
            )
        )
