"""JSON lines: an object a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

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
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from chimera_assets.contracts import Contract

#: Lines whose names are looked at for columns that the contract does not have.
_SAMPLED = 100


class JsonLines:
    """The rows of a file of JSON lines.

    Attributes:
        unknown: Names that the contract does not have, among those of the first lines.
    """

    def __init__(self, contract: Contract, path: Path, *, zipped: bool) -> None:
        self.unknown: set[str] = set()
        self._contract, self._path, self._zipped = contract, path, zipped
        # Times come as text; all else of another type than the contract's is refused by Polars.
        self._own: dict[str, pl.DataType] = {
            column.name: pl.String() if column.type in {"timestamp", "date"} else column.polars_type
            for column in contract.columns
        }
        self._texts: dict[str, pl.DataType] = dict.fromkeys(self._own, pl.String())

    def __iter__(self) -> Iterator[Parsed]:
        """The rows, piece by piece.

        Raises:
            CorruptFile: Not one line is an object with a column of the contract.
            Unfinished: The file ends in the middle.
        """
        first, found, any_line = 1, False, False
        for piece in _pieces(self._path, zipped=self._zipped):
            if first == 1:
                self._sample(piece)
            parsed = self._parse(piece, first)
            first += _line_ends(piece)
            rows = parsed.rows
            any_line = any_line or rows.height > 0 or bool(parsed.malformed)
            found = found or any(
                rows[name].null_count() < rows.height for name in self._contract.column_names
            )
            yield parsed
        if any_line and not found:
            message = f"no line is a JSON object with a column of {self._contract.stream}"
            raise CorruptFile(message)

    def _sample(self, piece: bytes) -> None:
        for line in piece.split(b"\n", _SAMPLED)[:_SAMPLED]:
            value = _object(line)
            if value is not None:
                self.unknown |= set(value) - set(self._contract.column_names)

    def _parse(self, piece: bytes, first: int) -> Parsed:
        """The rows of a piece of which the first line has this number."""
        rows = self._read(piece)
        if rows is not None and rows.height == _line_ends(piece):
            return Parsed(rows.with_columns(_line=_numbers(range(first, first + rows.height))))
        lines = [
            (number, line)
            for number, line in enumerate(piece.split(b"\n"), first)
            if not blank(line)
        ]
        fine: list[tuple[int, bytes]] = []
        malformed: list[tuple[int, str]] = []
        for number, line in lines:
            if _object(line) is not None:
                fine.append((number, line))
            else:
                malformed.append((number, shown(line)))
        parsed = self._objects(fine)
        return Parsed(parsed.rows, sorted(malformed + parsed.malformed))

    def _objects(self, lines: list[tuple[int, bytes]]) -> Parsed:
        """The rows of lines that Python reads as objects; halved around what Polars does not."""
        rows = self._read(b"\n".join(line for _, line in lines))
        if rows is not None and rows.height == len(lines):
            return Parsed(rows.with_columns(_line=_numbers([number for number, _ in lines])))
        if len(lines) == 1:
            ((number, line),) = lines
            empty = pl.DataFrame(schema=self._own).with_columns(_line=_numbers([]))
            return Parsed(empty, [(number, shown(line))])
        middle = len(lines) // 2
        return _joined(self._objects(lines[:middle]), self._objects(lines[middle:]))

    def _read(self, text: bytes) -> pl.DataFrame | None:
        """The rows in the contract's types, or else as texts; None if they cannot be read."""
        for schema in (self._own, self._texts):
            try:
                return pl.read_ndjson(text, schema=schema) if text else pl.DataFrame(schema=schema)
            except pl.exceptions.PolarsError:
                continue
        return None


def _line_ends(piece: bytes) -> int:
    """How many lines there are, the last one with or without an end."""
    return piece.count(b"\n") + (not piece.endswith(b"\n"))


def _numbers(lines: Iterable[int]) -> pl.Series:
    return pl.Series(lines, dtype=pl.Int64)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _joined(head: Parsed, tail: Parsed) -> Parsed:
    """Two parts as one; where they read a column differently, it goes on as text."""
    frames = [part.rows for part in (head, tail) if part.rows.height] or [head.rows]
    if any(frame.schema != frames[0].schema for frame in frames):
        frames = [_as_text(frame) for frame in frames]
    return Parsed(pl.concat(frames), head.malformed + tail.malformed)


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        _list_text(frame[name]) if isinstance(kind, pl.List) else pl.col(name).cast(pl.String)
        for name, kind in frame.schema.items()
        if name != "_line"
    )


def _list_text(lists: pl.Series) -> pl.Series:
    texts = [
        None if items is None else json.dumps(items, ensure_ascii=False)
        for items in lists.to_list()
    ]
    return pl.Series(lists.name, texts, pl.String)


def _pieces(path: Path, *, zipped: bool) -> Iterator[bytes]:
    """The file's text, cut at line ends."""
    rest: list[bytes] = []
    for block in text_blocks(path, zipped=zipped):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*rest, block[:cut]])
            rest = []
        rest.append(block[cut:])
        if sum(map(len, rest)) > LINE_BYTES:
            raise too_long()
    if left := b"".join(rest):
        yield left
