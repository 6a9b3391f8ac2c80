"""Asking before something is done that somebody may regret."""

import sys

import typer

from chimera_assets.errors import ArgumentError


def confirm(question: str, *, yes: bool) -> None:
    """Go on if the user says yes, at the terminal or by `--yes`.

    Raises:
        ArgumentError: There is no terminal to ask at.
        typer.Abort: The user says no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        msg = "expected --yes, as there is no terminal to ask at"
        raise ArgumentError(msg)
    typer.confirm(question, abort=True, err=True)
