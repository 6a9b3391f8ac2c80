"""A file of the landing place, drafted as a contract would describe it."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from chimera_assets.contracts.drafting import SAMPLED, Draft, DraftColumn, LeftOut
from chimera_assets.errors import ArgumentError, in_short
from chimera_assets.sources.landing.csv_draft import of_csv
from chimera_assets.sources.landing.damage import CorruptFile, Unfinished
from chimera_assets.sources.landing.json_document import items
from chimera_assets.sources.landing.json_draft import of_objects
from chimera_assets.sources.landing.limits import Limits
from chimera_assets.sources.landing.parquet_draft import of_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

#: What reading a file raises that is none of its kind.
_DAMAGED = (OSError, ValueError, EOFError, RecursionError, csv.Error, zlib.error, pa.ArrowException)


def draft_of_file(path: Path, stream: str) -> Draft:
    """What a contract for a file would say, and files like it.

    Args:
        path: A CSV, JSON, JSON lines or Parquet file, zipped with gzip or not.
        stream: What the stream is to be called.

    Raises:
        ArgumentError: It is none of these, cannot be read, or has no column of times.
    """
    name = path.name.lower().removesuffix(".gz")
    read = next((read for end, read in _READERS.items() if name.endswith(end)), None)
    if read is None:
        msg = f"{path}: expected a file that ends in {', '.join(_READERS)} (.gz), found another"
        raise ArgumentError(msg)
    found = _read(path, read)
    columns = [one for one in found if isinstance(one, DraftColumn)]
    left_out = tuple(one for one in found if isinstance(one, LeftOut))
    if not columns:
        others = in_short([f"{one.source_name} ({one.why})" for one in left_out]) or "none"
        msg = f"{path}: expected rows with columns, found {others}"
        raise ArgumentError(msg)
    timed = _with_a_time(path, columns)
    is_sample = len(columns[0].values) == SAMPLED
    return Draft(stream, path.name, stream, timed, is_sample=is_sample, left_out=left_out)


def _read(
    path: Path, read: Callable[[Path], list[DraftColumn | LeftOut]]
) -> list[DraftColumn | LeftOut]:
    try:
        if path.exists() and not path.is_file():  # to open a FIFO waits for whoever writes into it
            found = "a folder" if path.is_dir() else "a FIFO or device"
            msg = f"{path}: expected a file, found {found}"
            raise ArgumentError(msg)
        return read(path)
    except (CorruptFile, Unfinished) as error:
        msg = f"{path}: it cannot be read: {error}"
        raise ArgumentError(msg) from None
    except _DAMAGED as error:
        msg = f"{path}: it cannot be read: {getattr(error, 'strerror', None) or 'it is damaged'}"
        raise ArgumentError(msg) from None


def _with_a_time(path: Path, columns: Sequence[DraftColumn]) -> tuple[DraftColumn, ...]:
    """The columns with one that is a time, by which rows come into their hours.

    Reference tables come from the database alone, so that without one no row could be loaded. A
    date is a time, too, if there is no other: that of its first hour.
    """
    if any(one.type == "timestamp" for one in columns):
        return tuple(columns)
    dates = [one for one in columns if one.type == "date"]
    if not dates:
        given = in_short([f"{one.source_name} ({one.type})" for one in columns])
        msg = (
            f"{path}: expected a column that says when each row happened, as rows are loaded by "
            f"the hour, found none among {given}; write such a time as 2026-01-31T12:30:00Z, or "
            "the date alone"
        )
        raise ArgumentError(msg)
    day = min(dates, key=lambda one: one.values.null_count())
    moments = day.values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    time = replace(day, type="timestamp", values=moments, is_naive=True)
    return tuple(time if one is day else one for one in columns)


def _lines(path: Path) -> Iterator[str]:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as text:
        yield from text


def _csv(path: Path) -> list[DraftColumn | LeftOut]:
    return of_csv(path, _lines(path))


def _json_lines(path: Path) -> list[DraftColumn | LeftOut]:
    lines = islice(filter(str.strip, _lines(path)), SAMPLED)
    return of_objects([json.loads(line) for line in lines])


def _json(path: Path) -> list[DraftColumn | LeftOut]:
    zipped = path.name.lower().endswith(".gz")
    found = items(path, json.loads, zipped=zipped, limits=Limits.of_settings())
    return of_objects(found[:SAMPLED])


#: How a file ends -> how its columns are found.
_READERS: dict[str, Callable[[Path], list[DraftColumn | LeftOut]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".parquet": of_parquet,
}
