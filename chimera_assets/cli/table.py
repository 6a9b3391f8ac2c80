"""`chimera table`: its commands and their options; what each does is in `commands/`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from chimera_assets.cli import options as opt
from chimera_assets.cli.confirmation import confirm
from chimera_assets.hours import LONGEST_DAYS

group = typer.Typer(help="The Delta tables, their past and their upkeep.", no_args_is_help=True)


@group.command("list")
def table_list(*, as_json: opt.AsJson = False) -> int:
    """Show every table: rows, version, files, size."""
    from chimera_assets.commands.tables import show_list

    return show_list(as_json=as_json)


@group.command("history")
def table_history(
    name: opt.TableName,
    *,
    schema: Annotated[
        bool, typer.Option("--schema", help="Instead: how its columns and contract changed.")
    ] = False,
    limit: opt.Limit = 20,
    as_json: opt.AsJson = False,
) -> int:
    """Show the commits of a table, newest first."""
    if schema:
        from chimera_assets.commands.schema_history import show_schemas

        return show_schemas(name, limit=limit, as_json=as_json)
    from chimera_assets.commands.tables import show_history

    return show_history(name, limit=limit, as_json=as_json)


@group.command("read")
def table_read(  # noqa: PLR0913
    name: opt.TableName,
    *,
    as_of: opt.AsOf = None,
    hours: opt.Hours = None,
    columns: opt.Columns = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=opt.MOST,
            help="Rows at most, 0 for all. A table: 20, at most 1,000.",
        ),
    ] = None,
    form: opt.Form = "table",
    raw: opt.Raw = False,
    reveal: opt.Reveal = False,
) -> int:
    """Print rows of a table, as it is or as it was."""
    from chimera_assets.commands.arguments import parse_hours, parse_names, parse_version
    from chimera_assets.commands.rows import parse_format
    from chimera_assets.commands.tables import show_rows

    return show_rows(
        name,
        as_of=parse_version(as_of) if as_of is not None else None,
        hours=parse_hours(hours) if hours is not None else None,
        columns=parse_names(columns, "--columns") if columns is not None else None,
        limit=limit,
        form=parse_format(form),
        raw=raw,
        reveal=reveal,
        now=datetime.now(UTC),
    )


@group.command("profile")
def table_profile(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="A stream, orders say.")],
    *,
    hours: opt.Hours = None,
    as_json: opt.AsJson = False,
) -> int:
    """Show what a stream's columns are like, beside the hours before."""
    from chimera_assets.commands.arguments import parse_hours
    from chimera_assets.commands.profiles import show_profile

    chosen = parse_hours(hours) if hours is not None else None
    return show_profile(stream, chosen, as_json=as_json)


@group.command("restore")
def table_restore(name: opt.TableName, *, target: opt.Target, yes: opt.Yes = False) -> int:
    """Make a table again what it was. This is a new version, nothing is deleted."""
    from chimera_assets.commands.arguments import parse_version
    from chimera_assets.commands.tables import restore

    version = parse_version(target)
    confirm(f"Make {name} again what it was at {target}?", yes=yes)
    return restore(name, version, now=datetime.now(UTC))


@group.command("optimize")
def table_optimize(
    name: opt.TableName,
    *,
    hours: opt.Hours = None,
    z_order: Annotated[
        str | None, typer.Option(help="Order rows by these columns, separated by commas.")
    ] = None,
) -> int:
    """Merge the small files of each hour."""
    from chimera_assets.commands.arguments import parse_hours, parse_names
    from chimera_assets.commands.tables import optimize

    return optimize(
        name,
        hours=parse_hours(hours) if hours is not None else None,
        z_order=parse_names(z_order, "--z-order") if z_order is not None else (),
        now=datetime.now(UTC),
    )


@group.command("vacuum")
def table_vacuum(
    name: opt.TableName,
    *,
    days: Annotated[
        float | None,
        typer.Option(
            min=0, max=LONGEST_DAYS, callback=opt.number, help="Keep the past of so many days."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the files.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Also files no version knows.")] = False,
    yes: opt.Yes = False,
) -> int:
    """Delete files that only old versions need."""
    from chimera_assets.commands.tables import vacuum

    if days is not None and days < 1 and not dry_run:
        # A run that is writing has files that no version knows yet.
        confirm(f"Keep only {days:g} days of {name}? No run may be writing it now.", yes=yes)
    return vacuum(name, days=days, dry_run=dry_run, full=full, now=datetime.now(UTC))
