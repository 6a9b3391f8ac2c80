"""`chimera contract migrate`: a stream's tables rewritten by its changed contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.commands import summary
from chimera_assets.commands.backfill import run_shown
from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.terminal import notes, out, print_table
from chimera_assets.contracts import contracts
from chimera_assets.errors import ArgumentError, counted
from chimera_assets.hour_columns import hour_starts
from chimera_assets.hour_ranges import parts
from chimera_assets.hours import ONE_HOUR, HourRange
from chimera_assets.lake import open_lake
from chimera_assets.layers import MARTS, STAGED, fact_table
from chimera_assets.packs import active_packs
from chimera_assets.packs.models import streams_with_facts
from chimera_assets.quality.migration.claim import claimed
from chimera_assets.quality.migration.losses import in_words, outcome
from chimera_assets.quality.migration.migrate import migrate_tables, plan_migration
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.lake import Lake
    from chimera_assets.quality.migration.losses import Outcome
    from chimera_assets.quality.migration.migrate import MigrationPlan

#: Hours whose facts and aggregates are built in one run.
_HOURS_A_RUN = 31 * 24


def plan_of(stream: str) -> MigrationPlan:
    """What a migration of a stream would do.

    Raises:
        ArgumentError: No such stream runs, or it is a reference table.
    """
    known = contracts()
    if stream not in known:
        msg = f"{stream}: expected a stream that runs, {one_of(known, stream)}"
        raise ArgumentError(msg)
    return plan_migration(open_lake(), known[stream])


def show_plan(plan: MigrationPlan) -> None:
    """Print what a migration would do."""
    stream, found = plan.contract.stream, plan.differences
    if not plan.needed:
        out().print(f"{stream}: its tables are as its contract says; there is nothing to migrate.")
        return
    if plan.interrupted:
        out().print(f"{stream}: a migration was begun and has not ended; this goes on with it.")
    if found.key is not None:
        was, now = ", ".join(found.key), ", ".join(plan.contract.key)
        out().print(f"key: {was} becomes {now}", markup=False)
    if found.retyped:
        rows = (
            (one.table, one.column, one.found, one.wanted, one.values, one.lost)
            for one in found.retyped
        )
        print_table(("table", "column", "type", "becomes", "values", "none of it"), rows)
    for one in plan.staged:
        if one.lost:
            out().print(f"Lost of what is published: {in_words(one)}.", markup=False)
    if plan.by_key:
        out().print(f"Lost of what is published: {plan.by_key.in_words()}.", markup=False)
    size = f"{counted(plan.rows, 'row')} in {counted(plan.hours, 'hour')}"
    out().print(f"To rewrite: {size}, beside the tables, which are read as they are until then.")


def migrate(plan: MigrationPlan, *, reason: str, lose_values: bool, now: datetime) -> int:
    """Rewrite a stream's tables, and build what is made of them; 1 if a step of that failed.

    Raises:
        ArgumentError: No reason is named.
        BegunElsewhere: Another installation has a migration of the stream under way.
        OthersAtWork: Another process migrates it; nothing was changed.
        CommitConflict: Others kept writing hours of the stream; nothing was changed.
        PublishedLost: Less would be published, and that was not asked for; nothing was changed.
    """
    context, stream = command_context(now), plan.contract.stream
    made = 0

    def said(hours: int) -> None:
        nonlocal made
        made += hours
        notes().print(f"{stream}: {counted(made, 'hour')} made anew")

    with claimed(context, stream) as claim:
        left = migrate_tables(
            context, plan, claim, reason=reason, lose_values=lose_values, on_hours=said
        )
        columns, new_key = [one.column for one in plan.staged], plan.differences.key is not None
        became = outcome(context.lake, left, plan.contract, columns, new_key=new_key)
        code, ended = _build(context, stream)
        if ended:  # well or not, nothing that is beside is of use any more
            left.remove()
            _show_outcome(stream, became)
    return code


def _show_outcome(stream: str, became: Outcome) -> None:
    """Print what has become of a stream."""
    out().print(f"{stream}: migrated. `chimera table history {STAGED}/{stream}` has what was.")
    rejected, blocked = counted(became.rejected, "row"), counted(became.blocked, "hour")
    shown = f" (`chimera quarantine list --stream {stream}`)" if became.rejected else ""
    duplicates = counted(became.duplicates, "row")
    left_out = f", {duplicates} left out as duplicates" if became.duplicates else ""
    out().print(f"{rejected} rejected{shown}{left_out}, {blocked} blocked.", markup=False)
    if became.sharing:
        hours = counted(became.sharing, "hour")
        out().print(
            f"The key is not unique: rows of {hours} have one that is in other hours, too; "
            "`chimera verify` names them."
        )
    for column, nulls in became.nulls.items():
        rows = counted(became.published, "published row")
        out().print(f"{column}: null in {nulls:,} of {rows}.", markup=False)


def _build(context: AuditedContext, stream: str) -> tuple[int, bool]:
    """Build facts and aggregates of all hours.

    Returns:
        The exit code, 1 if a step failed; whether all hours were run, and not interrupted.
    """
    ended_with = 0
    for hours in _built_hours(context.lake, stream):
        run, log = run_shown(hours, actor=context.actor, made_of=stream)
        code = summary.problems(run, log)
        if run.interrupted:
            return code, False
        if code:
            again = f"chimera backfill {_span(hours)} --stream {stream}"
            notes().print(f"`{again}` runs these hours again.", markup=False, soft_wrap=True)
            ended_with = code
    return ended_with, True


def _built_hours(lake: Lake, stream: str) -> Iterator[HourRange]:
    """The hours of which facts are made, or were; none if the stream has none."""
    if stream not in streams_with_facts(active_packs()):
        return
    tables = (lake.table(STAGED, stream), lake.table(MARTS, fact_table(stream)))
    there = {hour for one in tables if one.exists() for hour in hour_starts(one.rows_by_hour())}
    if there:
        for some in parts(HourRange(min(there), max(there) + ONE_HOUR), _HOURS_A_RUN):
            if not there.isdisjoint(some):
                yield some


def _span(hours: HourRange) -> str:
    return f"--start {hours.start:%Y-%m-%dT%H:%MZ} --end {hours.end:%Y-%m-%dT%H:%MZ}"
