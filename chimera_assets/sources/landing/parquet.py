"""Parquet files: columns with types, read a part of a row group at a time."""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from pyarrow import parquet, types

from chimera_assets.sources.landing.damage import CorruptFile, Unfinished
from chimera_assets.sources.landing.text import Parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.contracts import Contract

_BATCH_ROWS = 65_536


class ParquetRows:
    """The rows of a Parquet file.

    Attributes:
        unknown: The names of columns that the contract does not have.
    """

    def __init__(self, contract: Contract, path: Path, *, zipped: bool, folder: Path) -> None:
        self.unknown: set[str] = set()
        self._contract, self._path, self._zipped, self._folder = contract, path, zipped, folder

    def __iter__(self) -> Iterator[Parsed]:
        """The rows, piece by piece.

        Raises:
            CorruptFile: It is no Parquet file, or no column of the contract is in it.
            Unfinished: It ends before its footer or its gzip trailer.
        """
        path = _unzipped(self._path, self._folder) if self._zipped else self._path
        try:
            with parquet.ParquetFile(path) as file:
                names = set(file.schema_arrow.names)
                self.unknown = names - set(self._contract.column_names)
                wanted = [column for column in self._contract.columns if column.name in names]
                if not wanted:
                    message = f"none of its columns is one of {self._contract.stream}"
                    raise CorruptFile(message)
                first = 1
                for batch in file.iter_batches(_BATCH_ROWS, columns=[c.name for c in wanted]):
                    columns = [
                        pl.Series(
                            c.name, pl.from_arrow(_fitted(batch.column(c.name), c.arrow_type))
                        )
                        for c in wanted
                    ]
                    numbers = pl.int_range(first, first + batch.num_rows, eager=True)
                    yield Parsed(pl.DataFrame([*columns, numbers.alias("_line")]))
                    first += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            message = "it is not a readable Parquet file"
            if isinstance(error, pa.ArrowInvalid) and "magic bytes" in str(error):
                message = "the Parquet file has no footer"
                raise Unfinished(message) from None
            raise CorruptFile(message) from None


def _fitted(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    """The column in the contract's type, or as text if not all its values are such."""
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.type == wanted:
        return column
    try:
        if types.is_timestamp(wanted) and types.is_timestamp(column.type):
            return _utc(column)
        # Arrow would also cast 5 to true and numbers to moments.
        if any(alike(column.type) and alike(wanted) for alike in (_is_number, types.is_nested)):
            return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass
    return _as_text(column)


def _utc(column: pa.Array) -> pa.Array:
    """Microseconds in UTC; finer is cut off, a time without a zone is UTC."""
    options = pa.compute.CastOptions(
        pa.timestamp("us", tz=column.type.tz), allow_time_truncate=True
    )
    in_us = column.cast(options=options)
    return in_us.cast(pa.timestamp("us", tz="UTC"))


def _is_number(kind: pa.DataType) -> bool:
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _as_text(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        values = [
            None if value is None else json.dumps(value, default=str, ensure_ascii=False)
            for value in column.to_pylist()
        ]
        return pa.array(values, pa.string())


def _unzipped(path: Path, folder: Path) -> Path:
    target = folder / f"{path.name}.unzipped"
    try:
        with gzip.open(path) as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 2**20)
    except EOFError:
        message = "the gzip file is cut off: it ends before its trailer"
        raise Unfinished(message) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        message = f"the gzip file is damaged: {error}"
        raise CorruptFile(message) from None
    return target
