"""Runs one measure in a process of its own: `python -m benchmarks.worker NAME ROWS RESULT`.

CHIMERA_HOME is set by whoever starts it; ROWS may be 0 for the measure's own number.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks import registry
from benchmarks.peer import PeerUnavailable
from chimera_assets.postgres.embedded.server import embedded_server
from chimera_assets.settings import get_settings

_KB_A_MB = 1024


def main(name: str, rows: str, result: str) -> None:
    """Run the measure and leave what it found, as JSON, in the file `result`."""
    measure = registry.load(name)
    try:
        outcome = measure.run(int(rows) or measure.rows, get_settings().home)
    except PeerUnavailable as unavailable:
        sys.exit(f"{name}: {unavailable}")
    finally:
        embedded_server(get_settings()).release()
    if outcome.peak_mb is None:
        outcome.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KB_A_MB
    found = asdict(outcome)
    found |= {"title": measure.title, "own_rows": measure.rows}
    found["goals"] = [
        {"what": goal.what, "bound": goal.bound, "reported": str(goal), "met": met}
        for goal, met in outcome.verdicts()
    ]
    Path(result).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
