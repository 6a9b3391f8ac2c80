"""JSON files of another shape: the rows that the contract's `fileQuery` makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa

from chimera_assets.contracts.file_marks import read_marks
from chimera_assets.contracts.file_query import (
    LINE,
    LINES,
    TIMES,
    confined,
    read_file_query,
)
from chimera_assets.errors import one_line
from chimera_assets.row_values import duckdb_words
from chimera_assets.sources.exact_json import as_written, decoded_for_floats
from chimera_assets.sources.landing.damage import CorruptFile
from chimera_assets.sources.landing.json_document import items, written
from chimera_assets.sources.landing.parsed import Parsed
from chimera_assets.sources.landing.text import blank, line_count, pieces, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.sources.landing.limits import Limits
    from chimera_assets.sources.landing.place import LandingFile

#: Rows that are given at a time.
_ROWS = 8_192

_WITH_ZONE = "timestamp with time zone"

_DOCUMENTS = pa.schema([("line", pa.int64()), ("document", pa.string())])


class QueriedJson:
    """The rows that a query makes of a file.

    Args:
        contract: Of the file's stream, with a query.
        path: Where the file's bytes are.
        file: As it was listed.
        folder: For temporary files.
        limits: What the file may be at most.

    Attributes:
        unknown: None; what the query does not read it leaves out.
    """

    def __init__(
        self, contract: Contract, path: Path, file: LandingFile, folder: Path, limits: Limits
    ) -> None:
        self.unknown: set[str] = set()
        self._contract, self._path, self._file = contract, path, file
        self._marks = read_marks(contract.file_marks)
        self._folder, self._limits = folder, limits
        self._read = 0

    def __iter__(self) -> Iterator[Parsed]:
        """First the malformed lines, then the rows, piece by piece.

        Raises:
            CorruptFile: The query fails on what the file holds, or gives more rows than a file may
                have.
            Unfinished: The file ends in the middle.
        """
        sql = self._contract.file_query or ""
        by_line = read_file_query(sql).is_line_by_line
        try:
            with confined(self._folder) as connection:
                for documents, malformed in self._documents():
                    if malformed:
                        yield Parsed(pl.DataFrame(schema={"_line": pl.Int64}), malformed)
                    _insert(connection, documents)
                    if by_line:  # wide lines take many times their bytes in DuckDB
                        yield from self._rows(connection, sql)
                        connection.execute(f"TRUNCATE {LINES}")
                if not by_line:
                    yield from self._rows(connection, sql)
        except duckdb.Error as error:
            said, _, _ = duckdb_words(str(error)).partition("\n\n")  # of advice about settings
            message = f"fileQuery fails on it: {one_line(said)}"
            raise CorruptFile(message) from None

    def _documents(self) -> Iterator[tuple[dict[str, list[Any]], list[tuple[int, str]]]]:
        """Numbers and texts of the documents, and the lines that are none, piece by piece."""
        if self._file.format == "json":
            yield self._items()
            return
        first = 1
        for piece in pieces(self._path, zipped=self._file.zipped, limits=self._limits):
            numbers, texts, malformed = [], [], []
            for number, line in enumerate(piece.split(b"\n"), first):
                if blank(line):
                    continue
                if (text := self._document(line)) is not None:
                    numbers.append(number)
                    texts.append(text)
                else:
                    malformed.append((number, shown(line)))
            first += line_count(piece)
            yield {"line": numbers, "document": texts}, malformed

    def _items(self) -> tuple[dict[str, list[Any]], list[tuple[int, str]]]:
        """The same of a file that is one document."""
        found = items(self._path, _decoded, zipped=self._file.zipped, limits=self._limits)
        numbers, texts, malformed = [], [], []
        for number, item in enumerate(found, 1):
            text = written(item)
            if self._marks.fit(item):
                numbers.append(number)
                texts.append(text)
            else:
                malformed.append((number, shown(text.encode())))
        return {"line": numbers, "document": texts}, malformed

    def _document(self, line: bytes) -> str | None:
        """The line as a document that DuckDB reads as it is meant; None if it is none of ours."""
        try:
            text = line.decode()
            value, is_plain = decoded_for_floats(text)
            if not self._marks.fit(value):
                return None
            return text if is_plain else as_written(value)
        except (ValueError, RecursionError):
            return None

    def _rows(self, connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[Parsed]:
        """The rows of the query, each value in its column's type or as text."""
        rows = connection.sql(sql)
        kinds = dict(zip(rows.columns, rows.types, strict=True))
        asked = [column for column in self._contract.columns if column.name in kinds]
        columns = [_value(column.name, kinds[column.name]) for column in asked]
        number = f'CAST("{LINE}" AS BIGINT)' if LINE in kinds else "CAST(NULL AS BIGINT)"
        chosen = rows.query("found", f"SELECT {', '.join([*columns, number])} AS _line FROM found")  # noqa: S608 - of the contract
        for batch in chosen.to_arrow_reader(_ROWS):
            frame = pl.DataFrame(pl.from_arrow(batch))
            self._read += frame.height
            self._limits.check_rows(self._read)
            yield Parsed(frame)


def _insert(connection: duckdb.DuckDBPyConnection, documents: dict[str, list[Any]]) -> None:
    connection.register("piece", pa.table(documents, schema=_DOCUMENTS))
    connection.execute(f"INSERT INTO {LINES} SELECT * FROM piece")  # noqa: S608 - of ours
    connection.unregister("piece")


def _decoded(text: str) -> object:
    return decoded_for_floats(text)[0]


def _value(name: str, kind: duckdb.sqltypes.DuckDBPyType) -> str:
    """A column of the query as SQL: in a type of the contract's, or as text."""
    column = f'"{name}"'
    if kind.id == "list":
        return f"CAST(to_json({column}) AS VARCHAR) AS {column}"
    if kind.id in TIMES:  # in which zone it is, the contract says
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%f') AS {column}"
    if kind.id == _WITH_ZONE:
        return f"CAST({column} AS TIMESTAMPTZ) AS {column}"
    if kind.id in {"boolean", "bigint", "date"}:
        return column
    return f"CAST({column} AS VARCHAR) AS {column}"  # also of numbers, which may be none, as NaN
