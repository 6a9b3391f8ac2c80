"""CSV: a header, then a record a line, or several lines where a quoted field has line ends.

Pieces whose every line is plainly a record are read by Arrow, others by Python, which says where a
record begins and minds quotes that are neither doubled nor at a field's end. A quote that nobody
closes would swallow the rest of the file. So a record ends within `RECORD_LINES` lines; one that
does not, or that has the wrong number of fields, loses its first line as malformed, and reading
goes on with the next.
"""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from chimera_assets.sources.landing.damage import CorruptFile
from chimera_assets.sources.landing.fields import as_objects, keeps_unmapped, names_in
from chimera_assets.sources.landing.limits import check_columns
from chimera_assets.sources.landing.parsed import UNKNOWN_NAMES, Parsed
from chimera_assets.sources.landing.text import (
    LINE_BYTES,
    blank,
    is_utf8,
    line_count,
    pieces,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.sources.landing.limits import Limits

#: A record has no more lines than this.
RECORD_LINES = 1000

_MARK = b"\xef\xbb\xbf"

# A longer field is in a longer line. One for the process; no other reader minds a higher one.
csv.field_size_limit(max(csv.field_size_limit(), LINE_BYTES))


class CsvLines:
    """The rows of a CSV file.

    Attributes:
        unknown: The names in its header that the contract does not have.
    """

    def __init__(self, contract: Contract, path: Path, *, zipped: bool, limits: Limits) -> None:
        self.unknown: set[str] = set()
        self._contract, self._path, self._zipped = contract, path, zipped
        self._limits = limits
        self._header: list[str] = []
        self._wanted: list[str] = []
        self._rest: dict[str, str] = {}  # what is kept beside that: as it is read -> its name

    def __iter__(self) -> Iterator[Parsed]:
        """The rows, piece by piece; every column as text, an empty field as null.

        Raises:
            CorruptFile: There is no header, or no column of the contract in it.
            Unfinished: The file ends in the middle.
        """
        line, rest = 1, b""
        for piece, last in _with_end(pieces(self._path, zipped=self._zipped, limits=self._limits)):
            text = rest + piece
            if not self._header:
                header, lines = self._read_header(text)
                text, line = text[header:], line + lines
            parsed, rest = self._parse(text, line, last=last)
            line += line_count(text) - line_count(rest)
            if parsed is not None:
                yield parsed
        if not self._header:
            message = "expected a header, found an empty file"
            raise CorruptFile(message)

    def _read_header(self, text: bytes) -> tuple[int, int]:
        """Read the header; how many bytes and lines it and the blank ones before it have."""
        lines = io.BytesIO(text)
        before = 0
        while (first := lines.readline()) and blank(first):
            before += 1
        if not first:
            return len(text), before
        size = lines.tell() - len(first)
        try:
            reader = csv.reader(line.decode() for line in io.BytesIO(text[size:]))
            names = [name.strip() for name in next(reader)]
        except (UnicodeDecodeError, csv.Error):
            names = []
        self._use_header(names)
        header = islice(io.BytesIO(text[size:]), reader.line_num)
        return size + sum(map(len, header)), before + reader.line_num

    def _use_header(self, names: list[str]) -> None:
        check_columns(len(names))
        found = names_in(self._contract, names)
        if not found:
            message = (
                f"expected a header with columns of {self._contract.stream}, separated by commas; "
                "found none of them in the first line"
            )
            raise CorruptFile(message)
        if twice := sorted(name for name in found.values() if names.count(name) > 1):
            message = f"its header names {', '.join(twice)} twice"
            raise CorruptFile(message)
        # Columns have our names from here on, others a number: Arrow minds names that are twice.
        ours = {name: column for column, name in found.items()}
        self._header = [ours.get(name, f"_{at}") for at, name in enumerate(names)]
        self._wanted = list(found)
        self._rest = {
            ours_or_not: name
            for ours_or_not, name in zip(self._header, names, strict=True)
            if ours_or_not not in found and keeps_unmapped(self._contract)
        }
        if not self._rest:
            self.unknown = set(sorted(set(names) - set(ours))[:UNKNOWN_NAMES])

    def _parse(self, text: bytes, first: int, *, last: bool) -> tuple[Parsed | None, bytes]:
        """The records of some lines, and the lines of one that is still open at their end."""
        if blank(text):
            return None, b""
        if (rows := self._quickly(text)) is not None:
            numbers = _not_blank(text, first)
            if rows.height == len(numbers):
                return Parsed(rows.with_columns(_line=_numbers(numbers))), b""
        lines = list(io.BytesIO(text))
        records = _Records(lines, len(self._header), last=last)
        parsed = Parsed(
            self._frame(records.fields).with_columns(
                _line=_numbers(first + start for start in records.starts)
            ),
            [(first + at, shown(lines[at])) for at in records.malformed],
        )
        return parsed, b"".join(lines[records.consumed :])

    def _quickly(self, text: bytes) -> pl.DataFrame | None:
        """The rows of a text of which every line is plainly a record or blank; else None."""
        # Of a single column, a line of spaces would be a row.
        if len(self._header) == 1 or not _is_plain(text):
            return None
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(text),
                read_options=arrow_csv.ReadOptions(
                    column_names=self._header, block_size=len(text) + 1
                ),
                parse_options=arrow_csv.ParseOptions(quote_char='"' if b'"' in text else False),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys([*self._wanted, *self._rest], pa.string()),
                    include_columns=[*self._wanted, *self._rest],
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowException:
            return None
        return self._with_rest(pl.DataFrame(pl.from_arrow(table)))

    def _frame(self, records: list[list[str]]) -> pl.DataFrame:
        read = [*self._wanted, *self._rest]
        positions = [self._header.index(name) for name in read]
        return self._with_rest(
            pl.DataFrame(
                [
                    pl.Series(name, [fields[at] or None for fields in records], pl.String)
                    for name, at in zip(read, positions, strict=True)
                ]
            )
        )

    def _with_rest(self, rows: pl.DataFrame) -> pl.DataFrame:
        if not self._rest:
            return rows
        rest = rows.select(pl.col(at).alias(name) for at, name in self._rest.items())
        return rows.select(self._wanted).with_columns(as_objects(rest))


class _Records:
    """The records of some lines, as Python reads them.

    Attributes:
        fields: Of each sound record.
        starts: The index of the line in which each begins.
        malformed: The indexes of the lines that are none.
        consumed: How many lines these are; a record that is open at the end waits for more.
    """

    def __init__(self, lines: Sequence[bytes], width: int, *, last: bool) -> None:
        self.fields: list[list[str]] = []
        self.starts: list[int] = []
        self.malformed: list[int] = []
        self.consumed = 0
        self._lines, self._width, self._last = lines, width, last
        while self.consumed < len(lines):
            if not self._read_on():
                break

    def _read_on(self) -> bool:
        """Read until a record is malformed, and pass over its line; whether there is more to do."""
        begun, self._ran_out = self.consumed, False
        reader = csv.reader(self._decoded(begun), strict=True)
        try:
            for fields in reader:
                end = begun + reader.line_num
                if not self._take(fields, end):
                    return True
                self.consumed = end
        except (UnicodeDecodeError, csv.Error):
            if self._ran_out and self._may_go_on():
                return False
            self._refuse_line()
        return True

    def _decoded(self, begun: int) -> Iterator[str]:
        for at in range(begun, len(self._lines)):
            yield self._lines[at].decode()
        self._ran_out = True  # more was asked for

    def _take(self, fields: list[str], end: int) -> bool:
        """Keep a record that ends before a line; False if reading must begin again after it."""
        start = self.consumed
        if len(fields) == self._width and not self._too_long(start, end):
            if self._width > 1 or not blank(self._lines[start]):
                self.fields.append(fields)
                self.starts.append(start)
            return True
        self._refuse_line()
        return self.consumed == end

    def _refuse_line(self) -> None:
        if not blank(self._lines[self.consumed]):
            self.malformed.append(self.consumed)
        self.consumed += 1

    def _may_go_on(self) -> bool:
        """Whether the record that is open at the end may be closed by what comes."""
        return not self._last and not self._too_long(self.consumed, len(self._lines) + 1)

    def _too_long(self, start: int, end: int) -> bool:
        """Whether these lines are more than one record may have."""
        lines = end - start
        return lines > RECORD_LINES or (
            lines > 1 and sum(map(len, self._lines[start:end])) > LINE_BYTES
        )


def _is_plain(text: bytes) -> bool:
    """Whether Arrow reads a text as Python does: each quote at a field's end, or doubled."""
    # A CR alone would end a line; a mark in the middle of the file would be passed over.
    if text.startswith(_MARK) or text.count(b"\r") != text.count(b"\r\n") or not is_utf8(text):
        return False
    if b'"' not in text:
        return True
    parts = text.split(b'"')
    outside, inside = parts[::2], parts[1::2]
    return (
        len(outside) > len(inside)  # else a quote is open at the end
        and not any(b"\n" in part for part in inside)
        and all(part.endswith((b",", b"\n")) for part in outside[:-1] if part)
        and all(part.startswith((b",", b"\n", b"\r")) for part in outside[1:] if part)
    )


def _not_blank(text: bytes, first: int) -> Sequence[int]:
    """The numbers of the lines that have something in them."""
    if b"\n\n" not in text and b"\r\n\r\n" not in text and not text.startswith((b"\n", b"\r\n")):
        return range(first, first + line_count(text))  # a line of spaces is no record, so refused
    return [at for at, line in enumerate(io.BytesIO(text), first) if not blank(line)]


def _with_end(found: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The pieces, and whether each is the last; an empty one if there is none."""
    held = b""
    for piece in found:
        if held:
            yield held, False
        held = piece
    yield held, True


def _numbers(lines: Iterable[int]) -> pl.Series:
    return pl.Series(list(lines), dtype=pl.Int64)
