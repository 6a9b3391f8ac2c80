"""Ctrl-C and SIGTERM end a command, wherever it is; what has to be undone is undone."""

from __future__ import annotations

import signal
import subprocess
import sys
from textwrap import dedent

import pytest

CTRL_C, TERM = signal.SIGINT, signal.SIGTERM
#: What an import or a callback of a library does with what is raised in it.
SWALLOW = """
    from chimera_assets import interrupts
    import signal, sys, time
    def swallow():
        try:
            print("here", flush=True)
            time.sleep(20)
        except BaseException:
            pass
    interrupts.end_at_once()
"""


def ended(body: str, number: int) -> tuple[int, str, str]:
    """The exit code of a script that got a signal, and all that it printed."""
    child = subprocess.Popen(
        [sys.executable, "-c", dedent(SWALLOW) + dedent(body)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # so that no more than the line is read
    )
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    return child.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("number", "code", "how"), [(CTRL_C, 130, "Ctrl-C"), (TERM, 143, "SIGTERM")]
)
def test_no_library_swallows_it(number: int, code: int, how: str) -> None:
    script = "swallow(); print('went on')"
    assert ended(script, number) == (code, "", f"chimera: interrupted ({how})\n")


def test_a_change_is_undone_first_even_if_a_library_swallows_it() -> None:
    undone = """
        try:
            with interrupts.unwound():
                swallow()
                print("to its end")
        except KeyboardInterrupt:
            print(interrupts.in_words(), interrupts.exit_code())
    """
    assert ended(undone, CTRL_C) == (0, "to its end\ninterrupted (Ctrl-C) 130\n", "")


def test_a_run_is_warned_of_it_whoever_handles_it_meanwhile() -> None:
    noted = """
        with interrupts.noted() as signals:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # as Dagster sets its own
            try:
                print(signals.any(), flush=True)
                time.sleep(20)
            except KeyboardInterrupt:
                print(signals.any())
        interrupts.end_at_once()
        signal.raise_signal(signal.SIGTERM)
    """
    code, out, err = ended(noted, CTRL_C)
    assert (code, out, err) == (143, "True\n", "chimera: interrupted (SIGTERM)\n")


def test_what_a_shell_let_it_ignore_stays_ignored() -> None:
    ignored = """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        interrupts.end_at_once()
        print("ready", flush=True)
        signal.raise_signal(signal.SIGINT)
        print("went on")
    """
    assert ended(ignored, CTRL_C)[:2] == (0, "went on\n")
