"""Parquet files: columns with types, read a part of a row group at a time.

How much a batch holds in memory is bounded twice: by the rows that the footer lets expect, and,
as a few bytes may stand for the same long text in each of them, by the texts' true lengths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet, types

from chimera_assets.sources.landing.arrow_values import as_texts, fitted
from chimera_assets.sources.landing.damage import CorruptFile, Unfinished
from chimera_assets.sources.landing.fields import as_objects, keeps_unmapped, names_in
from chimera_assets.sources.landing.limits import check_columns
from chimera_assets.sources.landing.parsed import UNKNOWN_NAMES, Parsed
from chimera_assets.sources.landing.text import unzipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.contracts.model import Column
    from chimera_assets.sources.landing.limits import Limits

_BATCH_ROWS = 65_536

#: Bytes of values that are worked on at a time.
_BATCH_BYTES = 32 * 2**20

#: A column of a row group that unpacks to more may be one page, which has to be in memory at once;
#: one of more items may be a single list.
_CHUNK_BYTES = 512 * 2**20
_CHUNK_ITEMS = 16_000_000

#: Columns of texts that unpack to less are read with their dictionary, which is held as a whole.
_DICTIONARY_BYTES = 64 * 2**20

_BUFFER_BYTES = 2**20
_ITEM_BYTES = 16


class ParquetRows:
    """The rows of a Parquet file.

    Attributes:
        unknown: The names of columns that the contract does not have.
    """

    def __init__(
        self, contract: Contract, path: Path, *, zipped: bool, limits: Limits, folder: Path
    ) -> None:
        self.unknown: set[str] = set()
        self._contract, self._path, self._zipped, self._folder = contract, path, zipped, folder
        self._limits = limits
        self._rest: list[str] = []  # what is kept beside the contract's columns

    def __iter__(self) -> Iterator[Parsed]:
        """The rows, piece by piece.

        Raises:
            CorruptFile: It is no Parquet file, no column of the contract is in it, or it is beyond
                a limit.
            Unfinished: It ends before its footer or its gzip trailer.
        """
        path = self._unzipped() if self._zipped else self._path
        try:
            with self._opened(path) as file:
                wanted = self._wanted(file)
                first = 1
                for batch in _batches(file, [*wanted, *self._rest]):
                    yield _parsed(batch, wanted, self._rest, first)
                    first += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            message = "it is not a readable Parquet file"
            if isinstance(error, pa.ArrowInvalid) and "magic bytes" in str(error):
                message = "the Parquet file has no footer"
                raise Unfinished(message) from None
            raise CorruptFile(message) from None

    def _opened(self, path: Path) -> parquet.ParquetFile:
        # Times of the old kind reach beyond what nanoseconds can say, and would wrap silently.
        how = {
            "buffer_size": _BUFFER_BYTES,
            "coerce_int96_timestamp_unit": "us",
            "page_checksum_verification": True,  # where the writer gave any
        }
        with parquet.ParquetFile(path, **how) as file:
            check_columns(len(file.schema_arrow.names))
            found = names_in(self._contract, file.schema_arrow.names)
            texts = list(_texts_with_dictionary(file, set(found.values())))
        return parquet.ParquetFile(path, read_dictionary=texts, **how)

    def _wanted(self, file: parquet.ParquetFile) -> dict[str, Column]:
        """The contract's columns that the file has, by what they are called there."""
        names, about = file.schema_arrow.names, file.metadata
        found = names_in(self._contract, names)
        if not keeps_unmapped(self._contract):
            self.unknown = set(sorted(set(names) - set(found.values()))[:UNKNOWN_NAMES])
        if twice := sorted(name for name in found.values() if names.count(name) > 1):
            message = f"it has the column {', '.join(twice)} twice"
            raise CorruptFile(message)
        wanted = {found[one.name]: one for one in self._contract.columns if one.name in found}
        if not wanted:
            message = f"none of its columns is one of {self._contract.stream}"
            raise CorruptFile(message)
        self._limits.check_rows(about.num_rows)
        if keeps_unmapped(self._contract):
            self._rest = [one for one in names if one not in wanted and names.count(one) == 1]
        self._check_size(about, {*wanted, *self._rest})
        return wanted

    def _check_size(self, about: parquet.FileMetaData, wanted: set[str]) -> None:
        total = 0
        for chunk in _chunks(about, wanted):
            total += chunk.total_uncompressed_size
            self._limits.check_bytes(total)
            self._limits.check_rows(chunk.num_values)
            name, _, nested = chunk.path_in_schema.partition(".")
            if chunk.total_uncompressed_size > _CHUNK_BYTES:
                raise _too_large(name, f"{_CHUNK_BYTES // 2**20} MiB")
            if nested and chunk.num_values > _CHUNK_ITEMS:
                raise _too_large(name, f"{_CHUNK_ITEMS:,} items")

    def _unzipped(self) -> Path:
        target = self._folder / "unzipped"
        size = 0
        blocks = unzipped(self._path)
        with target.open("wb") as plain:
            for block in blocks:
                size += len(block)
                self._limits.check_bytes(size)
                plain.write(block)
        return target


