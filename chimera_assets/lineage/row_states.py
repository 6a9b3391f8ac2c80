"""What a table had of one record in one hour, version by version, as far as its files lie there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.hours import HourRange
from chimera_assets.lake.data_files import files
from chimera_assets.lake.layout import plain
from chimera_assets.lake.storage import is_s3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chimera_assets.lake import Table
    from chimera_assets.lineage.table_log import LogCommit, TableLog

#: A row of a record: column -> value.
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """What a table had of a record after a commit.

    Attributes:
        commit: The commit; None for what is older than the log.
        rows: Its rows; None if a file of that version is gone, so that nobody can say.
        files: The files that they lie in.
    """

    commit: LogCommit | None
    rows: pl.DataFrame | None
    files: tuple[str, ...]


def states(log: TableLog, hour: datetime | None, matches: pl.Expr) -> list[State]:
    """The states of a record in a table, oldest first; the last one is as it is now.

    Args:
        log: The table's log.
        hour: The hour; None for a table that has none.
        matches: Whether a row is of the record.

    Raises:
        TableDamaged: A file that the newest version names is not there.
    """
    table = log.table
    delta = table.delta()
    if not plain(delta):  # rows deleted in place: only the newest version can be read here
        hours = HourRange.single(hour) if hour is not None else None
        return [State(None, table.read(hours).filter(matches).collect(), ())]
    now = frozenset(
        files(table, delta, HourRange.single(hour) if hour is not None else None)["path"]
    )
    commits = [one for one in log.commits(hour) if one.version <= delta.version()]
    sets = list(_backwards(now, commits))
    content = _Content(table, matches)
    found = [] if not sets[0] else [_state(content, None, sets[0])]
    found += [_state(content, one, paths) for one, paths in zip(commits, sets[1:], strict=True)]
    return found


def _backwards(now: frozenset[str], commits: list[LogCommit]) -> Iterator[frozenset[str]]:
    """The files before the first commit, and after each of them."""
    found = [now]
    for commit in reversed(commits):
        found.append(found[-1] - set(commit.added) | set(commit.removed))
    return reversed(found)


def _state(content: _Content, commit: LogCommit | None, paths: frozenset[str]) -> State:
    parts = [(path, content.rows(path)) for path in sorted(paths)]
    holding = tuple(path for path, rows in parts if rows is not None and rows.height)
    known = [rows for _, rows in parts if rows is not None]
    if len(known) < len(parts):
        return State(commit, None, holding)
    rows = pl.concat(known, how="diagonal_relaxed") if known else pl.DataFrame()
    return State(commit, rows, holding)


class _Content:
    """The rows of a record in data files, each of which is opened once."""

    def __init__(self, table: Table, matches: pl.Expr) -> None:
        self._table, self._matches = table, matches
        self._known: dict[str, pl.DataFrame | None] = {}

    def rows(self, path: str) -> pl.DataFrame | None:
        """The rows; None if the file is gone."""
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: str) -> pl.DataFrame | None:
        uri = f"{self._table.uri}/{path}"
        if not is_s3(uri) and not os.path.exists(uri):  # noqa: PTH110 - a Path takes longer
            return None
        scan = pl.scan_parquet(
            uri,
            glob=False,
            hive_partitioning=False,
            storage_options=self._table.storage_options or None,
            credential_provider=None,
        )
        try:
            return scan.filter(self._matches).collect()
        except pl.exceptions.ColumnNotFoundError:
            return pl.DataFrame()  # of a time before the table had the column
        except (FileNotFoundError, OSError):
            return None
