"""PostgreSQL to checked, deduplicated Delta, against dlt, which checks nothing.

dlt reads the whole table by its pyarrow back end and appends it to one Delta table; ours writes
the rows as received, judges them, and writes the good and the bad ones, each with its hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deltalake import DeltaTable

from benchmarks.outcome import Outcome, alternated
from benchmarks.peer import Peer
from benchmarks.source import filled
from benchmarks.taking import take
from chimera_assets.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1_000_000


def measure(rows: int, home: Path) -> Outcome:
    """Take the hour, each time into new tables."""
    url = filled(rows)
    taken: dict[str, int] = {}

    with Peer("dlt", url=url, table="generations", folder=str(home)) as dlt:

        def ours(number: int) -> None:
            taken["ours"] = take(url, Lake(str(home / f"lake_{number}")))

        def theirs(number: int) -> None:
            taken["dlt"] = DeltaTable(dlt.ask(number=number)["table"]).count()

        outcome = alternated(rows, ours, theirs, at_least=6)
    if taken != {"ours": rows, "dlt": rows}:
        msg = f"expected {rows} rows of each, found {taken}"
        raise RuntimeError(msg)
    outcome.peer = f"dlt {dlt.reported['version']}"
    return outcome
