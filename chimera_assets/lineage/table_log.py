"""A table's log as far as it is kept: which commits added and removed files of one hour.

A log of years has thousands of entries. Those written before an hour began cannot be about it and
are not read; of the others, only the lines that name the hour's folder are parsed.
"""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMN, partition_values
from chimera_assets.lake.storage import LOG_FOLDER, is_s3
from chimera_assets.lake.storage_retry import with_retries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from chimera_assets.lake import Table

_ENTRY = re.compile(r"(\d{20})\.json")

#: The hour of a data file by its path.
_OF_PATH = rf"{DAY_COLUMN}=([^/]+)/{HOUR_COLUMN}=([^/]+)/"

#: Clocks differ: an entry may say that it was written so long before it was.
_CLOCKS = timedelta(days=1)

#: Entries that are asked of S3 at a time.
_AT_ONCE = 16

_FILES, _INFO, _SCHEMA = (b'"add"', b'"remove"'), b'"commitInfo"', b'"metaData"'


@dataclass(frozen=True, slots=True)
class LogCommit:
    """One commit, as far as it is about some files.

    Attributes:
        version: The table's version that it made.
        at: When.
        operation: What Delta calls it.
        said: What was kept with it: its run, its hours and so on.
        added: The paths of the files that it added.
        removed: Those that it removed, which older versions still have.
    """

    version: int
    at: datetime
    operation: str
    said: Mapping[str, Any]
    added: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def run(self) -> str | None:
        """The run that made it; of a model that of dbt."""
        run: str | None = self.said.get("run") or self.said.get("dbt_invocation_id")
        return run


class TableLog:
    """The entries of a table's log, each read once.

    Args:
        table: The table, which exists.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._read: dict[int, bytes] = {}

    @property
    def oldest(self) -> int:
        """The oldest version whose entry is still there."""
        return min(self._written, default=0)

    def commits(self, hour: datetime | None) -> list[LogCommit]:
        """The commits that touched an hour, or any file if it is None, oldest first."""
        marks: tuple[bytes, ...] = _FILES
        if hour is not None:
            day, of_day = partition_values(hour)
            marks = (f"{DAY_COLUMN}={day}/{HOUR_COLUMN}={of_day}/".encode(),)
        return list(self._commits(self._since(hour), marks))

    def replaced_hours(self, versions: Collection[int]) -> set[datetime]:
        """The hours of which some of these versions, as far as there are such, removed files."""
        there = sorted(set(versions) & set(self._written))
        removed = [path for one in self._commits(there, (b'"remove"',)) for path in one.removed]
        return set(hours_of_paths(removed))

    def schemas(self) -> list[tuple[LogCommit, Mapping[str, str]]]:
        """The commits that set the table's columns, oldest first: each with column -> type."""
        found: list[tuple[LogCommit, Mapping[str, str]]] = []
        versions = sorted(self._written)
        self._load(versions)
        for version in versions:
            if _SCHEMA in self._read[version]:
                commit = _parsed(version, self._read[version], (_SCHEMA,))
                found.append((commit, _columns(self._read[version])))
        return found

    def _commits(self, versions: list[int], marks: Iterable[bytes]) -> Iterable[LogCommit]:
        self._load(versions)
        for version in versions:
            entry = self._read[version]
            if any(mark in entry for mark in marks):
                found = _parsed(version, entry, tuple(marks))
                if found.added or found.removed:
                    yield found

    def _since(self, hour: datetime | None) -> list[int]:
        """The versions that may be about an hour."""
        written = self._written
        if hour is None or not written:
            return sorted(written)
        first = hour - _CLOCKS
        if max(written.values()) < first:  # an hour that is yet to come, by this clock
            return sorted(written)
        return sorted(version for version, at in written.items() if at >= first)

    @cached_property
    def _written(self) -> dict[int, datetime]:
        """When each entry was written, by the storage's clock."""
        found = _in_bucket(self.table) if is_s3(self.table.uri) else _in_folder(self.table)
        return {int(named[1]): at for name, at in found if (named := _ENTRY.fullmatch(name))}

    def _load(self, versions: Iterable[int]) -> None:
        lacking = [version for version in versions if version not in self._read]
        if not is_s3(self.table.uri):
            for version in lacking:
                with open(f"{self.table.uri}/{_path(version)}", "rb") as entry:  # noqa: PTH123 - a Path takes longer
                    self._read[version] = entry.read()
        elif lacking:
            storage = DeltaStorageHandler(self.table.uri, self.table.storage_options)

            def content(version: int) -> bytes:
                with storage.open_input_file(_path(version)) as entry:
                    read: bytes = entry.read()
                    return read

            with ThreadPoolExecutor(_AT_ONCE) as threads:
                found = threads.map(
                    lambda one: with_retries(lambda: content(one), self.table.uri), lacking
                )
                self._read.update(zip(lacking, found, strict=True))


def hours_of_paths(paths: Sequence[str]) -> list[datetime]:
    """The hours of data files that lie in the folders of their hours."""
    path = pl.col("path")
    day, hour = (path.str.extract(_OF_PATH, group) for group in (1, 2))
    parted = pl.DataFrame({"path": paths}, schema={"path": pl.String}).select(
        day.str.to_date("%Y-%m-%d", strict=False).alias(DAY_COLUMN),
        hour.str.to_integer(strict=False).cast(pl.Int32).alias(HOUR_COLUMN),
    )
    found: list[datetime] = parted.select(HOUR_START).to_series().drop_nulls().to_list()
    return found


def _path(version: int) -> str:
    return f"{LOG_FOLDER}/{version:020}.json"


def _in_folder(table: Table) -> list[tuple[str, datetime]]:
    with os.scandir(f"{table.uri}/{LOG_FOLDER}") as entries:
        return [(one.name, datetime.fromtimestamp(one.stat().st_mtime, UTC)) for one in entries]


def _in_bucket(table: Table) -> list[tuple[str, datetime]]:
    storage = DeltaStorageHandler(table.uri, table.storage_options)
    listed = storage.get_file_info_selector(FileSelector(LOG_FOLDER))
    return [(one.base_name, one.mtime) for one in listed]


def _parsed(version: int, entry: bytes, marks: tuple[bytes, ...]) -> LogCommit:
    said: dict[str, Any] = {}
    added: list[str] = []
    removed: list[str] = []
    for line in entry.splitlines():
        if _INFO not in line and not any(mark in line for mark in marks):
            continue
        action = json.loads(line)
        said = action.get("commitInfo", said)
        for kind, paths in (("add", added), ("remove", removed)):
            if kind in action:
                paths.append(unquote(action[kind]["path"]))
    at = datetime.fromtimestamp(said.get("timestamp", 0) / 1000, UTC)
    operation = str(said.get("operation", ""))
    return LogCommit(version, at, operation, said, tuple(added), tuple(removed))


def _columns(entry: bytes) -> dict[str, str]:
    """Column -> type, as an entry sets them."""
    for line in entry.splitlines():
        if _SCHEMA in line and (metadata := json.loads(line).get("metaData")) is not None:
            fields = json.loads(metadata["schemaString"])["fields"]
            return {field["name"]: _type(field["type"]) for field in fields}
    return {}


def _type(kind: Any) -> str:  # noqa: ANN401 - JSON
    return kind if isinstance(kind, str) else json.dumps(kind)
