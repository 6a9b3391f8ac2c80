"""`chimera contract`: its commands and their options; what each does is in `commands/`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chimera_assets.cli import options as opt
from chimera_assets.cli.confirmation import confirm
from chimera_assets.errors import ArgumentError

group = typer.Typer(help="The contracts: what streams hold and promise.", no_args_is_help=True)


@group.command("list")
def contract_list(*, as_json: opt.AsJson = False) -> int:
    """Show every contract: version, columns, rules, pass rate, owner."""
    from chimera_assets.commands.contracts import show_list

    return show_list(as_json=as_json)


@group.command("check")
def contract_check(
    paths: opt.Paths = None,
    *,
    source: Annotated[
        bool, typer.Option("--source", help="Compare with the source's tables, too.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(metavar="DAYS", help="Try one file on rows of the last 30d or 12h."),
    ] = None,
) -> int:
    """Show every problem of contract files by file and line. Exit 1 on an error."""
    if against is not None:
        from chimera_assets.commands.contract_trial import show

        return show(opt.only(paths), against, now=datetime.now(UTC))
    from chimera_assets.commands.contracts import check

    return check(paths or (), source=source)


@group.command("new")
def contract_new(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="What it is to be called.")],
    *,
    table: Annotated[
        str | None, typer.Option("--from-table", help="A table of the source, as SQL writes it.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--from-file", callback=opt.usable, help="A file to be landed.")
    ] = None,
) -> int:
    """Print a first contract, drafted from a table or a file."""
    from chimera_assets.commands.contract_draft import write

    return write(stream, table=table, file=file)


@group.command("ddl")
def contract_ddl(
    file: Annotated[Path, typer.Argument(metavar="FILE", callback=opt.usable, help="A contract.")],
) -> int:
    """Print the source table that a contract asks for, as SQL."""
    from chimera_assets.commands.contracts import show_ddl

    return show_ddl(file)


@group.command("diff")
def contract_diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", callback=opt.usable)],
    new: Annotated[Path, typer.Argument(metavar="NEW", callback=opt.usable)],
) -> int:
    """Say what changed from OLD to NEW; exit 1 if it breaks a promise."""
    from chimera_assets.commands.contracts import show_diff

    return show_diff(old, new)


@group.command("migrate")
def contract_migrate(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="A stream, orders say.")],
    *,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; it is kept.")] = None,
    lose_values: Annotated[
        bool, typer.Option("--lose-values", help="Though published values or rows go.")
    ] = False,
    dry_run: opt.DryRun = False,
    yes: opt.Yes = False,
) -> int:
    """Rewrite a stream's tables after its types or key changed."""
    from chimera_assets.commands.contract_migration import migrate, plan_of, show_plan

    plan = plan_of(stream)
    show_plan(plan)
    if dry_run or not plan.needed:
        return 0
    if reason is None:
        msg = "--reason: expected why, which is kept, found nothing"
        raise ArgumentError(msg)
    if not lose_values:
        plan.require_nothing_lost()
    confirm(f"Rewrite the tables of {stream}?", yes=yes)
    return migrate(plan, reason=reason, lose_values=lose_values, now=datetime.now(UTC))


@group.command("sources")
def contract_sources(
    *,
    path: Annotated[
        Path | None, typer.Option(callback=opt.usable, help="One file. Default: one a pack.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether it is right.")] = False,
) -> int:
    """Write the dbt sources files of the packs from their contracts."""
    from chimera_assets.commands.contracts import write_sources

    return write_sources(path, check_only=check)
