"""`chimera audit`: its commands and their options; what each does is in `commands/`."""

from pathlib import Path
from typing import Annotated

import typer

from chimera_assets.cli import options as opt

group = typer.Typer(
    help="The audit log: who changed what, why, and unseen.",
    no_args_is_help=True,
)

_Action = Annotated[
    str | None, typer.Option(help="Only this action, or all of one kind: table, hold.")
]
_Actor = Annotated[str | None, typer.Option(help="Only what somebody of this name did.")]
_Resource = Annotated[str | None, typer.Option(help="Only resources with this in their name.")]
_Since = Annotated[str | None, typer.Option(help="From this time on, ISO 8601, UTC.")]
_Until = Annotated[str | None, typer.Option(help="Before this time.")]
_Run = Annotated[str | None, typer.Option(help="Only of this run or command, by its id.")]
_Sequence = Annotated[int, typer.Argument(min=0, max=2**62, metavar="ENTRY", help="Its number.")]
_OutFile = Annotated[Path | None, typer.Option("--out", callback=opt.usable, help="The new file.")]


@group.command("list")
def audit_list(  # noqa: PLR0913
    *,
    action: _Action = None,
    actor: _Actor = None,
    resource: _Resource = None,
    since: _Since = None,
    until: _Until = None,
    run: _Run = None,
    everything: Annotated[bool, typer.Option("--all", help="Commits of tables, too.")] = False,
    limit: opt.Limit = 20,
    as_json: opt.AsJson = False,
) -> int:
    """Show who changed what, newest first."""
    from chimera_assets.commands.audit import show_list, wanted_entries

    commits = everything or action is not None or run is not None
    wanted = wanted_entries(action, actor, resource, since, until, run, commits=commits)
    return show_list(wanted, limit=limit, as_json=as_json)


@group.command("show")
def audit_show(sequence: _Sequence, *, as_json: opt.AsJson = False) -> int:
    """Show one entry with all that it says, and what it is made of."""
    from chimera_assets.commands.audit_entry import show

    return show(sequence, as_json=as_json)


@group.command("prove")
def audit_prove(sequence: _Sequence, *, out_file: _OutFile = None) -> int:
    """Write a proof that the log has an entry."""
    from chimera_assets.commands.audit_entry import prove

    return prove(sequence, out_file)


@group.command("export")
def audit_export(  # noqa: PLR0913
    file: Annotated[Path, typer.Argument(callback=opt.usable, help="The new file.")],
    *,
    action: _Action = None,
    actor: _Actor = None,
    resource: _Resource = None,
    since: _Since = None,
    until: _Until = None,
    run: _Run = None,
) -> int:
    """Write entries into a file, with what proves them."""
    from chimera_assets.commands.audit import wanted_entries
    from chimera_assets.commands.audit_entry import export

    return export(wanted_entries(action, actor, resource, since, until, run), file)


@group.command("verify")
def audit_verify(  # noqa: PLR0913
    *,
    proof: Annotated[
        list[Path] | None,
        typer.Option(help="Only this file, of `prove` or `export`: no lake is needed. Repeatable."),
    ] = None,
    seen: Annotated[
        list[Path] | None,
        typer.Option(help="A checkpoint of this log that you kept from earlier. Repeatable."),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="A public key of the log that you trust. Repeatable."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(callback=opt.usable, help="A file of the logs and witnesses that you trust."),
    ] = None,
    tsa_root: Annotated[
        list[Path] | None,
        typer.Option(help="Root certificates of timestamp authorities, in PEM. Repeatable."),
    ] = None,
    contents: Annotated[
        bool,
        typer.Option("--contents", help="Read every data file: has it the bytes it was made with?"),
    ] = False,
    as_json: opt.AsJson = False,
) -> int:
    """Find out whether anything was changed unseen; 1 if it was."""
    from chimera_assets.commands.audit_log import verify, verify_proofs
    from chimera_assets.commands.audit_trust import trust_of

    trust = trust_of(key or [], policy, tsa_root or [])
    if proof:
        return verify_proofs(proof, trust, as_json=as_json)
    return verify(seen=seen or [], trust=trust, contents=contents, as_json=as_json)


@group.command("publish")
def audit_publish(
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Write all files beside the lake anew.")
    ] = False,
) -> int:
    """Sign the log and put it beside the lake, as runs do."""
    from chimera_assets.commands.audit_log import publish

    return publish(again=again)


@group.command("keys")
def audit_keys(
    *,
    new: Annotated[
        bool, typer.Option("--new", help="Make further keys, which sign beside the old ones.")
    ] = False,
    retire: Annotated[
        list[str] | None, typer.Option(help="The id of a key that shall sign no longer.")
    ] = None,
) -> int:
    """Show the public keys that sign; make and retire keys."""
    from chimera_assets.commands.audit_keys import keys

    return keys(new=new, retire=retire or [])


@group.command("witness")
def audit_witness(
    *,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where it answers by HTTP.")],
    key: Annotated[Path, typer.Option(callback=opt.usable, help="The file of its private keys.")],
    log: Annotated[
        list[str], typer.Option(help="A public key of a log that it signs for. Repeatable.")
    ],
    state: Annotated[
        Path,
        typer.Option(callback=opt.usable, help="The folder of what it signed last."),
    ],
    new_key: Annotated[bool, typer.Option("--new-key", help="Make the file of keys.")] = False,
) -> int:
    """Vouch for somebody else's log, until Ctrl-C."""
    from chimera_assets.commands.audit_witness import run

    return run(listen=listen, key=key, logs=log, state=state, new_key=new_key)


@group.command("timestamp")
def audit_timestamp(
    *,
    request: Annotated[
        Path | None,
        typer.Option(callback=opt.usable, help="Ask nobody: write what to ask into this file."),
    ] = None,
    response: Annotated[
        Path | None,
        typer.Option(callback=opt.usable, help="Keep the answer to that, from this file."),
    ] = None,
) -> int:
    """Have an authority stamp the log as it is."""
    from chimera_assets.commands.audit_timestamp import run

    return run(request=request, response=response)
