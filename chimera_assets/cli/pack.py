"""`chimera pack`: its commands and their options; what each does is in `commands/`."""

from pathlib import Path
from typing import Annotated

import typer

from chimera_assets.cli import options as opt

group = typer.Typer(help="Packs: a domain each, as a folder of data.", no_args_is_help=True)


@group.command("list")
def pack_list(*, as_json: opt.AsJson = False) -> int:
    """Show every pack there is. Version, owner, what it needs, whether it is used."""
    from chimera_assets.commands.packs import show_list

    return show_list(as_json=as_json)


@group.command("check")
def pack_check(folders: opt.PackFolders = None) -> int:
    """Show every problem of packs by file and line. Exit 1 on an error."""
    from chimera_assets.commands.packs import check

    return check(folders or ())


@group.command("new")
def pack_new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its name: lower-case letters, digits and _.")
    ],
    *,
    place: Annotated[
        Path,
        typer.Option(
            "--in", callback=opt.usable, help="The folder it goes into, for CHIMERA_PACKS_DIR."
        ),
    ] = Path("packs"),
) -> int:
    """Write a small pack that works, to be changed into one's own."""
    from chimera_assets.commands.packs import new

    return new(name, place)
