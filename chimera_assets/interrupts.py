"""Ctrl-C and SIGTERM, so that a command hears of them whatever it is doing.

An exception is not enough: raised within an import or a callback of a library it may be swallowed
there, and the command goes on, with a module that is half loaded. So the signal ends the process at
once. Only what has to be told of it is excepted: a change (`unwound`) and a run (`noted`). Where
`end_at_once` was not called, as in Dagster's own processes, nothing here does anything.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: Shows a terminal's cursor, which a progress bar may have hidden.
_CURSOR = b"\x1b[?25h"


class _State:
    """What this process was sent, and how many changes it is in."""

    terminal = 2
    received: int | None = None
    changes = 0


def end_at_once() -> None:
    """From now on, Ctrl-C or SIGTERM ends this process by one line; what is ignored stays so."""
    # Standard error may be turned to a file later on.
    _State.terminal = os.dup(2)
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end_or_raise)


def exit_code() -> int:
    """The code of a process that was interrupted: 130 by Ctrl-C, 143 by SIGTERM."""
    return 128 + (_State.received or signal.SIGINT)


def in_words() -> str:
    """By what: `interrupted (Ctrl-C)`."""
    return f"interrupted ({'SIGTERM' if _State.received == signal.SIGTERM else 'Ctrl-C'})"


@contextmanager
def unwound() -> Iterator[None]:
    """Within it, the first signal raises KeyboardInterrupt, so that what was begun is undone.

    Raises:
        KeyboardInterrupt: The signal came. At the latest when the block ends, if it was swallowed.
    """
    _State.changes += 1
    try:
        yield
    finally:
        _State.changes -= 1
        if _State.received is not None and _is_installed():
            raise KeyboardInterrupt


class Noted:
    """The signals that came, whoever handles them meanwhile."""

    def __init__(self, pipe: int | None) -> None:
        self._pipe = pipe

    def any(self) -> bool:
        """Whether any came."""
        if self._pipe is None:
            return False
        try:
            numbers = os.read(self._pipe, 1_000)
        except BlockingIOError:
            numbers = b""
        for number in numbers:
            if number in _SIGNALS:
                _State.received = number
        return _State.received is not None


@contextmanager
def noted() -> Iterator[Noted]:
    """Within it, signals are only noted, for whoever asks or has a handler of its own."""
    if not _is_installed():
        yield Noted(None)
        return
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    # Python writes the number of a signal there itself, before any handler is called.
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    before = {number: signal.signal(number, lambda *_: None) for number in _ours()}
    try:
        yield (found := Noted(reading))
        found.any()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        os.close(reading)
        os.close(writing)


def _ours() -> list[signal.Signals]:
    return [number for number in _SIGNALS if signal.getsignal(number) is _end_or_raise]


def _is_installed() -> bool:
    return threading.current_thread() is threading.main_thread() and bool(_ours())


def _end_or_raise(number: int, _: FrameType | None) -> None:
    again, _State.received = _State.received is not None, number
    if _State.changes and not again:
        raise KeyboardInterrupt
    cursor = _CURSOR if os.isatty(_State.terminal) else b""
    os.write(_State.terminal, cursor + f"chimera: {in_words()}\n".encode())
    os._exit(exit_code())
