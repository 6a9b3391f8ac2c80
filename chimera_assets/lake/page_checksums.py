"""Do the pages of a Parquet file still have the checksums that their writer gave them?

Neither Polars nor DuckDB looks at them: a bit that a disk has flipped inside a page is another
value to both. pyarrow does, but decodes every value on the way, which takes some twenty times as
long as to sum up the bytes as they are stored.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Of a page header's fields, by their ids in parquet.thrift.
_COMPRESSED_SIZE, _CRC = 3, 4

#: What follows a value of these types of Thrift's compact protocol: nothing, a varint, a struct.
_FLAGS, _VARINTS, _STRUCT = (1, 2), (4, 5, 6), 12
_BYTES = {3: 1, 7: 8}
_BINARY = 8

#: The bits of a varint before its last byte.
_LONGEST = 63


def changed_column(file: Path) -> str | None:
    """The first column of a file of which a page is no longer as it was written, None if none is.

    The first page says whether the writer gave any checksums; who gives one gives one to each page.

    Raises:
        OSError: The file, or what says where its pages are, cannot be read.
    """
    summed = None
    with file.open("rb") as content:
        for column, start, size in _chunks(pq.read_metadata(content)):
            content.seek(start)
            chunk = memoryview(content.read(size))
            try:
                for crc, page in _pages(chunk):
                    summed = crc is not None if summed is None else summed
                    if not summed:
                        return None
                    if crc != zlib.crc32(page):
                        return column
            except (LookupError, ValueError, RecursionError):  # no header of a page
                return column
    return None


def _chunks(footer: pq.FileMetaData) -> Iterator[tuple[str, int, int]]:
    """Each column of each row group: its name, where it starts, and its bytes."""
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        for each in map(group.column, range(group.num_columns)):
            start = each.dictionary_page_offset if each.has_dictionary_page else None
            yield each.path_in_schema, start or each.data_page_offset, each.total_compressed_size


def _pages(chunk: memoryview) -> Iterator[tuple[int | None, memoryview]]:
    """The checksum of each page, None if it has none, and the bytes that it is of."""
    at = 0
    while at < len(chunk):
        found, start = _struct(chunk, at)
        at = start + found[_COMPRESSED_SIZE]
        if not start <= at <= len(chunk):
            raise ValueError
        crc = found.get(_CRC)
        yield crc & 0xFFFFFFFF if crc is not None else None, chunk[start:at]


def _struct(data: memoryview, at: int) -> tuple[dict[int, int], int]:
    """The whole numbers among a struct's fields by their ids, and where it ends.

    Raises:
        IndexError: It does not end within the data.
        ValueError: It is no struct.
    """
    numbers: dict[int, int] = {}
    field = 0
    while head := data[at]:
        at += 1
        if head >> 4:
            field += head >> 4
        else:
            field, at = _number(data, at)
        if head & 15 in _VARINTS:
            numbers[field], at = _number(data, at)
        else:
            at = _after(data, at, head & 15)
    return numbers, at + 1


def _after(data: memoryview, at: int, kind: int) -> int:
    """Where a value that is of no interest ends."""
    if kind in _FLAGS:
        return at
    if kind in _BYTES:
        return at + _BYTES[kind]
    if kind in _VARINTS:
        return _number(data, at)[1]
    if kind == _STRUCT:
        return _struct(data, at)[1]
    if kind == _BINARY:
        length, at = _varint(data, at)
        return at + length
    raise ValueError(kind)  # a page header has neither lists nor maps


def _number(data: memoryview, at: int) -> tuple[int, int]:
    """A signed number, and where it ends."""
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while (byte := data[at]) & 0x80:
        if shift > _LONGEST:
            raise ValueError
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | byte << shift, at + 1
