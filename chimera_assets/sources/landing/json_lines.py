"""JSON lines: an object a line.

Each line is read the quick way by Arrow, whole pieces at once, or the patient way by Python, which
keeps every number as it was written. What Arrow takes as it stands means the same to both; whatever
it minds, or would take although it is no JSON, makes the piece go the patient way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pyarrow import json as arrow_json

from chimera_assets.contracts.json_path import first_value, put, remove
from chimera_assets.contracts.model import UNMAPPED
from chimera_assets.sources.exact_json import Number, as_written, decoded
from chimera_assets.sources.landing.damage import CorruptFile
from chimera_assets.sources.landing.fields import keeps_unmapped, ways_in
from chimera_assets.sources.landing.nested_json import flattened, nested_schema
from chimera_assets.sources.landing.parsed import UNKNOWN_NAMES, Parsed
from chimera_assets.sources.landing.text import blank, is_utf8, line_count, pieces, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.contracts.json_path import Steps
    from chimera_assets.sources.landing.limits import Limits

#: Lines of a piece that are looked at for names that the contract does not have, and for numbers
#: that are written as texts.
_SAMPLED, _SAMPLED_BYTES = 100, 2**20

#: What Arrow takes for a number, and JSON does not have.
_NO_NUMBER = re.compile(rb"[:\[,\s-](?:NaN|Inf)")
#: Where a line ends that is an object, and the next one begins that is.
_BETWEEN = re.compile(rb"\}[ \t]*\r?\n\{")

#: As what integers are read where a tool writes them as 12.0; no digit is lost.
_WHOLE = pa.decimal128(38, 9)

_BLOCK_BYTES = 2 * 2**20

#: Contract types that are texts in JSON.
_TEXTS = frozenset({"string", "timestamp", "date"})


class JsonLines:
    """The rows of a file of JSON lines.

    Attributes:
        unknown: Names that the contract does not have, among those of the first lines.
    """

    def __init__(self, contract: Contract, path: Path, *, zipped: bool, limits: Limits) -> None:
        self.unknown: set[str] = set()
        self._contract, self._path, self._zipped = contract, path, zipped
        self._limits = limits
        self._own = {
            column.name: pa.string() if column.type in _TEXTS else column.arrow_type
            for column in contract.columns
            if column.name != UNMAPPED
        }
        self._ways = ways_in(contract)
        self._keeps_rest = keeps_unmapped(contract)

    def __iter__(self) -> Iterator[Parsed]:
        """The rows, piece by piece.

        Raises:
            CorruptFile: Not one line is an object with a column of the contract.
            Unfinished: The file ends in the middle.
        """
        first, found, any_line = 1, False, False
        for piece in pieces(self._path, zipped=self._zipped, limits=self._limits):
            if not blank(piece):
                parsed = self._parse(piece, first)
                any_line = any_line or parsed.rows.height > 0 or bool(parsed.malformed)
                found = found or bool(parsed.unread) or _has_value(parsed.rows)
                yield parsed
            first += line_count(piece)
        if any_line and not found:
            message = f"no line is a JSON object with a column of {self._contract.stream}"
            raise CorruptFile(message)

    def _parse(self, piece: bytes, first: int) -> Parsed:
        """The rows of a piece of which the first line has this number."""
        sample = [_sampled(line) for line in piece.split(b"\n", _SAMPLED)[:_SAMPLED]]
        if first == 1 and not self._keeps_rest:
            self._note_unknown(sample)
        rows = self._quickly(piece, self._kinds(sample))
        if rows is not None:
            return Parsed(rows.with_columns(_line=_numbers(range(first, first + rows.height))))
        return self._patiently(piece, first)

    def _note_unknown(self, sample: Iterable[dict[str, Any]]) -> None:
        names = {name for value in sample for name in value}
        known = {steps[0] for ways in self._ways.values() for steps in ways}
        self.unknown |= set(sorted(name for name in names if name not in known)[:UNKNOWN_NAMES])

    def _kinds(self, sample: Iterable[dict[str, Any]]) -> dict[str, pa.DataType]:
        """The columns' types, or text where the sample has texts in place of them."""
        kinds = dict(self._own)
        for value in sample:
            for name, ways in self._ways.items():
                written = first_value(value, ways)
                if type(written) is str:
                    kinds[name] = pa.string()
                elif isinstance(written, Number) and "." in written and kinds[name] == pa.int64():
                    kinds[name] = _WHOLE
        return kinds

    def _quickly(self, piece: bytes, kinds: Mapping[str, pa.DataType]) -> pl.DataFrame | None:
        """The rows of a piece of which every line is plainly an object; else None."""
        lines = line_count(piece)
        schema = None if self._keeps_rest else nested_schema(kinds, self._ways)
        if schema is None or not _is_plain(piece, lines):
            return None
        try:
            table = arrow_json.read_json(
                pa.BufferReader(piece),
                read_options=arrow_json.ReadOptions(block_size=_block_bytes(piece, lines)),
                parse_options=arrow_json.ParseOptions(
                    explicit_schema=schema, unexpected_field_behavior="ignore"
                ),
            )
            table = flattened(table, self._ways).cast(_exact(kinds))
        except pa.ArrowException:
            return None
        rows = pl.DataFrame(pl.from_arrow(table))
        # An integer beyond all floating point numbers is silently infinite.
        numbers = [rows[name] for name, kind in rows.schema.items() if kind == pl.Float64]
        finite = all(column.is_finite().all() for column in numbers)
        return rows if rows.height == lines and finite else None

    def _patiently(self, piece: bytes, first: int) -> Parsed:
        """The rows of a piece, line by line."""
        patient = _Patient(self._contract, self._ways)
        for number, line in enumerate(piece.split(b"\n"), first):
            if blank(line):
                continue
            try:
                value = _object(line)
            except RecursionError:
                value = self._deep(line.strip())
            if value is not None:
                patient.add(number, value)
            else:
                patient.malformed.append((number, shown(line)))
        return patient.parsed()

    def _deep(self, line: bytes) -> dict[str, Any] | None:
        """An object that is nested deeper than Python reads; so not in a column of ours."""
        found = self._quickly(line, self._own)
        if found is None:
            return None
        value: dict[str, Any] = {}
        for name, text in found.select(_as_texts(found.schema)).row(0, named=True).items():
            put(value, self._ways[name][0], text)
        return value


