"""Where in a file's records the contract's columns are: by name, or by a path into nested JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.contracts.json_path import is_path, read_path
from chimera_assets.contracts.model import UNMAPPED
from chimera_assets.naming import named

if TYPE_CHECKING:
    from collections.abc import Collection

    from chimera_assets.contracts import Contract
    from chimera_assets.contracts.json_path import Steps


def names_in(contract: Contract, names: Collection[str]) -> dict[str, str]:
    """The columns that a file has, and what each is called there.

    A file that a tool wrote has the names of the source, one that was made for us the contract's:
    either will do, exactly or, where only one is meant, in another case.

    Args:
        contract: The contract.
        names: The names in the file.
    """
    known = dict.fromkeys(names)
    known.update({name: name for name in names})
    taken = {column.source_name for column in contract.columns}
    found: dict[str, str] = {}
    for column in contract.columns:
        if column.name == UNMAPPED:
            continue
        own = () if column.name in taken and column.name != column.source_name else (column.name,)
        for wanted in (column.source_name, *own):
            if (name := named(wanted, known)) is not None and name not in found.values():
                found[column.name] = name
                break
    return found


def ways_in(contract: Contract) -> dict[str, tuple[Steps, ...]]:
    """Column -> the ways to its value in an object, of which the first that leads to one is taken.

    Each object has names of its own, so only exact ones count.
    """
    taken = {column.source_name for column in contract.columns}
    ways: dict[str, tuple[Steps, ...]] = {}
    for column in contract.columns:
        if column.name == UNMAPPED:
            continue
        first = _path(column.source_name) or (column.source_name,)
        own = () if column.name in taken else ((column.name,),)
        ways[column.name] = (first, *own)
    return ways


def keeps_unmapped(contract: Contract) -> bool:
    """Whether what a file has beside the contract's columns is kept."""
    return UNMAPPED in contract.column_names


def as_objects(rows: pl.DataFrame) -> pl.Series:
    """Each row, of a column or more, as a JSON object, `_unmapped`; null where nothing is in it."""
    nothing = pl.all_horizontal(pl.all().is_null())
    written = pl.when(~nothing).then(pl.struct(pl.all()).struct.json_encode())
    return rows.select(written.alias(UNMAPPED)).to_series()


def _path(name: str) -> Steps | None:
    return read_path(name) if is_path(name) else None
