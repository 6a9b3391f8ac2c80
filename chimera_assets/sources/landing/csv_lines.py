"""CSV: a header, then a record a line, or several lines where a quoted field has line ends.

A quote that nobody closes would swallow the rest of the file. So a record ends within
`RECORD_LINES` lines; one that does not, or that has the wrong number of fields, loses its first
line as malformed, and reading goes on with the next.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from chimera_assets.sources.landing.damage import CorruptFile
from chimera_assets.sources.landing.text import (
    LINE_BYTES,
    Parsed,
    blank,
    shown,
    text_blocks,
    too_long,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from chimera_assets.contracts import Contract

#: A record has no more lines than this.
RECORD_LINES = 1000


class CsvLines:
    """The rows of a CSV file.

    Attributes:
        unknown: The names in its header that the contract does not have.
    """

    def __init__(self, contract: Contract, path: Path, *, zipped: bool) -> None:
        self.unknown: set[str] = set()
        self._contract, self._path, self._zipped = contract, path, zipped
        self._header: list[str] = []
        self._wanted: list[str] = []

    def __iter__(self) -> Iterator[Parsed]:
        """The rows, piece by piece; every column as text, an empty field as null.

        Raises:
            CorruptFile: There is no header, or no column of the contract in it.
            Unfinished: The file ends in the middle.
        """
        line = 1
        rest: list[bytes] = []
        for lines, last in _pieces(self._path, zipped=self._zipped):
            rest += lines
            if not self._header:
                consumed = self._read_header(rest)
                rest, line = rest[consumed:], line + consumed
            if self._header:
                parsed, consumed = self._parse(rest, line, last=last)
                yield parsed
                rest, line = rest[consumed:], line + consumed
        if not self._header:
            message = "expected a header, found an empty file"
            raise CorruptFile(message)

    def _read_header(self, lines: list[bytes]) -> int:
        """Read the header; gives how many lines it and the blank ones before it have."""
        first = next((n for n, line in enumerate(lines) if not blank(line)), None)
        if first is None:
            return len(lines)
        try:
            reader = csv.reader(_decoded(lines[first:]))
            names = [name.strip() for name in next(reader)]
        except (UnicodeDecodeError, csv.Error):
            names = []
        known = set(self._contract.column_names)
        if not known & set(names):
            message = (
                f"expected a header with columns of {self._contract.stream}, separated by commas; "
                "found none of them in the first line"
            )
            raise CorruptFile(message)
        if twice := sorted({name for name in names if name in known and names.count(name) > 1}):
            message = f"its header names {', '.join(twice)} twice"
            raise CorruptFile(message)
        self._header = names
        self._wanted = [name for name in self._contract.column_names if name in names]
        self.unknown = set(names) - known
        return first + reader.line_num

    def _parse(self, lines: list[bytes], first: int, *, last: bool) -> tuple[Parsed, int]:
        """The records of some lines; what is broken is sorted out if there is something.

        Gives also how many lines these are: a record that is open at their end waits for more.
        """
        # Of quotes in several lines Arrow reads any as one field, be it half of the file.
        if not any(map(_turns, lines)):
            starts = [number for number, line in enumerate(lines, first) if not blank(line)]
            rows = self._quickly(b"".join(lines), len(starts))
            if rows is not None:
                return Parsed(rows.with_columns(_line=_numbers(starts))), len(lines)
        records, malformed, consumed = self._sorted_out(lines, last=last)
        text = b"".join(b"".join(lines[start:end]) for start, end in records)
        rows = self._quickly(text, len(records))
        if rows is None:
            rows = self._with_retries([lines[start:end] for start, end in records])
        numbers = _numbers(first + start for start, _ in records)
        malformed_lines = [(first + number, shown(lines[number])) for number in malformed]
        return Parsed(rows.with_columns(_line=numbers), malformed_lines), consumed

    def _sorted_out(
        self, lines: list[bytes], *, last: bool
    ) -> tuple[list[tuple[int, int]], list[int], int]:
        """Where each sound record begins and ends, the lines that are none, how far this goes."""
        records: list[tuple[int, int]] = []
        malformed: list[int] = []
        commas = len(self._header) - 1
        at = 0
        while at < len(lines):
            line = lines[at]
            consumed = 1
            if b'"' in line:
                fields, consumed = _record(lines, at)
                if not consumed and not last and len(lines) - at < RECORD_LINES:
                    break
                sound = len(fields) == len(self._header)
            else:
                sound = line.count(b",") == commas and _is_utf8(line)
            if sound and not blank(line):
                records.append((at, at + consumed))
            elif not blank(line):
                malformed.append(at)
                consumed = 1
            at += consumed
        return records, malformed, at

    def _quickly(self, text: bytes, records: int) -> pl.DataFrame | None:
        """The rows of a text that is fine, None of one that is not."""
        if not records:
            return pl.DataFrame(schema=dict.fromkeys(self._wanted, pl.String()))
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(text),
                read_options=arrow_csv.ReadOptions(column_names=self._columns()),
                parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(self._wanted, pa.string()),
                    include_columns=self._wanted,
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowException:
            return None
        return pl.DataFrame(pl.from_arrow(table)) if table.num_rows == records else None

    def _columns(self) -> list[str]:
        """The header; names that we do not want may be there twice, and Arrow minds."""
        return [
            name if name in self._wanted else f"\0{position}"
            for position, name in enumerate(self._header)
        ]

    def _with_retries(self, records: list[list[bytes]]) -> pl.DataFrame:
        """Sound records that Arrow reads in another way than Python, as Python reads them."""
        positions = [self._header.index(name) for name in self._wanted]
        read = (_record(lines, 0)[0] for lines in records)
        rows = [[fields[position] or None for position in positions] for fields in read]
        return pl.DataFrame(rows, schema=dict.fromkeys(self._wanted, pl.String()), orient="row")


def _numbers(lines: Iterable[int]) -> pl.Series:
    return pl.Series(list(lines), dtype=pl.Int64)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _record(lines: Sequence[bytes], at: int) -> tuple[Sequence[str], int]:
    """The fields of the record that begins at a line, and how many lines they have.

    No fields if it is broken; no lines if a quote is still open at the end.
    """
    ran_out = False

    def decoded() -> Iterator[str]:
        nonlocal ran_out
        for number in range(at, min(at + RECORD_LINES, len(lines))):
            yield lines[number].decode()
        ran_out = True  # more was asked for

    reader = csv.reader(decoded(), strict=True)
    try:
        fields = next(reader)
    except (UnicodeDecodeError, csv.Error, StopIteration):
        return (), 0 if ran_out else 1
    return ((), 0) if ran_out else (fields, reader.line_num)


def _decoded(lines: Sequence[bytes]) -> Iterator[str]:
    for line in lines:
        yield line.decode()


def _turns(line: bytes) -> bool:
    """Whether a quoted field begins in the line and goes on, or ends in it."""
    return b'"' in line and bool(line.count(b'"') & 1)


def _pieces(path: Path, *, zipped: bool) -> Iterator[tuple[list[bytes], bool]]:
    """The file's lines, and whether they are the last ones."""
    rest = b""
    for block in text_blocks(path, zipped=zipped):
        lines = list(io.BytesIO(rest + block))
        # The last line may go on in the next block.
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        if len(rest) > LINE_BYTES:
            raise too_long()
        yield lines, False
    yield [rest] if rest else [], True
