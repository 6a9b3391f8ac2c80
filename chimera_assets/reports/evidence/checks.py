"""What a verification found: each check by name, satisfied, not satisfied or not evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from chimera_assets.errors import ChimeraError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class Outcome(StrEnum):
    """What became of a check."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not satisfied"
    NOT_EVALUATED = "not evaluated"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: What was checked: `file report.pdf`, `manifest signature`.
        outcome: What became of it.
        detail: What was found; of one that is not satisfied what was expected too, of one that was
            not evaluated why.
    """

    name: str
    outcome: Outcome
    detail: str


@dataclass(slots=True)
class Checks:
    """The checks made so far; one that fails keeps no other from it."""

    made: list[Check] = field(default_factory=list)

    def check(
        self, name: str, look: Callable[[], _T], *, found: Callable[[_T], str] | str
    ) -> _T | None:
        """Make a check.

        Args:
            name: What is checked.
            look: Looks, and raises a `ChimeraError` where something is not as it has to be.
            found: What was found, in words.

        Returns:
            What was seen; None if the check is not satisfied.
        """
        try:
            seen = look()
        except ChimeraError as error:
            self.fail(name, error)
            return None
        detail = found if isinstance(found, str) else found(seen)
        self.made.append(Check(name, Outcome.SATISFIED, detail))
        return seen

    def fail(self, name: str, error: ChimeraError) -> None:
        """Say that a check is not satisfied, and why."""
        self.made.append(Check(name, Outcome.NOT_SATISFIED, one_line(str(error))))

    def skip(self, name: str, why: str) -> None:
        """Say that a check was not made, and why."""
        self.made.append(Check(name, Outcome.NOT_EVALUATED, why))
