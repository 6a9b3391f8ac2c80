"""A migration in a process of its own, which dies by SIGKILL at a commit that is named.

`python -m tests.quality.migrating LAKE CONTRACT NUMBER`: before its NUMBERth commit, if that is
negative after it; 0 lets it come to its end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from chimera_assets.contracts import load_contract
from chimera_assets.lake import Lake, commit
from chimera_assets.quality.migration.migrate import migrate_tables, plan_migration
from tests.quality.test_migration import OURS, off_the_record


def dying(number: int) -> None:
    """Have the process die at its so manieth commit."""
    made, done = commit._commit, 0

    def counted(*arguments: Any) -> Any:
        nonlocal done
        done += 1
        if done == number:
            os.kill(os.getpid(), signal.SIGKILL)
        committed = made(*arguments)
        if done == -number:
            os.kill(os.getpid(), signal.SIGKILL)
        return committed

    commit._commit = counted


def main(lake: str, contract: str, number: str) -> None:
    """Migrate; see above."""
    context = off_the_record(Lake(lake), load_contract(Path(contract)))
    dying(int(number))
    plan = plan_migration(context.lake, context.contracts["orders"])
    migrate_tables(context, plan, OURS, reason="a test", lose_values=True).remove()


if __name__ == "__main__":
    main(*sys.argv[1:])
