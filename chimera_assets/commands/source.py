"""`chimera source`: the operational tables, and simulated traffic in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.commands import demo_mark
from chimera_assets.commands.arguments import hours_between
from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.past_retention import say_past_retention
from chimera_assets.commands.terminal import notes, print_table
from chimera_assets.postgres.address import describe
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.settings import get_settings
from chimera_assets.simulator import simulate
from chimera_assets.sources.schema import init_source

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.hours import HourRange


def init(*, now: datetime) -> int:
    """Make the operational tables where they are missing."""
    url = source_database_url(get_settings())
    with command_context(now).change("source.init", describe(url)):
        init_source(url)
    notes().print(f"The operational tables are in {describe(url)}.", markup=False)
    return 0


def simulate_range(  # noqa: PLR0913 - the options of one command
    start: str, end: str, *, rows_per_hour: int, seed: int, force: bool, now: datetime
) -> int:
    """Fill the operational tables with the traffic of some hours."""
    hours = hours_between(start, end)
    url = source_database_url(get_settings())
    context = command_context(now)
    claim(context, url, lake=False, force=force)
    say_past_retention(hours, now)
    rows = fill(context, url, hours, rows_per_hour=rows_per_hour, seed=seed)
    print_table(("table", "rows added"), rows.items())
    return 0


def claim(context: AuditedContext, url: str, *, lake: bool, force: bool) -> None:
    """Make the operational tables, and sure that simulated rows may go there.

    Args:
        context: Who asks for it.
        url: The operational database.
        lake: Whether the lake is going to be filled from it, too.
        force: Do not ask whose rows are there.

    Raises:
        ArgumentError: There are rows of somebody's own, and force was not asked for.
        AuditError: The audit log cannot be written.
        SourceError: The database cannot be reached, or refuses.
    """
    if not force:
        demo_mark.require_ours(url, lake=lake)
    with context.change("source.init", describe(url)):
        init_source(url)
        if not force:
            # Before the first row: what is interrupted can be run again.
            demo_mark.leave(url, lake=lake)


def fill(
    context: AuditedContext, url: str, hours: HourRange, *, rows_per_hour: int, seed: int
) -> dict[str, int]:
    """Fill the operational tables with the traffic of some hours; table -> rows added.

    Raises:
        AuditError: The audit log cannot be written.
        SourceError: The database cannot be reached, or refuses.
    """
    said = {"hours": str(hours), "rows_per_hour": rows_per_hour, "seed": seed}
    with (
        context.change("source.simulate", describe(url), after=said),
        notes().status("simulating") as status,
    ):
        return simulate(
            url,
            hours,
            seed=seed,
            rows_per_hour=rows_per_hour,
            on_progress=lambda done, of: status.update(f"simulating, {done} of {of} hours"),
        )
