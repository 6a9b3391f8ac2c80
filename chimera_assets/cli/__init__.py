"""The `chimera` command: its groups of commands, and how it ends.

Each group is a file of this package; what a command does is in `commands/`. Everything heavy is
imported by the command that needs it, so that `chimera --help` is quick.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import typer

from chimera_assets import interrupts
from chimera_assets.cli import (
    audit,
    contract,
    hold,
    landing,
    pack,
    quarantine,
    report,
    retention,
    root,
    source,
    table,
)
from chimera_assets.cli.faults import machine_fault
from chimera_assets.commands.invocation import finished
from chimera_assets.commands.visible import visible
from chimera_assets.errors import ArgumentError, ChimeraError, wanted
from chimera_assets.row_values import without_values
from chimera_assets.spool import delete_kept

app = typer.Typer(
    help="An evidence-grade lakehouse for the events of AI products. Times are UTC.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.callback()(root.whole)
app.add_typer(root.commands)
app.add_typer(source.group, name="source")
app.add_typer(quarantine.group, name="quarantine")
app.add_typer(table.group, name="table")
app.add_typer(contract.group, name="contract")
app.add_typer(pack.group, name="pack")
app.add_typer(hold.group, name="hold")
app.add_typer(retention.group, name="retention")
app.add_typer(landing.group, name="landing")
app.add_typer(audit.group, name="audit")
app.add_typer(report.group, name="report")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; gives its exit code, 2 for a user's mistake, reported in one line."""
    try:
        _require_text(sys.argv[1:] if arguments is None else arguments)
        with finished():
            return app(arguments, standalone_mode=False, prog_name="chimera") or 0
    except typer.Abort as error:
        if not isinstance(error.__cause__, KeyboardInterrupt):
            return 1
        sys.stderr.write(f"chimera: {interrupts.in_words()}\n")
        return interrupts.exit_code()
    except (ChimeraError, typer.TyperException) as error:
        sys.stderr.write(_message(error))
        return 2
    except Exception as error:
        if (fault := machine_fault(error)) is None:
            raise
        sys.stderr.write(f"chimera: {fault}\n")
        return 1


def _require_text(arguments: Sequence[str]) -> None:
    """Refuse what no database, file or message of ours can hold.

    Raises:
        ArgumentError: An argument is not UTF-8.
    """
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            shown = argument.encode("utf-8", "backslashreplace").decode()
            msg = f"expected arguments in UTF-8, found {shown}"
            raise ArgumentError(msg) from None


def _message(error: ChimeraError | typer.TyperException) -> str:
    """An error in one line; the help, where there were no arguments, as it is."""
    words = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    if isinstance(error, typer.BadParameter):
        words = _of_value(error)
    if words.startswith("Usage:"):
        return words + "\n"
    if words.startswith(("No such command", "No such option")):
        words = _with_the_help(words, error)
    return f"chimera: {visible(' '.join(words.split()))}\n"


def _of_value(error: typer.BadParameter) -> str:
    """Which option or argument has a wrong value, what was expected, and what was found."""
    from pydantic import ValidationError

    refused = error.__cause__
    if error.param is None or not isinstance(refused, ValidationError):
        return error.format_message()
    first = refused.errors()[0]
    return f"{error.param.opts[0]}: expected {wanted(first['msg'])}, found {first['input']}"


def _with_the_help(words: str, error: Exception) -> str:
    """The words, and which help lists what there is."""
    context = getattr(error, "ctx", None)
    called = context.command_path if context is not None else "chimera"
    said = words if words.endswith("?") else f"{words.rstrip('.')};"
    return f"{said} `{called} --help` lists them"


def main() -> NoReturn:
    """The entry point of `chimera`."""
    interrupts.end_at_once()
    try:
        code = run()
        sys.stdout.flush()
    except BrokenPipeError:  # `chimera table read ... | head`
        code = 1
    except Exception as error:  # noqa: BLE001 - a defect of ours: where it is, without values of rows
        traceback.print_exception(without_values(error))
        code = 1
    sys.stderr.flush()
    delete_kept()
    # Libraries that read Delta have threads of their own, which sometimes abort a process that
    # ends in the ordinary way. Everything that has to be finished is finished here.
    os._exit(code)
