"""How a run is seen in a terminal: a line a step, and what libraries print kept in a file."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner

from chimera_assets.commands.terminal import VisibleConsole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from chimera_assets.orchestration.runs.run_record import StepEvent

_MARKS = {"succeeded": "[green]ok[/]", "failed": "[red]failed[/]", "skipped": "[yellow]skipped[/]"}

_CAUSE = 100


class Progress:
    """Prints a line for every step that ends, and which one is at work.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("dots", style="status.spinner")
        self._live: Live | None = None
        self._begun: dict[str, float] = {}
        self._ended = 0

    def __enter__(self) -> Self:
        """Begin to show what is at work, where somebody is looking."""
        if self._console.is_terminal:
            self._spinner.update(text="starting")
            # Unasked, rich would put what is printed meanwhile on the console: it is for the log.
            self._live = Live(
                self._spinner,
                console=self._console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to."""
        if self._live is not None:
            self._live.stop()

    def say(self, words: str) -> None:
        """Print a line of our own."""
        self._console.print(words)

    def working_on(self, words: str) -> None:
        """Show what is at work."""
        self._spinner.update(text=words)

    def step(self, event: StepEvent) -> None:
        """Take note of a step's start or end."""
        if event.outcome == "started":
            self._begun[event.step] = time.perf_counter()
            self.working_on(f"{event.step} ({self._ended + 1} of {event.of})")
            return
        if event.outcome == "retried":
            cause = event.cause if len(event.cause) <= _CAUSE else event.cause[:_CAUSE] + "…"
            self.say(f"  {' ' * 8}  [yellow]again[/]  {event.step}: {escape(cause)}")
            return
        self._ended += 1
        begun = self._begun.get(event.step)
        seconds = f"{time.perf_counter() - begun:6.1f} s" if begun is not None else " " * 8
        self.say(f"  {seconds}  {_MARKS[event.outcome]}  {event.step}")


@contextmanager
def quietly(folder: Path) -> Iterator[tuple[Console, Path]]:
    """While it lasts, whatever libraries and their child processes print goes to a file.

    Args:
        folder: Where to make the file.

    Yields:
        A console on the real standard error, and the file.
    """
    log = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z.log"
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with log.open("wb", buffering=0) as file, os.fdopen(os.dup(2), "w") as terminal:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield VisibleConsole(file=terminal), log
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, descriptor in zip((1, 2), saved, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
