"""`chimera demo`: a week of simulated traffic, run through all layers, and a summary."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from chimera_assets.commands import source, summary
from chimera_assets.commands.backfill import run_shown
from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.invocation import command_name
from chimera_assets.commands.past_retention import say_past_retention
from chimera_assets.commands.terminal import notes, out, print_table
from chimera_assets.errors import ArgumentError, counted
from chimera_assets.hours import HourRange, floor_hour
from chimera_assets.lake import open_lake
from chimera_assets.orchestration.runs.ended_runs import runs_here
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.postgres.address import describe
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.reports.making import make_report
from chimera_assets.reports.order import Order
from chimera_assets.reports.periods import parse_period
from chimera_assets.reports.rendering.packages import MissingPackageError
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.orchestration.runs.run_hours import RunSummary
    from chimera_assets.reports.build import Made

_NEXT = (
    ("up", "Dagster's pages on http://127.0.0.1:3000: assets, checks, lineage"),
    ("status", "how far and how good each stream is"),
    ("quarantine list", "the rows that broke a rule"),
)
_READ = "the metrics of every hour"


def run_demo(*, days: int, rows_per_hour: int, seed: int, force: bool, now: datetime) -> int:
    """Make the tables, fill them, run the hours, print a summary; safe to repeat.

    Args:
        days: How many days, the last of which ended last midnight (UTC).
        rows_per_hour: What the rows of an hour are counted by; see `simulate`.
        seed: The same seed and days give the same rows.
        force: Use a database or a lake that holds rows that are not the demo's.
        now: The present.

    Raises:
        ArgumentError: The database or the lake holds such rows; or the days are before
            CHIMERA_START.
    """
    began = time.perf_counter()
    settings = get_settings()
    hours = _days(now, days, settings.start)
    lake = open_lake()
    url = source_database_url(settings)
    context = command_context(now)
    source.claim(context, url, lake=True, force=force)
    notes().print(f"1/4  a database with its tables  {describe(url)}", markup=False)
    notes().print(f"2/4  {counted(len(hours), 'hour')} of traffic, {hours}", markup=False)
    say_past_retention(hours, now)
    rows = source.fill(context, url, hours, rows_per_hour=rows_per_hour, seed=seed)
    notes().print(f"     {simulated(rows)}")
    notes().print(f"3/4  through all layers of the lake  {lake.uri}", markup=False)
    run, log = run_shown(hours, actor=context.actor)
    if not run.interrupted:
        notes().print("4/4  the report of these days, signed")
        made = _report(context, hours)
    _print_summary(run)
    code = summary.problems(run, log)
    if run.interrupted:
        return code
    if made is not None:
        out().print("The report of these days, as PDF; HTML, CSV, XLSX and JSON lie beside it:")
        out().print(f"  {made.place}/report.pdf", markup=False, soft_wrap=True)
    out().print()
    out().print(f"In all {time.perf_counter() - began:.0f} seconds. What to open next:")
    called = command_name()
    commands = [(f"{called} {does}", shows) for does, shows in _next(made)]
    longest = max(len(command) for command, _ in commands)
    for command, shows in commands:
        out().print(f"  {command:<{longest}}  {shows}", markup=False, soft_wrap=True)
    end = f"The traffic ends at {hours.end:%Y-%m-%d %H:%M} UTC"
    out().print(f"{end}: from some hours after it on, streams count as late.", soft_wrap=True)
    return code


def _report(context: AuditedContext, hours: HourRange) -> Made | None:
    """Build the report of all days of the demo; None where what it needs is not installed."""
    period = parse_period(f"{hours.start:%Y-%m-%d}..{hours.end:%Y-%m-%d}")
    try:
        # What it says of the present is of after the runs.
        built = replace(context, now=datetime.now(UTC))
        return make_report(built, Order(period), runs_here)
    except MissingPackageError as error:
        notes().print(f"     {error}", markup=False)
        return None


def simulated(added: dict[str, int]) -> str:
    """The rows that were added; of traffic that was made before there are none."""
    if not any(added.values()):
        return "all of it is there already"
    return ", ".join(f"{count:,} {table}" for table, count in added.items())


def _next(made: Made | None) -> Iterator[tuple[str, str]]:
    """The commands that are worth trying next, and what each shows."""
    yield from _NEXT
    yield from _tables_to_read()
    if made is not None:
        yield f"report verify {made.report.name}", "whether every byte of the report is sound"
        yield f"report reproduce {made.report.name}", "its figures, computed again"
        yield "audit verify", "whether anything was changed unseen"


def _tables_to_read() -> list[tuple[str, str]]:
    """The aggregate that the packs name first, if there is one."""
    there = {name for layer, name in open_lake().tables() if layer == "aggregates"}
    names = [one.table for one in active_aggregates() if one.table in there]
    return [(f"table read aggregates/{name}", _READ) for name in names[:1]]


def _days(now: datetime, days: int, earliest: datetime) -> HourRange:
    midnight = floor_hour(now).replace(hour=0)
    start = midnight - timedelta(days=days)
    if start < earliest:
        msg = f"--days: expected days since CHIMERA_START, {earliest:%Y-%m-%d}, found {days}"
        raise ArgumentError(msg)
    return HourRange(start, midnight)


def _print_summary(run: RunSummary) -> None:
    """Rows a layer, then the run's own summary."""
    lake = open_lake()
    rows: list[tuple[str, str, int]] = []
    for layer, tables in groupby(lake.tables(), key=lambda table: table[0]):
        counts = [(name, lake.table(layer, name).count()) for _, name in tables]
        listed = ", ".join(f"{name} {count:,}" for name, count in counts)
        rows.append((layer, listed, sum(count for _, count in counts)))
    print_table(("layer", "tables", "rows"), rows, title="Rows in the lake")
    summary.as_tables(run)
