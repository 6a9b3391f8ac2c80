"""`chimera source`: its commands and their options; what each does is in `commands/`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from chimera_assets.cli import options as opt

group = typer.Typer(help="The operational database that events come from.", no_args_is_help=True)

_Platform = Annotated[
    bool, typer.Option("--platform", help="The platform's own database, as its application.")
]


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


@group.command("url")
def source_url(
    *,
    platform: _Platform = False,
    password: Annotated[bool, typer.Option("--password", help="With it, on the record.")] = False,
) -> int:
    """Print the URL of the operational database; starts nothing."""
    from chimera_assets.commands.database_access import show_url

    return show_url(platform=platform, with_password=password, now=datetime.now(UTC))


@group.command("psql", context_settings={"ignore_unknown_options": True})
def source_psql(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[OPTIONS OF PSQL]", help="-c 'SELECT 1', say.")
    ] = None,
    *,
    platform: _Platform = False,
) -> int:
    """Run psql in the operational database, which is recorded."""
    from chimera_assets.commands.database_access import psql

    return psql(arguments or (), platform=platform, now=datetime.now(UTC))
