"""`chimera source`: the operational tables, and simulated traffic in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.commands import demo_mark
from chimera_assets.commands.arguments import parse_range
from chimera_assets.commands.terminal import notes, print_table
from chimera_assets.embedded.postgres import source_database_url
from chimera_assets.settings import get_settings
from chimera_assets.sources.connection import describe
from chimera_assets.sources.schema import init_source
from chimera_assets.sources.simulator import simulate

if TYPE_CHECKING:
    from chimera_assets.hours import HourRange


def init() -> int:
    """Make the operational tables where they are missing."""
    url = source_database_url(get_settings())
    init_source(url)
    notes().print(f"The operational tables are in {describe(url)}.", markup=False)
    return 0


def simulate_range(start: str, end: str, *, rows_per_hour: int, seed: int, force: bool) -> int:
    """Fill the operational tables with the traffic of some hours."""
    hours = parse_range(start, end)
    url = source_database_url(get_settings())
    rows = fill(url, hours, rows_per_hour=rows_per_hour, seed=seed, force=force, lake=False)
    print_table(("table", "rows added"), rows.items())
    return 0


def fill(  # noqa: PLR0913 - the options of one command
    url: str, hours: HourRange, *, rows_per_hour: int, seed: int, force: bool, lake: bool
) -> dict[str, int]:
    """Make the tables and fill them with traffic; table -> rows added.

    Args:
        url: The operational database.
        hours: The hours of the traffic.
        rows_per_hour: Generations an hour, on average.
        seed: The same seed gives the same rows.
        force: Add to a database, or for a lake, that holds rows of somebody's own.
        lake: Whether the lake is going to be filled from them.

    Raises:
        ArgumentError: There are such rows, and force was not asked for.
        SourceError: The database cannot be reached, or refuses.
    """
    if not force:
        demo_mark.require_ours(url, lake=lake)
    init_source(url)
    if not force:
        # Before the first row: what is interrupted can be run again.
        demo_mark.leave(url, lake=lake)
    with notes().status("simulating") as status:
        return simulate(
            url,
            hours,
            seed=seed,
            rows_per_hour=rows_per_hour,
            on_progress=lambda done, of: status.update(f"simulating, {done} of {of} hours"),
        )
