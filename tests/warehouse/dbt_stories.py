"""A process that has dbt in one beside it, and what becomes of the two; prints what it saw."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

import psutil

from chimera_assets.errors import ChimeraError
from chimera_assets.warehouse.dbt_process import start_dbt
from chimera_assets.warehouse.dbt_run import DbtRun

VIEWS = ["build", "--select", "staging", "--exclude-resource-type", "unit_test"]


def beside() -> list[int]:
    """The processes with dbt that this one has started and that are still there."""
    children = psutil.Process().children()
    alive = [one for one in children if one.status() != psutil.STATUS_ZOMBIE]
    return [one.pid for one in alive if "dbt_worker" in " ".join(one.cmdline())]


def built() -> int:
    return sum(one.good for one in DbtRun(VIEWS).node_results())


def stories() -> dict[str, Any]:
    start_dbt()
    first = beside()
    seen: dict[str, Any] = {"started": len(first), "built": built(), "again": built()}
    seen["kept"] = beside() == first

    results = DbtRun(VIEWS).node_results()
    next(results)
    results.close()  # type: ignore[attr-defined]
    seen["after a reader that stopped"] = len(beside())

    results = DbtRun(VIEWS).node_results()
    next(results)
    os.kill(beside()[0], signal.SIGKILL)
    try:
        list(results)
    except ChimeraError as error:
        seen["killed"] = {"words": str(error), "passes": error.transient}
    seen["after that"] = built()

    before = beside()
    os.environ["CHIMERA_LAKE_URI"] = os.environ["CHIMERA_HOME"] + "/another"
    seen["in another environment"] = built()
    seen["another"] = len(beside()), beside() != before
    return seen


def main() -> None:
    if sys.argv[1:] == ["wait"]:
        start_dbt()
        print(json.dumps(beside()), flush=True)  # noqa: T201
        time.sleep(60)
    print(json.dumps(stories()))  # noqa: T201


if __name__ == "__main__":
    main()
