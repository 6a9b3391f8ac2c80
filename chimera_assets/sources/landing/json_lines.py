"""JSON lines: an object a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

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
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from chimera_assets.contracts import Contract

#: Lines are halved around a broken one down to so many, which are then looked at one by one.
_FEW = 32

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
        own = {
            column.name: pl.String() if column.type in {"timestamp", "date"} else column.polars_type
            for column in contract.columns
        }
        texts: dict[str, pl.DataType] = dict.fromkeys(own, pl.String())
        self._schemas = [own, texts]

    def __iter__(self) -> Iterator[Parsed]:
        """The rows, piece by piece.

        Raises:
            CorruptFile: Not one line is an object with a column of the contract.
            Unfinished: The file ends in the middle.
        """
        line, found, any_line = 1, False, False
        for piece in _pieces(self._path, zipped=self._zipped):
            lines = piece.splitlines(keepends=True) if b"\r" not in piece else _split(piece)
            if line == 1:
                self._sample(lines[:_SAMPLED])
            parsed = self._parse(lines, line)
            line += len(lines)
            rows = parsed.rows
            any_line = any_line or rows.height > 0 or bool(parsed.malformed)
            found = found or any(
                rows[name].null_count() < rows.height for name in self._contract.column_names
            )
            yield parsed
        if any_line and not found:
            message = f"no line is a JSON object with a column of {self._contract.stream}"
            raise CorruptFile(message)

    def _sample(self, lines: list[bytes]) -> None:
        for line in lines:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                self.unknown |= set(value) - set(self._contract.column_names)

    def _parse(self, lines: list[bytes], first: int) -> Parsed:
        """The rows of some lines, halved around what is broken."""
        numbers = [n for n, line in enumerate(lines, first) if not blank(line)]
        text = b"".join(lines)
        for attempt, schema in enumerate(self._schemas):
            rows = _read(text, schema)
            if rows is not None and rows.height == len(numbers):
                if attempt:  # a file that writes numbers as texts goes on doing so
                    self._schemas.reverse()
                return Parsed(rows.with_columns(_line=pl.Series(numbers, dtype=pl.Int64)))
        if len(lines) <= _FEW:
            return self._one_by_one(lines, first)
        middle = len(lines) // 2
        return _joined([self._parse(lines[:middle], first), self._parse(lines[middle:], first + middle)])

    def _one_by_one(self, lines: list[bytes], first: int) -> Parsed:
        parts = [self._line(line, n) for n, line in enumerate(lines, first) if not blank(line)]
        return _joined(parts)

    def _line(self, line: bytes, number: int) -> Parsed:
        rows = _read(line, dict.fromkeys(self._contract.column_names, pl.String()))
        if rows is not None and rows.height == 1:
            return Parsed(rows.with_columns(_line=pl.lit(number, pl.Int64)))
        empty = pl.DataFrame(schema=dict.fromkeys(self._contract.column_names, pl.String()))
        return Parsed(
            empty.with_columns(_line=pl.lit(None, pl.Int64)), [(number, shown(line))]
        )


def _read(text: bytes, schema: Mapping[str, pl.DataType]) -> pl.DataFrame | None:
    try:
        return pl.read_ndjson(text, schema=schema) if text.strip() else pl.DataFrame(schema=schema)
    except pl.exceptions.PolarsError:
        return None


def _joined(parts: list[Parsed]) -> Parsed:
    """Some parts as one; where they read a column differently, it goes on as text."""
    frames = [part.rows for part in parts if part.rows.height] or [part.rows for part in parts[:1]]
    if any(frame.schema != frames[0].schema for frame in frames):
        frames = [_as_text(frame) for frame in frames]
    malformed = [one for part in parts for one in part.malformed]
    return Parsed(pl.concat(frames), malformed)


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        _list_text(frame[name]) if isinstance(kind, pl.List) else pl.col(name).cast(pl.String)
        for name, kind in frame.schema.items()
        if name != "_line"
    )


def _list_text(lists: pl.Series) -> pl.Series:
    texts = [None if items is None else json.dumps(items, ensure_ascii=False) for items in lists.to_list()]
    return pl.Series(lists.name, texts, pl.String)


def _split(piece: bytes) -> list[bytes]:
    """Lines end at a line feed and at nothing else."""
    lines = [line + b"\n" for line in piece.split(b"\n")]
    last = lines.pop().removesuffix(b"\n")
    return [*lines, last] if last else lines


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
