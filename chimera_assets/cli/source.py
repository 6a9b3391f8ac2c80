"""`chimera source`: its commands and their options; what each does is in `commands/`."""

from datetime import UTC, datetime

import typer

from chimera_assets.cli import options as opt

group = typer.Typer(help="The operational database that events come from.", no_args_is_help=True)


@group.command("init")
def source_init() -> int:
    """Make the operational tables where they are missing."""
    from chimera_assets.commands.source import init

    return init(now=datetime.now(UTC))


@group.command("simulate")
def source_simulate(
    *,
    start: opt.Start,
    end: opt.End,
    rows_per_hour: opt.RowsPerHour = 1000,
    seed: opt.Seed = 42,
    force: opt.Force = False,
) -> int:
    """Fill the operational tables with realistic traffic."""
    from chimera_assets.commands.source import simulate_range

    return simulate_range(
        start,
        end,
        rows_per_hour=rows_per_hour,
        seed=seed,
        force=force,
        now=datetime.now(UTC),
    )
