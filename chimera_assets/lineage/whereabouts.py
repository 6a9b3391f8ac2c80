"""In which hours a record is, or was: by its source, by commits that moved it, or by a search.

The operational database knows by its primary key in which hour a row is; that takes milliseconds.
Where it does not know the key any more, the key columns of data files are searched. Files whose
keys are in order are passed over by their statistics; of keys in no order every one is read.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.errors import ChimeraError, one_line
from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake.data_files import files
from chimera_assets.lake.storage import stored_files
from chimera_assets.lineage.record import Looked
from chimera_assets.lineage.table_log import hours_of_paths
from chimera_assets.sources.errors import SourceTableMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Table
    from chimera_assets.lineage.key import RecordKey
    from chimera_assets.sources.postgres import PostgresSource

#: So long may the operational database think about a key, which may have no index.
_SECONDS = 5


@dataclass(frozen=True, slots=True)
class AtSource:
    """What the operational database says of a key.

    Attributes:
        hours: The hours in which it has rows of the key; None if it did not answer.
        words: The same in words.
        is_there: Whether it has the key at all; None if it did not answer.
    """

    hours: tuple[datetime, ...] | None
    words: str
    is_there: bool | None


def at_source(source: Callable[[], PostgresSource], key: RecordKey) -> AtSource:
    """Ask the operational database for a key; one that cannot be asked is no error here."""
    contract, asked = key.contract, json.dumps([dict(key.texts)])
    try:
        with source().now(contract, seconds=_SECONDS) as now:
            if contract.kind != "stream":
                found = bool(now.count_keys(asked))
                words = "has the key" if found else "does not have the key"
                return AtSource((), f"{contract.source_table} {words}", found)
            hours = tuple(now.placed(asked))
    except SourceTableMissing:
        return AtSource((), f"there is no table {contract.source_table}", is_there=False)
    except ChimeraError as error:
        return AtSource(None, f"could not be asked: {one_line(str(error))}", None)
    words = "has the key" if hours else "does not have the key"
    return AtSource(hours, f"{contract.source_table} {words}", bool(hours))


@dataclass(slots=True)
class Search:
    """A search of tables' files for a record's key.

    Args:
        wanted: Search only these hours; None for all.
        begin: Told of how many rows of how many files each search begins with.

    Attributes:
        hours: Where the key was found.
        files, rows, seconds: What was searched so far, and how long that took.
    """

    wanted: HourRange | None
    begin: Callable[[int, int], None]
    hours: set[datetime] = field(default_factory=set)
    files: int = 0
    rows: int = 0
    seconds: float = 0.0

    def newest(self, table: Table, matches: pl.Expr, but: Iterable[datetime] = ()) -> None:
        """Search the files of a table's newest version, those of some hours left out."""
        if not table.exists():
            return
        listed = files(table, table.delta(), self.wanted)
        if HOUR_COLUMNS[0] not in listed.columns:  # made by another tool
            return
        known = pl.Series(sorted(but), dtype=pl.Datetime("us", "UTC"))
        listed = listed.filter(HOUR_START.is_not_null() & ~HOUR_START.is_in(known.implode()))
        self._search(table, listed["path"].to_list(), int(listed["rows"].sum()), matches)

    def older(self, table: Table, matches: pl.Expr) -> None:
        """Search the files that lie there and that the newest version does not have any more."""
        if not table.exists():
            return
        now = set(files(table, table.delta(), None)["path"])
        stored = stored_files(table.uri, table.storage_options)
        left = [path for path in stored if path.endswith(".parquet") and path not in now]
        self._search(table, [path for path in left if self._is_wanted(path)], 0, matches)

    def looked(self, said: AtSource) -> Looked:
        """Where was looked."""
        searched = self.wanted is None and self.files > 0
        return Looked(said.words, self.files, self.rows, searched, round(self.seconds, 3))

    def _is_wanted(self, path: str) -> bool:
        hours = hours_of_paths([path])
        return bool(hours) and (self.wanted is None or hours[0] in self.wanted)

    def _search(self, table: Table, paths: list[str], rows: int, matches: pl.Expr) -> None:
        if not paths:
            return
        if rows:
            self.begin(rows, len(paths))
        started = time.perf_counter()
        scan = pl.scan_parquet(
            [f"{table.uri}/{path}" for path in paths],
            schema=_key_schema(table, matches),
            missing_columns="insert",
            extra_columns="ignore",
            include_file_paths="path",
            glob=False,
            hive_partitioning=False,
            storage_options=table.storage_options or None,
            credential_provider=None,
        )
        found = scan.filter(matches).select("path").unique().collect(engine="streaming")
        self.hours |= set(hours_of_paths(found["path"].to_list()))
        self.files, self.rows = self.files + len(paths), self.rows + rows
        self.seconds += time.perf_counter() - started


def _key_schema(table: Table, matches: pl.Expr) -> dict[str, pl.DataType]:
    names = matches.meta.root_names()
    empty = pl.DataFrame(table.schema().empty_table())
    return {name: empty.schema[name] for name in names}
