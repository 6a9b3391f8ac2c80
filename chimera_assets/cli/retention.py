"""`chimera retention`: its command and its options; what it does is in `commands/`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from chimera_assets.cli import options as opt

group = typer.Typer(help="Whether rows are deleted when their time is over.", no_args_is_help=True)


@group.command("status")
def retention_status(
    *,
    table: Annotated[
        str | None, typer.Option(metavar="LAYER/TABLE", help="Only this table.")
    ] = None,
    as_json: opt.AsJson = False,
) -> int:
    """Show what is past its time and still there. Exit 1 if anything is overdue or gone."""
    from chimera_assets.commands.retention import show_status

    return show_status(table=table, as_json=as_json, now=datetime.now(UTC))
