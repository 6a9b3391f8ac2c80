"""`chimera quarantine replay`: rejected rows judged again, and what now passes published."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.commands import summary
from chimera_assets.commands.backfill import run_shown
from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.quarantine_filters import require_reason, require_stream
from chimera_assets.commands.terminal import notes, out, print_json, print_table
from chimera_assets.contracts import contracts
from chimera_assets.hour_columns import hour_starts
from chimera_assets.hours import partition_key
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.quality.replay import ReplayPlan, keep_replay, plan_replay
from chimera_assets.settings import get_settings
from chimera_assets.sources.postgres import PostgresSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chimera_assets.hours import HourRange


def replay(  # noqa: PLR0913 - the options of one command
    *,
    stream: str | None,
    hours: HourRange | None,
    reason: str | None,
    dry_run: bool,
    as_json: bool,
    now: datetime,
) -> int:
    """Judge again, and publish what now passes; 1 if a run failed or an hour stays blocked.

    Raises:
        ArgumentError: There is no such stream, or no such reason.
    """
    plan = _plan(stream, hours, reason, now)
    if not as_json:
        _print_prospects(plan.prospects)
    code, done = (0, []) if dry_run else _run(plan, now)
    if as_json:
        print_json(
            {
                "prospects": [
                    {"stream": name, **row}
                    for name, rows in plan.prospects.items()
                    for row in rows.iter_rows(named=True)
                ],
                "replayed": [row for rows in done for row in rows.to_dicts()],
            }
        )
    elif done:
        _print_done(pl.concat(done))
    return code


def _plan(
    stream: str | None, hours: HourRange | None, reason: str | None, now: datetime
) -> ReplayPlan:
    context = command_context(now, dry_run=True)
    require_stream(context.lake, stream)
    require_reason(context.lake, reason)
    streams = [
        name
        for name, contract in contracts().items()
        if contract.kind == "stream" and stream in {None, name}
    ]
    return plan_replay(context, _source, streams=streams, hours=hours, reason=reason)


def _source() -> PostgresSource:
    return PostgresSource(source_database_url(get_settings()))


def _run(plan: ReplayPlan, now: datetime) -> tuple[int, list[pl.DataFrame]]:
    """Run the hours that gain, range by range; the exit code, and the records."""
    code, done, gains = 0, [], plan.gains
    context = command_context(now, dry_run=not any(rows.height for rows in gains.values()))
    for hours in plan.ranges(context.lake):
        run, log = run_shown(hours, replay=True, actor=context.actor)
        code = max(code, summary.problems(run, log))
        if run.interrupted:
            break
        for name, rows in gains.items():
            theirs = rows.filter(pl.Series([hour in hours for hour in hour_starts(rows)]))
            if not theirs.is_empty():
                contract = contracts()[name]
                of_run = replace(context, run_id=run.run_id)
                done.append(keep_replay(of_run, contract, theirs))
    return code, done


def _print_prospects(found: Mapping[str, pl.DataFrame]) -> None:
    if not found:
        out().print("No rows in quarantine wait for a replay.")
        return
    print_table(
        ("stream", "hours", "waiting", "would pass", "blocked hours", "hours to publish", "gone"),
        (
            (
                name,
                rows.height,
                int(rows["waiting"].sum()),
                int(rows["passing"].sum()),
                int(rows["blocked"].sum()),
                int(rows["gains"].sum()),
                int(rows["gone"].sum()),
            )
            for name, rows in found.items()
        ),
        title="Judged again by today's contract",
    )
    if any(rows["gone"].any() for rows in found.values()):
        notes().print("Of hours that are gone, raw has no rows any more: nothing is left to judge.")


def _print_done(done: pl.DataFrame) -> None:
    hours = [partition_key(hour) for hour in hour_starts(done)]
    print_table(
        ("stream", "hour", "waited", "published", "rejected again"),
        (
            (
                row["stream"],
                hour,
                row["waiting"],
                row["waiting"] - row["rejected_again"],
                row["rejected_again"],
            )
            for hour, row in zip(hours, done.iter_rows(named=True), strict=True)
        ),
        title="Replayed; kept in quality/replays",
    )
