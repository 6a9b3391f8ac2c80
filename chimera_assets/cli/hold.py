"""`chimera hold`: its commands and their options; what each does is in `commands/`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from chimera_assets.cli import options as opt

group = typer.Typer(help="Legal holds: rows that nothing may delete.", no_args_is_help=True)


@group.command("list")
def hold_list(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Those released, too.")] = False,
    as_json: opt.AsJson = False,
) -> int:
    """Show the legal holds: what is held, by whom, why, since when."""
    from chimera_assets.commands.holds import show_list

    return show_list(everything=everything, as_json=as_json)


@group.command("add")
def hold_add(  # noqa: PLR0913
    *,
    reason: opt.Why,
    stream: opt.Stream = None,
    tenant: Annotated[str | None, typer.Option(help="Only rows of this tenant.")] = None,
    first: opt.From = None,
    end: opt.To = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every row of every stream; else say which.")
    ] = False,
    by: opt.Who = None,
) -> int:
    """Keep rows from retention and purge until the hold is released."""
    from chimera_assets.commands.arguments import parse_whole_hour
    from chimera_assets.commands.holds import add

    return add(
        stream=stream,
        tenant=tenant,
        start=parse_whole_hour(first, "--from") if first is not None else None,
        end=parse_whole_hour(end, "--to") if end is not None else None,
        everything=everything,
        by=by,
        reason=reason,
        now=datetime.now(UTC),
    )


@group.command("release")
def hold_release(
    hold_id: Annotated[str, typer.Argument(metavar="HOLD", help="See `chimera hold list`.")],
    *,
    reason: opt.Why,
    by: opt.Who = None,
) -> int:
    """Let a hold go. What is past its time is deleted by the next upkeep."""
    from chimera_assets.commands.holds import release

    return release(hold_id, by=by, reason=reason, now=datetime.now(UTC))
