"""What a run found, as rows of `quality/check_results` and `quality/batches`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.contracts import batch_violations
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.sources.landing import damage
from chimera_assets.system_tables.batches import BATCHES
from chimera_assets.system_tables.check_results import CHECK_RESULTS

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.contracts import Contract

#: The rule that no contract has to name: every value of the row could be read.
READABLE = "readable"

#: A pass rate of exactly the threshold passes, however its division rounds.
_ROUNDING = 1e-12


def no_broken_rules() -> pl.DataFrame:
    """Hour columns, rule, failed, example_keys: of no hour."""
    names = (*HOUR_COLUMNS, "rule", "failed", "example_keys")
    return pl.DataFrame(schema={name: CHECK_RESULTS[name] for name in names})


def check_results(
    contract: Contract,
    batches: pl.DataFrame,
    broken: pl.DataFrame,
    batch_rules: pl.DataFrame,
) -> pl.DataFrame:
    """The results of every rule in every hour, those that nothing broke included.

    Args:
        contract: The contract.
        batches: A frame of `BATCHES`.
        broken: Hour columns, rule, failed, example_keys, as the judge gives them.
        batch_rules: Hour columns, rule, observed, passed, examples, as `batch_violations` gives
            them.

    Returns:
        A frame of `CHECK_RESULTS`.
    """
    hours = batches.select("run_id", "batch_id", "stream", *HOUR_COLUMNS, "extracted", "judged_at")
    found = hours.join(_rules(contract), how="cross")
    found = found.join(broken, on=[*HOUR_COLUMNS, "rule"], how="left", maintain_order="left")
    found = found.join(batch_rules, on=[*HOUR_COLUMNS, "rule"], how="left", maintain_order="left")
    of_row = pl.col("level") == "row"
    failed = pl.when(of_row).then(pl.col("failed").fill_null(0)).otherwise(~pl.col("passed"))
    checked = pl.when(of_row).then("extracted").otherwise(1)
    return (
        found.with_columns(failed=failed.cast(pl.Int64), checked=checked)
        .with_columns(
            rate=pl.when(pl.col("checked") > 0)
            .then(pl.col("failed") / pl.col("checked"))
            .otherwise(0.0),
            passed=pl.col("failed") == 0,
            example_keys=pl.coalesce("example_keys", "examples").fill_null([]),
        )
        .select(pl.col(name).cast(kind) for name, kind in CHECK_RESULTS.items())
    )


def _rules(contract: Contract) -> pl.DataFrame:
    rules: list[tuple[str, str | None, str, str, str]] = [
        (READABLE, None, "row", "error", "conformity")
    ]
    if contract.kind == "stream":
        rules += [(name, None, "row", "error", "conformity") for name in damage.NO_ROWS]
    rules += [(r.name, r.column, r.level, r.severity, r.dimension) for r in contract.rules]
    names = ("rule", "column", "level", "severity", "dimension")
    return pl.DataFrame(rules, schema=dict.fromkeys(names, pl.String), orient="row")


def rule_severities(contract: Contract) -> dict[str, str]:
    """Rule -> severity, of the contract's rules and those that none has to name."""
    return dict(_rules(contract).select("rule", "severity").iter_rows())


def judged_batch_rules(contract: Contract, profile: pl.DataFrame) -> pl.DataFrame:
    """What the batch rules say of each hour, with the severity of each rule."""
    severities = {rule.name: rule.severity for rule in contract.batch_rules}
    severity = pl.col("rule").replace_strict(severities, default="warning", return_dtype=pl.String)
    return batch_violations(contract, profile).with_columns(severity=severity)


def batch_rows(
    contract: Contract,
    counts: pl.DataFrame,
    *,
    run_id: str,
    judged_at: datetime,
    failed_hours: pl.DataFrame,
) -> pl.DataFrame:
    """The hours' batch counts, and which of them may be published.

    Args:
        contract: The contract.
        counts: Hour columns, batch_id, extracted, quarantined, duplicates; no_rows: how many of
            the quarantined are malformed lines and corrupt files of the landing place. These say
            nothing of the hour they happened to arrive in, so the pass rate leaves them out.
        run_id: The run that judged them.
        judged_at: When.
        failed_hours: Hour columns of the hours in which a batch rule of severity `error` failed.

    Returns:
        A frame of `BATCHES`; an hour without rows has a pass rate of 1.
    """
    rejected, judged = (pl.col(name) - pl.col("no_rows") for name in ("quarantined", "extracted"))
    rate = 1 - rejected / pl.max_horizontal(judged, 1)
    failed = failed_hours.select(*HOUR_COLUMNS).unique().with_columns(failed=pl.lit(value=True))
    return (
        counts.join(failed, on=HOUR_COLUMNS, how="left", maintain_order="left")
        .with_columns(
            run_id=pl.lit(run_id),
            stream=pl.lit(contract.stream),
            staged=pl.col("extracted") - pl.col("quarantined") - pl.col("duplicates"),
            pass_rate=rate,
            published=(rate + _ROUNDING >= contract.pass_rate) & pl.col("failed").is_null(),
            judged_at=pl.lit(judged_at),
        )
        .select(pl.col(name).cast(kind) for name, kind in BATCHES.items())
        .sort(*HOUR_COLUMNS)
    )
