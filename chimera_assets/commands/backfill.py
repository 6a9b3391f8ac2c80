"""`chimera backfill`: run a range of hours through all layers, in one Dagster run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.access.principal import Principal
from chimera_assets.commands import summary
from chimera_assets.commands.arguments import past_hours
from chimera_assets.commands.past_retention import say_past_retention
from chimera_assets.commands.progress import Progress, quietly
from chimera_assets.commands.terminal import notes
from chimera_assets.errors import counted
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.hours import HourRange
    from chimera_assets.orchestration.runs.run_hours import RunSummary


def backfill(start: str, end: str, *, as_json: bool, now: datetime) -> int:
    """Run the hourly job over a range; 1 if a step failed or an hour was blocked."""
    hours = past_hours(start, end, earliest=get_settings().start, now=now)
    _ = get_settings().resolved_lake_uri  # a mistake in it costs no start of Dagster
    notes().print(f"{counted(len(hours), 'hour')}, {hours}, in one run", markup=False)
    say_past_retention(hours, now)
    run, log = run_shown(hours, actor=Principal.of_command())
    if as_json:
        summary.as_json(run)
    else:
        summary.as_tables(run)
    code = summary.problems(run, log)
    notes().print(f"{'Done' if code == 0 else 'Ended'} in {run.seconds:.1f} s.")
    return code


def run_shown(
    hours: HourRange, *, actor: Principal, replay: bool = False
) -> tuple[RunSummary, Path]:
    """Run the hourly job, its progress shown; the summary, and the file of what it printed."""
    with (
        quietly(get_settings().home_folder("logs")) as (console, log),
        Progress(console) as progress,
    ):
        progress.working_on("loading Dagster")
        from chimera_assets.orchestration.first_hour import settle  # noqa: PLC0415 - seconds

        settle(hours.start)  # before the definitions are loaded, which read it
        from chimera_assets.orchestration.runs.run_hours import run_hours  # noqa: PLC0415 - seconds

        return run_hours(hours, actor=actor, replay=replay, on_event=progress.step), log
