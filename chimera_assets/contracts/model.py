"""A contract as the rest of the code sees it: plain, frozen, free of the file format."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from chimera_assets.errors import ArgumentError
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Classification, least to most protected: public, internal, confidential, personal, restricted.
LEVELS = ("L0", "L1", "L2", "L3", "L4")

#: The column with what the source has beside the contract's columns, where that is kept.
UNMAPPED = "_unmapped"

#: Column type -> Polars type.
POLARS_TYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "timestamp": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
    "array<string>": pl.List(pl.String()),
}

#: Column type -> Arrow type, which is also what the Delta tables hold.
ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "array<string>": pa.list_(pa.string()),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column, and where its values come from.

    Attributes:
        name: Its name, in all tables of the lake.
        type: A key of `POLARS_TYPES`.
        required: Whether null is refused.
        description: What it is, for people.
        classification: Its level, `L0` to `L4`.
        physical_name: What it is called in the source, where that is not its name.
        transform: Its `transformLogic`: an expression over columns of the source table.
        timezone: The time zone of times that are written without one; None if there are none.
        decimal: Precision and scale of a number that is exact, money for instance; else None.
        optional_at_source: Whether it is read as null where the source table has no such column.
        line: Where it stands in the contract's file.
        adapter_line: Where an adapter says what it comes from, if one does.
    """

    name: str
    type: str
    required: bool
    description: str
    classification: str
    physical_name: str | None = None
    transform: str | None = None
    timezone: str | None = None
    decimal: tuple[int, int] | None = None
    optional_at_source: bool = False
    line: int = field(default=1, compare=False)
    adapter_line: int | None = field(default=None, compare=False)

    @property
    def source_name(self) -> str:
        """What it is called in the source."""
        return self.physical_name or self.name

    @property
    def polars_type(self) -> pl.DataType:
        """The Polars type of the column."""
        return pl.Decimal(*self.decimal) if self.decimal else POLARS_TYPES[self.type]

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow (and Delta) type of the column."""
        return pa.decimal128(*self.decimal) if self.decimal else ARROW_TYPES[self.type]

    @property
    def type_in_words(self) -> str:
        """Its type, of an exact number with precision and scale."""
        return f"decimal({self.decimal[0]}, {self.decimal[1]})" if self.decimal else self.type


@dataclass(frozen=True, slots=True)
class Rule:
    """One quality rule.

    Attributes:
        name: Unique in its contract, snake_case; the reason that a rejected row is given.
        column: The column it is about; None for rules between columns or on the whole hour.
        level: `row` judges each row, `batch` an hour as a whole.
        severity: `error` rejects the row (or fails the hour), `warning` counts and keeps it.
        dimension: The standard's data quality dimension, `completeness` for instance.
        description: What it asks for, in words.
        check: Its name in the registry of row or batch checks.
        params: What the check is given.
        line: Where it stands in the contract's file.
    """

    name: str
    column: str | None
    level: str
    severity: str
    dimension: str
    description: str
    check: str
    params: Mapping[str, Any] = field(hash=False)
    line: int = field(default=1, compare=False)


@dataclass(frozen=True)
class Contract:
    """Everything that is promised about one stream or one reference table.

    Attributes:
        stream: Its name, also that of its tables.
        version: Semantic version of the contract.
        path: The file it was read from.
        description: What its rows are, for people.
        owner: Who answers for it.
        kind: `stream` (hourly events) or `reference` (a small table, extracted whole).
        source_table: Its table in the operational database.
        columns: Its columns, in the order of the file.
        rules: Its quality rules, the implied ones included.
        key: The columns that identify a row.
        event_time: The column with the time an event happened; None for reference tables.
        arrival_time: The column with the time the row arrived at the source.
        subject: The column that names the data subject, if there is one.
        retention_days: How long rows are kept.
        vacuum_days: How long replaced files (and with them time travel) are kept.
        quarantine_days: How long rejected rows are kept.
        pass_rate: Share of an hour's rows that must be valid for the hour to be published.
        freshness_hours: How old the newest hour may be.
        tags: Words to find it by.
        table_retention: Days by `layer/table`, for tables that differ from `retention_days`.
        tenant: The column that names the tenant, if there is one.
        file_query: The SELECT that makes rows of JSON files of another shape, if there is one.
        file_marks: What each document of such a file has to be like, as `file_marks` reads it.
        may_lack: Columns of the source that expressions read as null where it lacks them.
        adapter: The file of the adapter that changed where its rows come from, if one did.
        adapter_table_line: Where in it the source table is named, if it is there.
        optional_at_source: Whether a table that the source lacks counts as an empty one.
    """

    stream: str
    version: str
    path: Path
    description: str
    owner: str
    kind: str
    source_table: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    key: tuple[str, ...]
    event_time: str | None
    arrival_time: str | None
    subject: str | None
    retention_days: int
    vacuum_days: int
    quarantine_days: int
    pass_rate: float
    freshness_hours: float
    tags: tuple[str, ...] = ()
    table_retention: Mapping[str, int] = field(default_factory=dict, hash=False)
    tenant: str | None = None
    file_query: str | None = None
    file_marks: tuple[str, ...] = ()
    may_lack: tuple[str, ...] = ()
    adapter: Path | None = None
    adapter_table_line: int | None = field(default=None, compare=False)
    optional_at_source: bool = False

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def tenant_column(self) -> Column | None:
        """The column that names the tenant, if there is one."""
        return self.column(self.tenant) if self.tenant is not None else None

    @property
    def row_rules(self) -> tuple[Rule, ...]:
        """The rules that judge each row."""
        return tuple(rule for rule in self.rules if rule.level == "row")

    @property
    def batch_rules(self) -> tuple[Rule, ...]:
        """The rules that judge an hour as a whole."""
        return tuple(rule for rule in self.rules if rule.level == "batch")

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            ArgumentError: There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        msg = f"column of {self.stream}: expected {one_of(self.column_names, name)}, found {name}"
        raise ArgumentError(msg)

    def rule(self, name: str) -> Rule:
        """The rule of that name.

        Raises:
            ArgumentError: There is none.
        """
        for rule in self.rules:
            if rule.name == name:
                return rule
        known = one_of((rule.name for rule in self.rules), name)
        msg = f"rule of {self.stream}: expected {known}, found {name}"
        raise ArgumentError(msg)

    def classified(self, level: str = "L2") -> set[str]:
        """The names of the columns classified `level` or higher.

        Raises:
            ArgumentError: There is no such level.
        """
        if level not in LEVELS:
            msg = f"classification: expected {one_of(LEVELS)}, found {level}"
            raise ArgumentError(msg)
        # "L0" to "L4" sort as they rank.
        return {column.name for column in self.columns if column.classification >= level}

    def polars_schema(self) -> pl.Schema:
        """Column name -> Polars type, in order."""
        return pl.Schema({column.name: column.polars_type for column in self.columns})

    def arrow_schema(self) -> pa.Schema:
        """The Arrow and Delta schema; every field nullable, since raw keeps what was received."""
        return pa.schema([pa.field(column.name, column.arrow_type) for column in self.columns])
