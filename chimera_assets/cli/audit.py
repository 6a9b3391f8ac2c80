"""`chimera audit`: its commands and their options; what each does is in `commands/`."""

from typing import Annotated

import typer

from chimera_assets.cli import options as opt

group = typer.Typer(help="The audit log: who changed what, and why.", no_args_is_help=True)


@group.command("list")
def audit_list(
    *,
    action: Annotated[
        str | None, typer.Option(help="Only this action, or all of one kind: table, hold.")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="Only what somebody of this name did.")] = None,
    resource: Annotated[
        str | None, typer.Option(help="Only resources with this in their name.")
    ] = None,
    limit: opt.Limit = 20,
    as_json: opt.AsJson = False,
) -> int:
    """Show who changed what, newest first."""
    from chimera_assets.commands.audit import show_list

    return show_list(action=action, actor=actor, resource=resource, limit=limit, as_json=as_json)
