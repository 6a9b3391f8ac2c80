"""20 rules judged, against the same 20 by Great Expectations.

Both get the rows in memory, ours in Polars and theirs in pandas, read from the same Parquet file
before time is taken. Both tell of each rule which rows broke it; ours also gives the good rows and
the bad ones, with all reasons of each.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.data import PROVIDERS, START, generations, with_hours
from benchmarks.measures.validate import BAD, RULES, judged
from benchmarks.outcome import Outcome, alternated
from benchmarks.peer import Peer

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1_000_000


def measure(rows: int, home: Path) -> Outcome:
    """Judge the rows by both; they must find the same."""
    home.mkdir(parents=True, exist_ok=True)
    file = home / "rows.parquet"
    with_hours(generations(rows, bad=BAD)).write_parquet(file)
    frame = pl.read_parquet(file)
    found: dict[str, tuple[int, int]] = {}

    with Peer(
        "great-expectations", rows=str(file), start=START.isoformat(), providers=list(PROVIDERS)
    ) as theirs:

        def ours(_: int) -> None:
            found["ours"] = judged(frame)

        def peer(_: int) -> None:
            answer = theirs.ask(form="complete")
            found["Great Expectations"] = answer["bad"], answer["broken"]

        outcome = alternated(rows, ours, peer, at_least=8, rounds=2)
        started = time.perf_counter()
        theirs.ask(form="verdicts")
        outcome.details["floor_verdicts_only"] = time.perf_counter() - started
    if set(theirs.reported["rules"]) != set(RULES):
        msg = f"the two have different rules: {sorted(set(theirs.reported['rules']) ^ set(RULES))}"
        raise RuntimeError(msg)
    if found["ours"] != found["Great Expectations"]:
        msg = f"the two disagree on (bad rows, broken rules): {found}"
        raise RuntimeError(msg)
    outcome.details["bad_rows"] = found["ours"][0]
    outcome.peer = f"Great Expectations {theirs.reported['version']}"
    return outcome
