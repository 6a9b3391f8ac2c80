"""The hourly job for some hours, as one process from start to end, on an installed system.

As a script, `python -m benchmarks.whole_run START END`, it is that process.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.data import START
from benchmarks.outcome import Goal, Outcome
from benchmarks.process import Ran, run
from benchmarks.source import filled

if TYPE_CHECKING:
    from pathlib import Path

#: The share of bad rows, and the rows an hour from which there are any.
_BAD, _ENOUGH = 0.003, 500

#: An installed system has read its dbt project and made Dagster's databases once.
_INSTALLED = """
from chimera_assets.orchestration.instance.home import open_instance
from chimera_assets.warehouse.dbt_project import parsed_project
parsed_project(), open_instance()
"""


def measured(rows: int, hours: int, goals: tuple[Goal, ...]) -> Outcome:
    """One run over so many hours, the rows spread evenly over them, in an empty lake."""
    # One bad row in few would be over the 1% at which an hour is blocked.
    filled(rows, hours=hours, bad=_BAD if rows >= _ENOUGH * hours else 0.0)
    installed()
    ran, reported = ran_hours(START, hours)
    return Outcome(rows=rows, ours=ran.seconds, goals=goals, peak_mb=ran.peak_mb, details=reported)


def installed() -> None:
    """Do what is done once on a new system, so that it is not measured."""
    run([sys.executable, "-c", _INSTALLED])


def ran_hours(
    start: datetime, hours: int = 1, *, lake: Path | None = None
) -> tuple[Ran, dict[str, Any]]:
    """Run the job as a process; gives the process, and what it reported of its steps.

    Args:
        start: The first hour.
        hours: How many, in one run.
        lake: A lake other than that of CHIMERA_HOME.
    """
    command = [start.isoformat(), (start + timedelta(hours=hours)).isoformat()]
    ran = run(
        [sys.executable, "-m", "benchmarks.whole_run", *command],
        {"CHIMERA_LAKE_URI": str(lake)} if lake else None,
    )
    return ran, json.loads(ran.output.strip().splitlines()[-1])


def main(start: str, end: str) -> int:
    """Run the job; print each step's seconds as a line of JSON; 1 if the run failed."""
    from chimera_assets.warehouse.dbt_process import start_dbt

    start_dbt()  # before Dagster is loaded, as our commands do
    from chimera_assets.hours import HourRange
    from chimera_assets.orchestration.runs.run_hours import run_hours

    hours = HourRange(datetime.fromisoformat(start), datetime.fromisoformat(end))
    summary = run_hours(hours)
    steps = {step.step: round(step.seconds, 3) for step in summary.steps}
    causes = {step.step: step.cause for step in summary.failed}
    print(json.dumps({"run_seconds": summary.seconds, "steps": steps, "failed": causes}))
    return 0 if summary.success else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