def _too_large(column: str, most: str) -> CorruptFile:
    return CorruptFile(
        f"the column {column} of a row group unpacks to more than {most}; write smaller row groups"
    )


def _chunks(about: parquet.FileMetaData, wanted: set[str]) -> Iterator[parquet.ColumnChunkMetaData]:
    for group in range(about.num_row_groups):
        columns = about.row_group(group)
        for number in range(columns.num_columns):
            chunk = columns.column(number)
            if chunk.path_in_schema.split(".")[0] in wanted:
                yield chunk


def _texts_with_dictionary(file: parquet.ParquetFile, names: set[str]) -> Iterator[str]:
    """The paths of columns of texts that say each of them once: they are to be read so, too."""
    chunks = [
        chunk
        for chunk in _chunks(file.metadata, names)
        if chunk.has_dictionary_page and chunk.physical_type == "BYTE_ARRAY"
    ]
    large = {c.path_in_schema for c in chunks if c.total_uncompressed_size > _DICTIONARY_BYTES}
    yield from sorted({chunk.path_in_schema for chunk in chunks} - large)


def _batches(file: parquet.ParquetFile, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Batches of which the values are few bytes."""
    for group in range(file.metadata.num_row_groups):
        about = file.metadata.row_group(group)
        items = max(about.column(number).num_values for number in range(about.num_columns))
        size = max(about.total_byte_size, items * _ITEM_BYTES)
        rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES * about.num_rows // max(1, size)))
        for batch in file.iter_batches(rows, row_groups=[group], columns=list(names)):
            yield from _halved(batch)


def _halved(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in halves, until each holds few bytes once its dictionaries are resolved."""
    if batch.num_rows <= 1 or sum(map(_resolved_bytes, batch.columns)) <= _BATCH_BYTES:
        yield batch
        return
    middle = batch.num_rows // 2
    yield from _halved(batch.slice(0, middle))
    yield from _halved(batch.slice(middle))


def _resolved_bytes(column: pa.Array) -> int:
    kind = column.type
    if types.is_list(kind) or types.is_large_list(kind):
        return _resolved_bytes(column.flatten())
    if not types.is_dictionary(kind) or not len(column.dictionary):
        return 0
    lengths = pc.binary_length(column.dictionary)
    return int(pc.sum(pc.take(lengths, column.indices)).as_py() or 0)


def _parsed(
    batch: pa.RecordBatch, wanted: Mapping[str, Column], rest: Sequence[str], first: int
) -> Parsed:
    columns: list[pl.Series] = []
    unread: dict[str, pl.Series] = {}
    for name, column in wanted.items():
        values, texts = fitted(batch.column(name), column)
        columns.append(values)
        if texts.null_count() < len(texts):
            unread[column.name] = texts
    if rest:
        others = pl.DataFrame([as_texts(batch.column(name)).alias(name) for name in rest])
        columns.append(as_objects(others))
    numbers = pl.int_range(first, first + batch.num_rows, eager=True)
    return Parsed(pl.DataFrame([*columns, numbers.alias("_line")]), unread=unread)
