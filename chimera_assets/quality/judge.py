"""The judge: every row gets its verdict and all its reasons, in one pass.

All row rules of a contract run fused in one Polars pass, which finds the rows that break any. Only
these, usually few, go through the contract's Pandera schema, which gives each one's reasons. Both
are built from the same expressions; that they agree is checked every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.contracts import pandera_schema, violation
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.quality.results import READABLE
from chimera_assets.sources.landing import damage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Contract

#: The column of raw tables with the original text of values that could not be read.
UNREADABLE_COLUMN = "_unreadable"

#: How many keys are kept as examples for a rule and hour.
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Screened:
    """What the fused pass says of a frame of rows.

    Attributes:
        valid: The rows that break no rule of severity `error`, in the order given.
        suspects: The rows that break any rule, of either severity; their reasons are yet to come.
    """

    valid: pl.DataFrame
    suspects: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Explained:
    """What Pandera says of suspects.

    Attributes:
        rejected: Those that break a rule of severity `error`, with a further column `reasons`:
            List(String), rule names, sorted.
        broken: A row an hour and broken row rule (of either severity): hour_partition, hour, rule,
            failed (Int64), example_keys (List(String), at most five).
    """

    rejected: pl.DataFrame
    broken: pl.DataFrame


class Judge:
    """Judges rows of one stream against its contract.

    Args:
        contract: The contract.
        references: Known values by `table.column`, for rules such as "the branch is known".
    """

    def __init__(self, contract: Contract, references: Mapping[str, pl.Series]) -> None:
        self.contract = contract
        self._schema = pandera_schema(contract, references)
        self._fitting: pl.Schema | None = None
        self._errors = [rule.name for rule in contract.row_rules if rule.severity == "error"]
        by_severity: dict[str, list[pl.Expr]] = {"error": [], "warning": []}
        for rule in contract.row_rules:
            by_severity[rule.severity].append(violation(rule, references))
        self._bad, self._doubtful = (
            pl.any_horizontal(pl.lit(value=False), *broken) for broken in by_severity.values()
        )

    def screen(self, frame: pl.DataFrame) -> Screened:
        """Separate the rows that break rules from the others, in one pass.

        Args:
            frame: The contract's columns, the hour's two, any others.

        Raises:
            pandera.errors.SchemaErrors: A column of the contract is missing or has another type.
        """
        if frame.schema != self._fitting:
            self._schema.validate(frame.lazy(), lazy=True)  # columns and types only
            self._fitting = frame.schema
        bad = self._bad
        if UNREADABLE_COLUMN in frame.columns:
            bad = bad | pl.col(UNREADABLE_COLUMN).is_not_null()
        found = frame.select(bad=bad, doubtful=self._doubtful)
        suspects = frame.filter(found["bad"] | found["doubtful"])
        return Screened(frame.filter(~found["bad"]) if found["bad"].any() else frame, suspects)

    def explain(self, suspects: pl.DataFrame) -> Explained:
        """Say why rows that `screen` found are suspect; cheapest for many at once."""
        failures = self._failures(suspects)
        judged = self._with_reasons(suspects, failures)
        rejected = judged.filter(pl.col("reasons").list.len() > 0)
        return Explained(rejected, self._broken(suspects, failures))

    def _failures(self, suspects: pl.DataFrame) -> pl.DataFrame:
        """Every broken rule of every suspect: `index` UInt32, `rule` String."""
        if suspects.is_empty():
            return _no_failures()
        indexed = suspects.with_row_index("index")
        failures = [_no_failures()]
        if UNREADABLE_COLUMN in suspects.columns:
            unreadable = indexed.filter(pl.col(UNREADABLE_COLUMN).is_not_null())
            failures.append(unreadable.select("index", rule=_unreadable_rule()))
            # Of what was never a row, the contract's rules have nothing to say.
            indexed = indexed.join(
                failures[-1].filter(pl.col("rule").is_in(damage.NO_ROWS)),
                on="index",
                how="anti",
                maintain_order="left",
            )
        broken = self._pandera_failures(indexed.drop("index"))
        failures.append(broken.with_columns(index=indexed["index"].gather(broken["index"])))
        found = pl.concat(failures)
        if found["index"].n_unique() != suspects.height:
            msg = f"{self.contract.stream}: the fused pass and Pandera disagree on a row's verdict"
            raise AssertionError(msg)
        return found

    def _pandera_failures(self, suspects: pl.DataFrame) -> pl.DataFrame:
        from pandera.errors import SchemaErrors  # noqa: PLC0415 - heavy

        try:
            self._schema.validate(suspects, lazy=True)
        except SchemaErrors as errors:
            cases: pl.DataFrame = errors.failure_cases
            if cases["index"].null_count():
                raise
            return cases.select(pl.col("index").cast(pl.UInt32), rule="check")
        return _no_failures()

    def _with_reasons(self, suspects: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
        reasons = (
            failures.filter(pl.col("rule").is_in([*self._errors, READABLE, *damage.NO_ROWS]))
            .group_by("index")
            .agg(reasons=pl.col("rule").unique().sort())
        )
        return (
            suspects.with_row_index("index")
            .join(reasons, on="index", how="left", maintain_order="left")
            .with_columns(pl.col("reasons").fill_null([]))
            .drop("index")
        )

    def _broken(self, suspects: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
        keyed = suspects.with_row_index("index").select(
            "index", *HOUR_COLUMNS, key=row_key(self.contract)
        )
        return (
            failures.join(keyed, on="index", maintain_order="left")
            .group_by(*HOUR_COLUMNS, "rule")
            .agg(
                failed=pl.len().cast(pl.Int64),
                example_keys=pl.col("key").drop_nulls().sort().head(EXAMPLES),
            )
        )


def row_key(contract: Contract) -> pl.Expr:
    """A row's key as text: the key columns' values, joined by `|` if there are several."""
    return pl.concat_str([pl.col(name).cast(pl.String) for name in contract.key], separator="|")


def _unreadable_rule() -> pl.Expr:
    """The rule that a row with something in `_unreadable` breaks."""
    named = pl.col(UNREADABLE_COLUMN).str.json_path_match(f"$.{damage.RULE}")
    return pl.when(named.is_in(damage.NO_ROWS)).then(named).otherwise(pl.lit(READABLE))


def _no_failures() -> pl.DataFrame:
    return pl.DataFrame(schema={"index": pl.UInt32, "rule": pl.String})