class _Patient:
    """Rows as Python reads them, gathered by column: the texts, and what is no text at all."""

    def __init__(self, contract: Contract, ways: Mapping[str, tuple[Steps, ...]]) -> None:
        self.malformed: list[tuple[int, str]] = []
        self._ways = ways
        self._lines: list[int] = []
        self._kinds = {column.name: column.type for column in contract.columns}
        self._texts: dict[str, list[str | None]] = {name: [] for name in self._kinds}
        self._unread: dict[str, dict[int, str]] = {}

    def add(self, number: int, value: dict[str, Any]) -> None:
        """Keep an object."""
        for name, ways in self._ways.items():
            found = first_value(value, ways)
            text = _text(found, self._kinds[name])
            if text is None and found is not None:
                self._unread.setdefault(name, {})[len(self._lines)] = as_written(found)
            self._texts[name].append(text)
        if UNMAPPED in self._texts:
            self._texts[UNMAPPED].append(self._rest(value))
        self._lines.append(number)

    def _rest(self, value: dict[str, Any]) -> str | None:
        """What an object has beside the contract's columns; it is taken apart for it."""
        for ways in self._ways.values():
            for steps in ways:
                remove(value, steps)
        return as_written(value) if value else None

    def parsed(self) -> Parsed:
        """All that was kept."""
        columns = [pl.Series(name, texts, pl.String) for name, texts in self._texts.items()]
        height = len(self._lines)
        unread = {
            name: pl.Series(name, [texts.get(row) for row in range(height)], pl.String)
            for name, texts in self._unread.items()
        }
        rows = pl.DataFrame([*columns, _numbers(self._lines).alias("_line")])
        return Parsed(rows, self.malformed, unread)


def _object(line: bytes) -> dict[str, Any] | None:
    """The object that a line is, of a name that is in it twice the last; None if it is none."""
    try:
        value = decoded(line.decode())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _sampled(line: bytes) -> dict[str, Any]:
    """The object that a line is, if it is one that can be looked at at once."""
    try:
        return (len(line) <= _SAMPLED_BYTES and _object(line)) or {}
    except RecursionError:
        return {}


def _text(value: Any, kind: str) -> str | None:  # noqa: ANN401 - what JSON holds
    """The text that stands for a value of a column; None if none does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and kind == "array<string>":
        return None if any(isinstance(item, (list, dict)) for item in value) else as_written(value)
    return str(value) if isinstance(value, str) else None


def _exact(kinds: Mapping[str, pa.DataType]) -> pa.Schema:
    return pa.schema((name, pa.int64() if kind == _WHOLE else kind) for name, kind in kinds.items())


def _block_bytes(piece: bytes, lines: int) -> int:
    """What one thread reads at a time; a line must fit into it."""
    return _BLOCK_BYTES if len(piece) < lines * _BLOCK_BYTES // 100 else len(piece) + 1


def _is_plain(piece: bytes, lines: int) -> bool:
    """Whether each line begins and ends as an object does, and Arrow may be asked about it."""
    if b"\0" in piece or not (piece.startswith(b"{") and piece.rstrip().endswith(b"}")):
        return False
    if len(_BETWEEN.findall(piece)) != lines - 1:
        return False
    if (b"NaN" in piece or b"Inf" in piece) and _NO_NUMBER.search(piece):
        return False
    return is_utf8(piece)


def _as_texts(schema: pl.Schema) -> list[pl.Expr]:
    return [
        pl.col(name) if isinstance(kind, pl.List) else pl.col(name).cast(pl.String)
        for name, kind in schema.items()
    ]


def _has_value(rows: pl.DataFrame) -> bool:
    return any(rows[name].null_count() < rows.height for name in rows.columns if name != "_line")


def _numbers(lines: Iterable[int]) -> pl.Series:
    return pl.Series(lines, dtype=pl.Int64)
