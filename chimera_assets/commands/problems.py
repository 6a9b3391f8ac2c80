"""How the commands that check files print what they found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chimera_assets.commands.terminal import notes, out
from chimera_assets.errors import counted, in_short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chimera_assets.yaml_documents import Problem


#: More warnings of one kind in one file are one line.
_APART = 3


def print_problems(problems: Sequence[Problem]) -> int:
    """Print errors, then warnings, then how many there are; 1 if one keeps a file from use."""
    console = out()
    errors = [problem for problem in problems if problem.severity == "error"]
    warnings = [problem for problem in problems if problem.severity != "error"]
    for line in (*(f"error: {error}" for error in errors), *_warned(warnings)):
        console.print(line, markup=False, soft_wrap=True)
    notes().print(f"{counted(len(errors), 'error')}, {counted(len(warnings), 'warning')}")
    return 1 if errors else 0


def _warned(warnings: Sequence[Problem]) -> Iterator[str]:
    """The warnings; many that differ by the name at the end of what they are about as one line."""
    kinds: dict[tuple[str, str, str, str], list[Problem]] = {}
    for one in warnings:
        about, _, _ = one.what.rpartition(" ")
        kinds.setdefault((about, str(one.path), one.expected, one.found), []).append(one)
    for (about, *_), alike in kinds.items():
        if about and len(alike) > _APART:
            names = in_short([one.what.rpartition(" ")[2] for one in alike])
            what = f"{about}, {len(alike):,} of them ({names})"
            yield f"warning: {replace(alike[0], what=what)}"
        else:
            yield from (f"warning: {one}" for one in alike)
