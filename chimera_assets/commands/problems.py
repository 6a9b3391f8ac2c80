"""How the commands that check files print what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.commands.terminal import notes, out
from chimera_assets.errors import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.yaml_documents import Problem


def print_problems(problems: Sequence[Problem]) -> int:
    """Print each problem, then how many there are; 1 if one keeps a file from use."""
    console = out()
    for problem in problems:
        console.print(f"{problem.severity}: {problem}", markup=False, soft_wrap=True)
    errors = sum(problem.severity == "error" for problem in problems)
    notes().print(f"{counted(errors, 'error')}, {counted(len(problems) - errors, 'warning')}")
    return 1 if errors else 0
