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
    from collections.abc import Mapping

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
    if not force:
        demo_mark.require_ours(url, lake=False)
    print_table(("table", "rows"), fill(url, hours, rows_per_hour=rows_per_hour, seed=seed).items())
    if not force:
        demo_mark.leave(url, lake=False)
    return 0


def fill(url: str, hours: HourRange, *, rows_per_hour: int, seed: int) -> Mapping[str, int]:
    """Make the tables and fill them; table -> rows that are new."""
    init_source(url)
    return simulate(url, hours, rows_per_hour=rows_per_hour, seed=seed)
