"""The Pandera schema of a contract: its columns, its types, and a check for each row rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.contracts.rules.row_checks import violation

if TYPE_CHECKING:
    import pandera.polars as pa
    import polars as pl
    from pandera.api.polars.types import PolarsData

    from chimera_assets.contracts.model import Contract
    from chimera_assets.contracts.rules.row_checks import References


def pandera_schema(contract: Contract, references: References) -> pa.DataFrameSchema:
    """The schema that judges rows: validate lazily, then group `failure_cases` by check and index.

    A check is named after its rule. A rule on a column is checked with that column; a rule between
    columns with the first key column, so that its failure case is a key and no other value.
    Failures without an index (a missing or mistyped column) are about the whole frame. Columns that
    the contract does not have are let through. Rules `within_hour` read `hour_partition` and
    `hour`, so frames of hourly streams must have them.

    Args:
        contract: The contract.
        references: Known values by `table.column` (see `required_references`).

    Raises:
        MissingReferenceError: A rule compares with values that are not among `references`.
    """
    import pandera.polars as pa  # noqa: PLC0415 - heavy, and most readers of contracts judge nothing

    checks: dict[str, list[pa.Check]] = {name: [] for name in contract.column_names}
    for rule in contract.row_rules:
        checks[rule.column or contract.key[0]].append(
            named_check(rule.name, ~violation(rule, references))
        )
    columns = {
        # Nullability is checked by the `not_null` rules, which every required column has: with
        # `nullable=False` Pandera would give a second reason under a name of its own.
        column.name: pa.Column(column.polars_type, checks=checks[column.name], nullable=True)
        for column in contract.columns
    }
    return pa.DataFrameSchema(columns, name=contract.stream)


def named_check(name: str, fine: pl.Expr) -> pa.Check:
    """A Pandera check that is reported by `name` and asks that `fine` is true for every row."""
    import pandera.polars as pa  # noqa: PLC0415 - as above

    def holds(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(fine)

    return pa.Check(holds, name=name, error=name, ignore_na=False)
