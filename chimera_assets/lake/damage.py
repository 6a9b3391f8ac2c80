"""What is wrong with a table whose files something other than Delta has cut, lost or changed.

Delta itself never leaves half a file behind: it happens when a disk dies, a machine loses power or
somebody cleans up by hand. The engines then report where in their code they failed; here is found
out which file it was, and said what to do. Only asked for once something has failed.
"""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler
from polars.exceptions import ComputeError
from pyarrow.fs import FileSelector, FileSystem, FileType, PyFileSystem

from chimera_assets.hours import HOUR_COLUMNS, ONE_HOUR
from chimera_assets.lake.errors import LakeError, TableDamaged, translated
from chimera_assets.lake.storage import LOG_FOLDER, is_s3

if TYPE_CHECKING:
    import polars as pl

    from chimera_assets.lake.location import TableLocation

_ENTRY = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint.*\.parquet")
_HINT = "_last_checkpoint"

#: How errors that come from a data file word it.
_OF_A_FILE = (
    "parquet",
    "not found",
    "no such file",
    "missing file",
    "unexpected end",
    "eof",
    "panicked",
)

#: What every Parquet file ends with.
_MAGIC = b"PAR1"

#: So many files are looked at before they are read.
_LOOKED_AT = 512

_BACKUP = "put it back from a backup"
_ANEW = "or move the table's folder away and run its hours again with `chimera backfill`"


def explained(
    table: TableLocation, error: Exception, files: pl.DataFrame | None = None
) -> Exception:
    """The error in our words, with the damaged file and the remedy if there is such a file.

    Args:
        table: The table that was read or written.
        error: What went wrong.
        files: The data files that were read, as `data_files.files` lists them; None before any.
    """
    failure = translated(error, table.uri)
    known = isinstance(failure, LakeError) and (failure.transient or type(failure) is not LakeError)
    if known or not isinstance(error, DeltaError | ComputeError | OSError):
        return failure
    try:
        found = _log_damage(table)
        if found is None and files is not None and any(m in str(error).lower() for m in _OF_A_FILE):
            found = _damaged_file(table, files)
    except OSError:  # a storage that cannot be asked says nothing of its files
        return failure
    return TableDamaged(table.uri, *found) if found is not None else failure


def _log_damage(table: TableLocation) -> tuple[str, str] | None:
    """What is wrong with the log, and the remedy; None if nothing is."""
    storage = _storage(table)
    listed = {info.base_name: info for info in storage.get_file_info(FileSelector(LOG_FOLDER))}
    entries = sorted(int(found[1]) for name in listed if (found := _ENTRY.fullmatch(name)))
    checkpoints: dict[int, list[str]] = {}  # of which one may have several parts
    for name in sorted(listed):
        if found := _CHECKPOINT.fullmatch(name):
            checkpoints.setdefault(int(found[1]), []).append(name)
    if not entries:
        return None
    cut = {
        version: (name, problem)
        for version, names in sorted(checkpoints.items(), reverse=True)
        for name in reversed(names)
        if (problem := _footer(storage, name))
    }
    first = max(checkpoints.keys() - cut.keys(), default=-1)
    for version in range(max(first + 1, entries[0]), entries[-1] + 1):
        problem = "missing" if version not in entries else _entry_problem(storage, version)
        if problem is not None:
            return _entry_message(version, problem, newest=entries[-1])
    for version, (name, problem) in cut.items():
        return _checkpoint_message(name, problem, whole=entries[0] <= first + 1, version=version)
    if _HINT in listed and _hinted(storage) not in checkpoints:
        return f"{LOG_FOLDER}/{_HINT} names a checkpoint that is missing", f"delete {_HINT}"
    return None


def require_whole_entry(table: TableLocation, version: int) -> None:
    """Refuse a newest log entry without a byte: Delta reads it as a commit that changed nothing.

    Only asked of folders: objects on S3 appear whole or not at all.

    Raises:
        TableDamaged: It is empty.
    """
    if is_s3(table.uri):
        return
    entry = Path(table.uri) / LOG_FOLDER / f"{version:020}.json"
    # A clean-up may have removed the entry of a checkpoint.
    if entry.exists() and entry.stat().st_size == 0:
        raise TableDamaged(table.uri, *_entry_message(version, "empty", newest=version))


