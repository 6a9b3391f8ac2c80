"""`chimera landing`: its commands and their options; what each does is in `commands/`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from chimera_assets.cli import options as opt
from chimera_assets.cli.confirmation import confirm

group = typer.Typer(help="Landing files: loaded, read again, taken back.", no_args_is_help=True)

LandedFile = Annotated[
    str, typer.Argument(metavar="FILE", help="Its path or URI, or the end of it.")
]


@group.command("list")
def landing_list(
    *, stream: opt.Stream = None, limit: opt.Limit = 50, as_json: opt.AsJson = False
) -> int:
    """Show the files that were loaded, newest first."""
    from chimera_assets.commands.landed_files import show_list

    return show_list(stream=stream, limit=limit, as_json=as_json)


@group.command("reload")
def landing_reload(name: LandedFile, *, reason: opt.Why, yes: opt.Yes = False) -> int:
    """Read a file again that still lies there, in place of what landed of it; run its hours."""
    from chimera_assets.commands.landed_files import landed, reload

    _, uri = landed(name)
    confirm(f"Take out all that landed of {uri} and read it again?", yes=yes)
    return reload(uri, reason=reason, now=datetime.now(UTC))


@group.command("remove")
def landing_remove(name: LandedFile, *, reason: opt.Why, yes: opt.Yes = False) -> int:
    """Take back all rows of a file, and run its hours. The file itself is left where it is."""
    from chimera_assets.commands.landed_files import landed, remove

    _, uri = landed(name)
    confirm(f"Take back all that landed of {uri}?", yes=yes)
    return remove(uri, reason=reason, now=datetime.now(UTC))
