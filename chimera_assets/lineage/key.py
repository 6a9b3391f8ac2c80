"""The key of one record, as somebody types it and as tables have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.errors import ArgumentError
from chimera_assets.quality.judge import row_key
from chimera_assets.sources.text_values import read_texts
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chimera_assets.contracts import Column, Contract

#: What parts the columns of a key where it is printed as one text.
_BETWEEN = "|"


@dataclass(frozen=True, slots=True)
class RecordKey:
    """The key of a record.

    Attributes:
        contract: The contract of its stream.
        values: Key column -> its value, in the column's type.
        texts: Key column -> the value as it was typed.
    """

    contract: Contract
    values: Mapping[str, Any]
    texts: Mapping[str, str]

    def __str__(self) -> str:
        """The key as `chimera quarantine list` prints it."""
        return str(self._row().select(row_key(self.contract)).item())

    def matches(self, columns: Mapping[str, str] | None = None) -> pl.Expr:
        """Whether a row has the key.

        Args:
            columns: Key column -> what the table calls it, where that is another name.
        """
        named = columns or {}
        kinds = self._row().schema
        return pl.all_horizontal(
            pl.col(named.get(name, name)) == pl.lit(value, kinds[name])
            for name, value in self.values.items()
        )

    def matches_rejected(self) -> pl.Expr:
        """Whether a row of a quarantine has the key."""
        return pl.col("row_key") == str(self)

    def _row(self) -> pl.DataFrame:
        kinds = {name: self.contract.column(name).polars_type for name in self.contract.key}
        return pl.DataFrame([dict(self.values)], schema=kinds)


def parse_key(contract: Contract, words: Sequence[str]) -> RecordKey:
    """The key that somebody typed: the values in the key's order, or `column=value` each.

    A key of several columns may also be one text, its values parted by `|`, as it is printed.

    Raises:
        ArgumentError: There are too few values or too many, one is none of its column's type, or a
            column that is named is not of the key.
    """
    texts = _named(contract, words) or _by_position(contract, words)
    values = {name: _value(contract.column(name), text) for name, text in texts.items()}
    return RecordKey(contract, values, texts)


def _named(contract: Contract, words: Sequence[str]) -> dict[str, str] | None:
    """The values by column, if they were typed so."""
    parted = [word.partition("=") for word in words]
    names = [name for name, between, _ in parted if between]
    if not set(names) & set(contract.column_names):
        return None
    for name in names:
        if name not in contract.key:
            expected = one_of(contract.key, name)
            msg = f"column of the key of {contract.stream}: expected {expected}, found {name}"
            raise ArgumentError(msg)
    if sorted(names) != sorted(contract.key) or len(names) != len(words):
        raise _unfit(contract, words)
    by_name = {name: text for name, _, text in parted}
    return {name: by_name[name] for name in contract.key}


def _by_position(contract: Contract, words: Sequence[str]) -> dict[str, str]:
    given = list(words)
    if len(given) == 1 and len(contract.key) > 1:
        given = given[0].split(_BETWEEN)
    if len(given) != len(contract.key):
        raise _unfit(contract, given)
    return dict(zip(contract.key, given, strict=True))


def _unfit(contract: Contract, words: Sequence[str]) -> ArgumentError:
    names = " ".join(name.upper() for name in contract.key)
    pairs = " ".join(f"{name}=..." for name in contract.key)
    found = f"{len(words)}: {' '.join(words)}" if words else "none"
    count = f"{len(contract.key)} value{'' if len(contract.key) == 1 else 's'}"
    return ArgumentError(
        f"key of {contract.stream}: expected {count}, {names} or {pairs}; found {found}"
    )


def _value(column: Column, text: str) -> Any:  # noqa: ANN401 - of the column's type
    value = read_texts(column, pl.Series([text], dtype=pl.String)).item()
    if value is None:
        msg = f"{column.name}: expected a value of type {column.type_in_words}, found {text!r}"
        raise ArgumentError(msg)
    return value
