"""What an exit shows of tables' rows: one rule for everything that shows rows of tables.

A table of a stream goes by its contract, and what the contract does not describe is masked. Tables
that models make have no contract: there a column goes by the contracts' columns that it is made of,
as the models' lineage says. What nobody could follow is masked, unless all that the model reads may
be shown; the name of a column proves nothing. A number made of a masked text is shown in aggregates
alone, and not in lists.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.layers import AGGREGATES, LANDING, QUALITY, QUARANTINE, RAW, STAGED
from chimera_assets.privacy.masking import MASK
from chimera_assets.privacy.origins import Lineages, origins

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.privacy.origins import Origins

#: What the platform itself adds to rows of streams.
_OWN = frozenset({*HOUR_COLUMNS, "_batch_id", "_ingested_at"})
#: The columns of quarantine that quote the row.
_RECORD, _KEY = "record", "row_key"
#: The column of the platform's own tables with keys of rows.
_KEYS = "example_keys"
#: The layers whose tables have the columns of their stream.
_OF_STREAMS = frozenset({LANDING, RAW, STAGED})


@dataclass(frozen=True, slots=True)
class Masks:
    """What one exit masks.

    Attributes:
        level: Masked from this level on.
        contracts: Every contract that is known.
        lineages: What the models' columns are made of; without it all that models make is masked.
    """

    level: str
    contracts: Mapping[str, Contract]
    lineages: Lineages = field(default_factory=dict)

    def rows(
        self, layer: str, table: str, rows: pl.LazyFrame
    ) -> tuple[pl.LazyFrame, frozenset[str]]:
        """Rows of a table as they may be shown, and the names of the columns that were masked.

        That a value is null may be seen.

        Args:
            layer: The table's layer.
            table: Its name.
            rows: The rows, with any of its columns.
        """
        masked = self.columns(layer, table, rows.collect_schema())
        hidden = (
            pl.when(pl.col(name).is_not_null()).then(pl.lit(MASK)).alias(name) for name in masked
        )
        return rows.with_columns(hidden), masked

    def columns(self, layer: str, table: str, schema: Mapping[str, pl.DataType]) -> frozenset[str]:
        """The columns, among these of a table, that are masked."""
        if layer == QUALITY:
            # The platform's own tables: names and numbers, and of rows of all streams their keys.
            hidden = any(map(self._hides_key, self.contracts))
            return frozenset({_KEYS} & set(schema)) if hidden else frozenset()
        if layer == QUARANTINE:
            return frozenset({_RECORD, *([_KEY] if self._hides_key(table) else [])} & set(schema))
        if layer in _OF_STREAMS:
            return frozenset(set(schema) - _OWN - self._shown(table))
        # In a row a number made of a text may be the text (its digits, its code points); over many
        # rows it is a count of them.
        return frozenset(
            name
            for name, kind in schema.items()
            if self._hides_some(
                origins(self.lineages, layer, table, name),
                but_text=_inner(kind) == pl.Boolean or (layer == AGGREGATES and kind.is_numeric()),
            )
        )

    def record(
        self, stream: str, record: str, *, shown: Collection[str] = ()
    ) -> tuple[dict[str, Any], frozenset[str]]:
        """A rejected row as it may be shown, column by column, and the columns that were masked.

        Args:
            stream: The stream.
            record: The row, a JSON object of columns and values.
            shown: Further names that are shown, though no contract describes them.
        """
        values: dict[str, Any] = json.loads(record)
        filled = {name for name, value in values.items() if value is not None}
        hidden = filled - self._shown(stream) - set(shown)
        return values | dict.fromkeys(hidden, MASK), frozenset(hidden)

    def stream_columns(self, stream: str, columns: Collection[str]) -> frozenset[str]:
        """The columns, among these of a stream, that are masked."""
        return frozenset(columns) - _OWN - self._shown(stream)

    def tells_a_row(self, layer: str, table: str, column: str) -> bool:
        """Whether a model's column would tell something masked if it were made of one row alone.

        A number made of a text is a count in an aggregate; what a single row adds to it is not.
        """
        return self._hides_some(origins(self.lineages, layer, table, column), but_text=False)

    def key(self, stream: str, key: str | None) -> str | None:
        """A row's key, masked if a column of it is."""
        return MASK if key is not None and self._hides_key(stream) else key

    def _shown(self, stream: str) -> frozenset[str]:
        """The columns of a stream that are not masked."""
        contract = self.contracts.get(stream)
        if contract is None:
            return frozenset()
        return frozenset(contract.column_names) - frozenset(contract.classified(self.level))

    def _hides_key(self, stream: str) -> bool:
        contract = self.contracts.get(stream)
        return contract is None or not set(contract.key) <= self._shown(stream)

    def _hides_some(self, made_of: Origins, *, but_text: bool) -> bool:
        """Whether something is masked of what a column is made of.

        Args:
            made_of: What it is made of.
            but_text: Whether a masked text leaves no more in it than a count, or a yes or no. That
                can only be told of SQL that was followed.
        """
        if not made_of.known or not all(map(self._is_open, made_of.streams)):
            return True
        return any(
            column not in self._shown(stream) | _OWN
            and not (but_text and self._is_text(stream, column))
            for stream, column in made_of.columns
        )

    def _is_open(self, stream: str) -> bool:
        """Whether every column of a stream may be shown."""
        contract = self.contracts.get(stream)
        return contract is not None and set(contract.column_names) <= self._shown(stream)

    def _is_text(self, stream: str, column: str) -> bool:
        contract = self.contracts.get(stream)
        kind = contract.polars_schema().get(column) if contract is not None else None
        return kind is not None and (kind == pl.String or kind.is_nested())


def _inner(kind: pl.DataType) -> pl.DataType:
    """Of a list the type of what is in it."""
    return _inner(kind.inner) if isinstance(kind, pl.List) else kind  # type: ignore[arg-type]
