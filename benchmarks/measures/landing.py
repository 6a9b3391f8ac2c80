"""A gzipped file of JSON lines landed, against Polars' bare scan and Delta write of it.

Ours reads values in whatever form they come, tells malformed lines by file and line, places rows
by their hour, and commits the file's identity with its rows, so that it is taken once.
"""

from __future__ import annotations

import gzip
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.data import WITH_VALUES, generations
from benchmarks.outcome import Outcome, alternated
from chimera_assets.contracts import contracts
from chimera_assets.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1_000_000

#: Old enough that nobody waits to see whether the file is whole.
_AGE_SECONDS = 3600


def measure(rows: int, home: Path) -> Outcome:
    """Take the file, each time into new tables."""
    from chimera_assets.layers import LANDING
    from chimera_assets.run_context import RunContext
    from chimera_assets.sources.landing import Place, load_files

    stream = contracts()["generations"]
    place = Place(str(home / "landing"))
    file = home / "landing" / stream.stream / "hour.jsonl.gz"
    _write(rows, file)
    landed: dict[str, int] = {}

    def ours(number: int) -> None:
        lake = Lake(str(home / f"lake_{number}"))
        run = RunContext(lake, datetime.now(UTC), "bench")
        landed["ours"] = load_files(run, stream, place).rows
        landed["table"] = lake.table(LANDING, stream.stream).count()

    def floor(number: int) -> None:
        pl.scan_ndjson(file).collect().write_delta(str(home / f"floor_{number}"))

    outcome = alternated(rows, ours, floor, at_least=0.6)
    # The table also has a row that tells of the file.
    if landed != {"ours": rows, "table": rows + 1}:
        msg = f"expected {rows} rows, found {landed}"
        raise RuntimeError(msg)
    outcome.details["file_mb"] = file.stat().st_size / 2**20
    return outcome


def _write(rows: int, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(file, "wb", compresslevel=6) as opened:
        opened.write(generations(rows).select(WITH_VALUES.names()).write_ndjson().encode())
    then = time.time() - _AGE_SECONDS
    os.utime(file, (then, then))
