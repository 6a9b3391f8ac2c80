"""`chimera backfill`: run a range of hours through all layers, in one Dagster run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.access.principal import Principal
from chimera_assets.commands import summary
from chimera_assets.commands.arguments import past_hours
from chimera_assets.commands.past_retention import say_past_retention
from chimera_assets.commands.progress import Progress, quietly
from chimera_assets.commands.terminal import notes
from chimera_assets.contracts import contracts
from chimera_assets.errors import ArgumentError, counted
from chimera_assets.settings import get_settings
from chimera_assets.warehouse.dbt_process import start_dbt
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.hours import HourRange
    from chimera_assets.orchestration.runs.run_hours import RunSummary


def backfill(
    start: str, end: str, *, streams: Sequence[str] | None, as_json: bool, now: datetime
) -> int:
    """Run the hourly job over a range; 1 if a step failed or an hour was blocked.

    Args:
        start: The first hour.
        end: The hour after the last one.
        streams: Only these streams, and what is made of them; None is all.
        as_json: Whether to print JSON.
        now: The present.

    Raises:
        ArgumentError: A stream does not run, or the hours are no hours that are over.
    """
    for stream in streams or ():
        _require_hourly(stream)
    hours = past_hours(start, end, earliest=get_settings().start, now=now)
    _ = get_settings().resolved_lake_uri  # a mistake in it costs no start of Dagster
    of_streams = f" of {', '.join(streams)}" if streams is not None else ""
    notes().print(f"{counted(len(hours), 'hour')}{of_streams}, {hours}, in one run", markup=False)
    say_past_retention(hours, now)
    run, log = run_shown(hours, actor=Principal.of_command(), streams=streams)
    if as_json:
        summary.as_json(run)
    else:
        summary.as_tables(run)
    code = summary.problems(run, log)
    notes().print(f"{'Done' if code == 0 else 'Ended'} in {run.seconds:.1f} s.")
    return code


def _require_hourly(stream: str) -> None:
    hourly = [name for name, contract in contracts().items() if contract.kind == "stream"]
    if stream not in hourly:
        msg = f"--stream: expected {one_of(hourly, stream)}; found {stream}"
        raise ArgumentError(msg)


def run_shown(
    hours: HourRange,
    *,
    actor: Principal,
    replay: bool = False,
    streams: Sequence[str] | None = None,
    made_of: str | None = None,
) -> tuple[RunSummary, Path]:
    """Run the hourly job, its progress shown; the summary, and the file of what it printed."""
    with (
        quietly(get_settings().home_folder("logs")) as (console, log),
        Progress(console) as progress,
    ):
        progress.working_on("loading Dagster and dbt")
        if get_settings().executor == "in_process":
            start_dbt()
        from chimera_assets.orchestration.first_hour import settle  # noqa: PLC0415 - seconds

        settle(hours.start)  # before the definitions are loaded, which read it
        from chimera_assets.orchestration.runs.run_hours import run_hours  # noqa: PLC0415 - seconds

        done = run_hours(
            hours,
            actor=actor,
            replay=replay,
            streams=streams,
            made_of=made_of,
            on_event=progress.step,
        )
        return done, log