def require_files(table: TableLocation, files: pl.DataFrame) -> None:
    """Refuse data files of a folder that are missing, cut, or end in what a power cut left there.

    Of very many files none is looked at: that would cost more than it is worth.

    Raises:
        TableDamaged: Names the first such file.
    """
    if is_s3(table.uri) or files.height > _LOOKED_AT:
        return
    root = Path(table.uri)
    for path, logged in files.select("path", "bytes").iter_rows():
        if problem := _problem_at_a_glance(root / path, logged):
            raise TableDamaged(table.uri, *_file_message(table, path, problem))


def _problem_at_a_glance(file: Path, logged: int) -> str | None:
    try:
        with file.open("rb") as content:
            size = content.seek(0, os.SEEK_END)
            content.seek(max(0, size - len(_MAGIC)))
            whole = content.read() == _MAGIC
    except FileNotFoundError:
        return "missing"
    return _size_problem(size, logged) or (None if whole else "damaged: its end is not Parquet's")


def _damaged_file(table: TableLocation, files: pl.DataFrame) -> tuple[str, str] | None:
    """What is wrong with the first damaged data file, and the remedy; None if there is none."""
    storage = _storage(table)
    for file in files.iter_rows(named=True):
        path: str = file["path"]
        info = storage.get_file_info(path)
        problem = _size_problem(info.size if info.type == FileType.File else None, file["bytes"])
        problem = problem or _footer(storage, path, folder="")
        problem = problem or _pages(storage, path)
        if problem is not None:
            return _file_message(table, path, problem)
    return None


def _size_problem(found: int | None, logged: int) -> str | None:
    """What a file's size says: it is missing (None), or not as long as when it was written."""
    if found is None:
        return "missing"
    return None if found == logged else f"damaged: expected {logged} bytes, found {found}"


def _file_message(table: TableLocation, path: str, problem: str) -> tuple[str, str]:
    """The words for a damaged data file: what, and what to do."""
    name = f"{table.layer}/{table.name}"
    day, hour = (re.search(rf"{column}=([^/]+)/", path) for column in HOUR_COLUMNS)
    if day is not None and hour is not None:
        start = datetime.fromisoformat(f"{day[1]}T{int(hour[1]):02d}:00Z")
        start_to_end = f"--start {_hour_text(start)} --end {_hour_text(start + ONE_HOUR)}"
        remedy = f"run its hour again: `chimera backfill {start_to_end}`"
    else:
        remedy = f"{_BACKUP}, or go back with `chimera table restore {name} --as-of`, {_ANEW}"
    return f"the data file {path} is {problem}", remedy


def _hour_text(hour: datetime) -> str:
    return f"{hour:%Y-%m-%dT%H:%MZ}"


def _entry_problem(storage: FileSystem, version: int) -> str | None:
    with storage.open_input_file(f"{LOG_FOLDER}/{version:020}.json") as entry:
        content = entry.read()
    if not content.strip():
        return "empty"
    try:
        for line in content.splitlines():
            json.loads(line)
    except ValueError:
        return "cut or damaged"
    return None


def _entry_message(version: int, problem: str, newest: int) -> tuple[str, str]:
    remedy = f"{_BACKUP}, {_ANEW}"
    if version == newest:
        before = f"the table is then as of version {version - 1}"
        remedy = f"move it away ({before}) and run that write's hours again: `chimera backfill`"
    return f"the log entry {LOG_FOLDER}/{version:020}.json is {problem}", remedy


def _checkpoint_message(name: str, problem: str, version: int, *, whole: bool) -> tuple[str, str]:
    remedy = f"{_BACKUP}, {_ANEW}"
    if whole:
        remedy = f"delete it and {_HINT}: the log's entries up to {version} hold the same"
    return f"the checkpoint {LOG_FOLDER}/{name} is {problem}", remedy


def _hinted(storage: FileSystem) -> int | None:
    with storage.open_input_file(f"{LOG_FOLDER}/{_HINT}") as hint:
        try:
            version = json.loads(hint.read())["version"]
        except (ValueError, KeyError, TypeError):
            return None
    return version if isinstance(version, int) else None


def _footer(storage: FileSystem, name: str, folder: str = f"{LOG_FOLDER}/") -> str | None:
    try:
        pq.read_metadata(storage.open_input_file(f"{folder}{name}"))
    except (pa.ArrowException, OSError):
        return "cut or damaged"
    return None


def _pages(storage: FileSystem, path: str) -> str | None:
    try:
        with storage.open_input_file(path) as file:
            for _ in pq.ParquetFile(file, page_checksum_verification=True).iter_batches():
                pass
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return "damaged"
    return None


def _storage(table: TableLocation) -> FileSystem:
    return PyFileSystem(DeltaStorageHandler(table.uri, table.storage_options))
