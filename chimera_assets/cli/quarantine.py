"""`chimera quarantine`: its commands and their options; what each does is in `commands/`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from chimera_assets.cli import options as opt
from chimera_assets.hours import LONGEST_DAYS

group = typer.Typer(help="The rows that broke a rule, and why.", no_args_is_help=True)


@group.command("list")
def quarantine_list(  # noqa: PLR0913
    *,
    stream: opt.Stream = None,
    hour: opt.Hour = None,
    first: opt.From = None,
    end: opt.To = None,
    reason: opt.Reason = None,
    limit: opt.Limit = 20,
    as_json: opt.AsJson = False,
) -> int:
    """Show rejected rows by reason, and their keys."""
    from chimera_assets.commands.arguments import chosen_hours
    from chimera_assets.commands.quarantine import show_list

    hours = chosen_hours(hour, first, end)
    return show_list(stream=stream, hours=hours, reason=reason, limit=limit, as_json=as_json)


@group.command("show")
def quarantine_show(
    key: opt.Key,
    *,
    stream: opt.Stream = None,
    hour: opt.Hour = None,
    reveal: opt.Reveal = False,
) -> int:
    """Show a rejected row: every reason, and its original values."""
    from chimera_assets.commands.arguments import chosen_hours
    from chimera_assets.commands.quarantine import show_rows

    hours = chosen_hours(hour, None, None)
    return show_rows(key, stream=stream, hours=hours, reveal=reveal, now=datetime.now(UTC))


@group.command("replay")
def quarantine_replay(  # noqa: PLR0913
    *,
    stream: opt.Stream = None,
    hour: opt.Hour = None,
    first: opt.From = None,
    end: opt.To = None,
    reason: opt.Reason = None,
    dry_run: opt.DryRun = False,
    as_json: opt.AsJson = False,
) -> int:
    """Judge rejected rows again. By today's contract; what passes is published."""
    from chimera_assets.commands.arguments import chosen_hours
    from chimera_assets.commands.replay import replay

    return replay(
        stream=stream,
        hours=chosen_hours(hour, first, end),
        reason=reason,
        dry_run=dry_run,
        as_json=as_json,
        now=datetime.now(UTC),
    )


@group.command("purge")
def quarantine_purge(
    *,
    older_than_days: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=LONGEST_DAYS,
            callback=opt.number,
            help="Their age. Default: as the contract says.",
        ),
    ] = None,
    stream: opt.Stream = None,
    dry_run: opt.DryRun = False,
    as_json: opt.AsJson = False,
) -> int:
    """Drop rejected rows that waited long enough. Legal holds keep theirs."""
    from chimera_assets.commands.quarantine import purge_old

    return purge_old(
        stream=stream,
        days=older_than_days,
        dry_run=dry_run,
        as_json=as_json,
        now=datetime.now(UTC),
    )
