"""The summary of a run: rows, checks, time of each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from chimera_assets.commands.invocation import command_line
from chimera_assets.commands.terminal import Seconds, notes, out, percent, print_json, print_table
from chimera_assets.errors import counted, one_line
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.interrupts import exit_code, in_words
from chimera_assets.lake import open_lake
from chimera_assets.layers import STAGED
from chimera_assets.runs.gate_names import WARNINGS
from chimera_assets.system_tables import run_counts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from chimera_assets.hours import HourRange
    from chimera_assets.orchestration.runs.run_hours import RunSummary
    from chimera_assets.orchestration.runs.run_record import StepRun

_LISTED = 12

#: So much of a cause people are shown; `--json` has all of it.
_CAUSE = 500


def as_json(run: RunSummary) -> None:
    """Print a run's summary as JSON."""
    print_json(
        {
            "run_id": run.run_id,
            "hours": {"start": run.hours.start, "end": run.hours.end, "count": len(run.hours)},
            "success": run.success,
            "seconds": round(run.seconds, 3),
            "steps": [_step(run, number) for number in range(len(run.steps))],
            "checks": _checks(run),
            "streams": run_counts.of_streams(open_lake(), run.run_id).to_dicts(),
            "quarantined": run_counts.reasons(open_lake(), run.run_id).to_dicts(),
            "blocked_hours": run_counts.blocked_hours(open_lake(), run.run_id).to_dicts(),
            "failures": [{"step": step.step, "cause": step.cause} for step in run.failed],
        }
    )


def as_tables(run: RunSummary) -> None:
    """Print a run's summary for people: counts, reasons, steps, checks."""
    columns = ("stream", "extracted", "staged", "quarantined", "duplicates", "pass rate")
    streams = run_counts.of_streams(open_lake(), run.run_id)
    if not streams.is_empty():
        rows = ([*row.values(), _pass_rate(row)] for row in streams.iter_rows(named=True))
        print_table(columns, rows, title="Rows of this run")
    reasons = run_counts.reasons(open_lake(), run.run_id)
    if not reasons.is_empty():
        print_table(
            ("stream", "reason", "rows"), reasons.iter_rows(), title="Quarantined by reason"
        )
    if warned := list(_warned(run)):
        print_table(("rule or check", "asset", "hours", "rows"), warned, title="Warned")
    steps = (_step(run, number).values() for number in range(len(run.steps)))
    print_table(
        ("step", "outcome", "seconds", "rows", "rows/s"),
        ((step, outcome, Seconds(took), *rows) for step, outcome, took, *rows in steps),
        title="Steps",
    )
    if run.checks:
        out().print(_checks_in_words(run))


def problems(run: RunSummary, log: Path) -> int:
    """Say on the error stream what went wrong; gives the command's exit code."""
    blocked = run_counts.blocked_hours(open_lake(), run.run_id)
    for line in _blocked_lines(blocked):
        notes().print(f"[red]blocked[/] {escape(line)}", soft_wrap=True)
    by_cause: dict[str, list[str]] = {}
    for step in run.failed:
        by_cause.setdefault(step.cause, []).append(step.step)
    for cause, steps in by_cause.items():
        more = " (--json has all of it)" if len(cause) > _CAUSE else ""
        said = escape(one_line(cause, _CAUSE)) + more
        notes().print(f"[red]failed[/] {escape(', '.join(steps))}: {said}", soft_wrap=True)
    if run.interrupted:
        said = f"{in_words()}: the run is cancelled. {command_line()} goes on with its hours."
        notes().print(said, markup=False, soft_wrap=True)
    elif run.success and blocked.is_empty():
        return 0
    hint = f"Dagster run {run.run_id}; what it printed: {log}"
    if not blocked.is_empty():
        hint = f"chimera quarantine list shows the rows. {hint}"
    notes().print(hint, markup=False, soft_wrap=True)
    return exit_code() if run.interrupted else 1


def _blocked_lines(blocked: pl.DataFrame) -> list[str]:
    """A line a stream, naming its blocked hours."""
    lines: list[str] = []
    for (stream,), hours in blocked.group_by("stream", maintain_order=True):
        named = [f"{h['hour']} ({percent(h['pass_rate'])})" for h in hours.iter_rows(named=True)]
        more = f" and {len(named) - _LISTED:,} more" if len(named) > _LISTED else ""
        lines.append(f"{stream}: {', '.join(named[:_LISTED])}{more}")
    return lines


def _step(run: RunSummary, number: int) -> dict[str, Any]:
    step = run.steps[number]
    rows = _rows(step, run.hours) if step.outcome == "succeeded" else None
    return {
        "step": step.step,
        "outcome": step.outcome,
        "seconds": round(step.seconds, 3),
        "rows": rows,
        "rows_per_second": round(rows / step.seconds) if rows and step.seconds else None,
    }


def _rows(step: StepRun, hours: HourRange) -> int | None:
    """How many rows a step's tables have in some hours; None if it wrote none."""
    tables = [open_lake().table(layer, name) for layer, name in step.tables]
    counts = [
        table.count(hours if set(HOUR_COLUMNS) <= set(table.partition_columns()) else None)
        for table in tables
        if table.exists()
    ]
    return sum(counts) if counts else None


def _checks(run: RunSummary) -> dict[str, int]:
    found = run.checks.values()
    return {
        "passed": sum(check.passed for check in found),
        "warned": sum(check.warned for check in found),
        "failed": sum(check.failed for check in found),
    }


def _checks_in_words(run: RunSummary) -> str:
    """How many asset checks passed, however often each was evaluated: once, or once an hour."""
    checks = run.checks.values()
    failed = sum(check.failed > 0 for check in checks)
    warned = sum(check.warned > 0 and not check.failed for check in checks)
    passed = f"{len(checks) - failed - warned:,} of {counted(len(checks), 'asset check')}"
    by_what = " (by the rules and checks listed above)" if warned else ""
    # The pages show it as failed of old hours, and it says nothing of the hours that were run.
    lag = " (how late the newest hour is, event_lag, is not counted)" if run.lag_checked else ""
    return f"{passed} passed in every hour, {warned:,} warned{by_what}, {failed:,} failed{lag}."


def _warned(run: RunSummary) -> Iterator[tuple[str, str, int, int | None]]:
    """What warned: rule or check, asset, in how many hours, by how many rows if it is of rows."""
    for rule, stream, hours, rows in run_counts.warnings(open_lake(), run.run_id).iter_rows():
        yield rule, f"{STAGED}/{stream}", hours, rows
    for name, check in run.checks.items():
        asset, _, of_asset = name.partition(": ")
        if check.warned and of_asset != WARNINGS:  # its rules are named above
            yield of_asset, asset, check.warned, None


def _pass_rate(row: dict[str, Any]) -> str | None:
    return percent(1 - row["quarantined"] / row["extracted"]) if row["extracted"] else None
