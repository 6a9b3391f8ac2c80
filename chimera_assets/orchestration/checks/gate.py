"""The gate as Dagster sees it: a blocking check evaluated for each hour, and one for warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from chimera_assets.errors import counted, in_short
from chimera_assets.hour_columns import HOUR_KEY
from chimera_assets.layers import STAGED
from chimera_assets.runs.gate_names import PASS_RATE, WARNINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts import Contract
    from chimera_assets.quality import Staging

#: The metadata of the quarantine that says why rows are in it.
REASONS = "rows by reason"


def check_specs(
    contract: Contract, partitions: dg.PartitionsDefinition | None
) -> list[dg.AssetCheckSpec]:
    """The checks of a staged asset."""
    asset = dg.AssetKey([STAGED, contract.stream])
    errors = sum(rule.severity == "error" for rule in contract.rules)
    warnings = len(contract.rules) - errors
    return [
        dg.AssetCheckSpec(
            PASS_RATE,
            asset=asset,
            blocking=True,
            partitions_def=partitions,
            description=_asked(contract, errors),
        ),
        dg.AssetCheckSpec(
            WARNINGS,
            asset=asset,
            description=(
                f"No rule of severity warning is broken ({counted(warnings, 'rule')}: "
                "distributions, volume, doubtful values). Rows are counted and kept; what was "
                "observed hour by hour is in quality/check_results."
            ),
        ),
    ]


def _asked(contract: Contract, errors: int) -> str:
    """What the gate asks of an hour, by how many rules."""
    rules = f"the contract's {counted(errors, 'rule')} of severity error"
    if not contract.pass_rate:
        return (
            f"Rows that break any of {rules} are rejected. However many they are, the others are "
            "published: there is no threshold."
        )
    return (
        f"At least {_threshold(contract)} of an hour's rows break none of {rules}. If fewer do, "
        "nothing of the hour is published."
    )


def _threshold(contract: Contract) -> str:
    """As many digits as the contract has."""
    return f"{contract.pass_rate * 100:.10g}%"


def evaluations(
    context: dg.AssetExecutionContext, contract: Contract, staging: Staging, *, partitioned: bool
) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """The gate's evaluation for each hour; Dagster's own results know no partition in a range.

    A blocked hour stops what is downstream if no hour of the run may be published. In a range, the
    other hours go on, and the run fails at its end, by the conservation check.
    """
    asset = dg.AssetKey([STAGED, contract.stream])
    layer = context.op_execution_context.job_def.asset_layer
    for name in (PASS_RATE, WARNINGS):
        yield dg.Output(None, layer.get_op_output_name(dg.AssetCheckKey(asset, name)))
    blocking = staging.staged is None
    few = staging.batches.height == 1
    blocked = None if staging.blocked.is_empty() else blocked_message(contract, staging)
    for hour in staging.batches.with_columns(key=HOUR_KEY).iter_rows(named=True):
        partition = hour["key"] if partitioned else None
        yield dg.AssetCheckEvaluation(
            asset_key=asset,
            check_name=PASS_RATE,
            passed=hour["published"],
            blocking=blocking,
            partition=partition,
            description=None if hour["published"] else blocked,
            metadata=_numbers(hour) | ({"rows by reason": reasons(staging)} if few else {}),
        )
    yield _warnings(asset, staging)


def _warnings(asset: dg.AssetKey, staging: Staging) -> dg.AssetCheckEvaluation:
    """One evaluation a run: in a range, one an hour would cost more than the judging."""
    warned = (
        staging.check_results.filter(~pl.col("passed") & (pl.col("severity") == "warning"))
        .group_by("rule")
        .agg(hours=pl.len())
        .sort("hours", "rule", descending=[True, False])
    )
    hours = staging.batches.height
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=WARNINGS,
        passed=warned.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=", ".join(warned["rule"]) or None,
        metadata={rule: f"broken in {n} of {hours} hours" for rule, n in warned.iter_rows()},
    )


def _numbers(hour: dict[str, Any]) -> dict[str, float]:
    return {
        "pass rate": round(hour["pass_rate"], 6),
        "extracted": hour["extracted"],
        "quarantined": hour["quarantined"],
    }


def reasons(staging: Staging) -> dg.MarkdownMetadataValue:
    """Rows by reason, as a table: rule names and counts, no values."""
    return _as_table(_rejecting(staging))


def reasons_by_hour(staging: Staging) -> dict[str, dict[str, dg.MarkdownMetadataValue]]:
    """Partition key -> `rows by reason` of its hour; hours without any are left out."""
    by_hour = _rejecting(staging).with_columns(key=HOUR_KEY).group_by("key")
    return {str(key): {REASONS: _as_table(results)} for (key,), results in by_hour}


def _rejecting(staging: Staging) -> pl.DataFrame:
    """The results of the rules that rejected rows."""
    return staging.check_results.filter(
        (pl.col("severity") == "error") & (pl.col("failed") > 0) & (pl.col("level") == "row")
    )


def _as_table(results: pl.DataFrame) -> dg.MarkdownMetadataValue:
    rows = (
        results.group_by("rule")
        .agg(pl.col("failed").sum())
        .sort("failed", "rule", descending=[True, False])
    )
    lines = ["| rule | rows |", "| --- | ---: |"]
    return dg.MetadataValue.md(
        "\n".join(lines + [f"| {rule} | {n} |" for rule, n in rows.iter_rows()])
    )


def blocked_message(contract: Contract, staging: Staging) -> str:
    """Which hours are blocked, why, and what to do."""
    blocked = staging.blocked.with_columns(key=HOUR_KEY)
    listed = ", ".join(
        f"{row['key']} ({row['quarantined']} of {row['extracted']} rows rejected)"
        for row in blocked.head(10).iter_rows(named=True)
    )
    more = f" and {blocked.height - 10} more" if blocked.height > 10 else ""  # noqa: PLR2004
    if broken := _broken_rules(contract, staging):
        return f"{contract.stream}: blocked {listed}{more}; {broken}. Nothing of it was published."
    return (
        f"{contract.stream}: blocked {listed}{more}; the contract asks for a pass rate of "
        f"{_threshold(contract)}. Nothing of these hours was published; the rejected "
        f"rows are in quarantine: chimera quarantine list --stream {contract.stream}"
    )


def _broken_rules(contract: Contract, staging: Staging) -> str:
    """The rules about a whole hour that block it: line, what each asks, and what is wrong."""
    failed = staging.check_results.filter(
        ~pl.col("passed") & (pl.col("severity") == "error") & (pl.col("level") == "batch")
    )
    hidden = contract.classified()
    said = []
    for name, examples in failed.unique("rule").sort("rule").select("rule", "example_keys").rows():
        rule = contract.rule(name)
        shown = [] if hidden & set(rule.params.get("by", ())) else examples
        found = f", found {in_short(shown)}" if shown else ""
        said.append(f"{contract.path.name}:{rule.line}: {name}: expected {rule.description}{found}")
    return "; ".join(said)
