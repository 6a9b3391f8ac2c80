"""The audit log verified as a whole: entries, details, tree, signatures and files.

Before it: how fast entries are written in batches, and after it, how long one proof takes.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.outcome import Goal, Outcome
from chimera_assets.access.principal import Principal
from chimera_assets.audit.catch_up import catch_up
from chimera_assets.audit.log import AuditLog, NewEntry
from chimera_assets.audit.proofs import Prover
from chimera_assets.audit.publishing import FOLDER, leaves
from chimera_assets.audit.signing_keys import load_keys
from chimera_assets.audit.verify import verify_log
from chimera_assets.lake import open_lake
from chimera_assets.lake.objects import Objects
from chimera_assets.postgres.databases import platform_database
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from chimera_assets.lake import Lake

ROWS = 1_000_000

_BATCH = 10_000
_ENTRIES_A_SECOND = 5_000
#: A tenth of the seconds that a million entries may take, a proof in 5 ms.
_SECONDS_A_MILLION = 10
_PROOF_MS = 5


def measure(rows: int, home: Path) -> Outcome:  # noqa: ARG001 - the settings name it
    """Fill a log, put it beside a lake, verify it; whatever fails is an error."""
    settings, me = get_settings(), Principal.of_command()
    log, lake = AuditLog(platform_database(settings)), open_lake()
    Path(lake.uri).mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    for first in range(0, rows, _BATCH):
        with log.database.transaction() as session:
            log.write_all(session, _entries(first, min(_BATCH, rows - first), me))
    appended = rows / (time.perf_counter() - started)
    started = time.perf_counter()
    if failures := catch_up(log, lake, settings, me).failures:
        raise failures[0]
    published = time.perf_counter() - started
    started = time.perf_counter()
    found = verify_log(log, lake, load_keys(settings))
    seconds = time.perf_counter() - started
    if problems := [problem for check in found for problem in check.problems]:
        raise RuntimeError(problems[0])
    return Outcome(
        rows=rows,
        ours=seconds,
        goals=(
            Goal("seconds", _SECONDS_A_MILLION * rows / ROWS),
            Goal("time of an entry", 1.0),
            Goal("time of a proof", 1.0),
        ),
        growths={
            "time of an entry": _ENTRIES_A_SECOND / appended,
            "time of a proof": _proof_ms(log, lake, rows // 2) / _PROOF_MS,
        },
        details={"entries_a_second": appended, "publishing_seconds": published},
    )


def _entries(first: int, count: int, actor: Principal) -> list[NewEntry]:
    return [
        NewEntry(
            "table.optimize",
            f"raw/t{number % 50}",
            actor,
            before={"version": number},
            after={"rows": number, "hours": "2026-01-31-00:00"},
            run_id=f"run-{number // 60}",
        )
        for number in range(first, first + count)
    ]


def _proof_ms(log: AuditLog, lake: Lake, sequence: int) -> float:
    """How long the proof of one entry takes, its tiles read first."""
    with log.database.transaction() as session:
        (leaf,) = leaves(session, sequence, sequence + 1)
    started = time.perf_counter()
    Prover(Objects(lake, FOLDER)).prove(sequence, leaf)
    return 1_000 * (time.perf_counter() - started)
