"""What the thresholds of a pack's figure say of its value."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from chimera_assets.reports import document as doc
from chimera_assets.reports.sections.draft import MOST_NAMED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.packs.sections import Figure
    from chimera_assets.reports.document import Value

#: A float that lies this near to a bound is at it: a sum of tenths is rarely a whole number.
_RELATIVE = 1e-12

_NULL = "its SQL gave no value, null"
#: So many digits of a float are shown.
_DIGITS = 12


def judged(
    finding: str, figure: Figure, value: Value, problem: str | None, lacking: Sequence[str]
) -> doc.Finding:
    """Whether a value is within a figure's bounds, each of which is within them itself.

    Args:
        finding: The id of what is found.
        figure: The figure, which has a bound.
        value: Its value; None if there is none.
        problem: Why there is none; None if the SQL gave one, or null.
        lacking: What of the period is not there, so that a value within its bounds is no pass.
    """
    bounds = [
        f"{words} {_exactly(bound, figure)}"
        for words, bound in (("at least", figure.at_least), ("at most", figure.at_most))
        if bound is not None
    ]
    title = f"{figure.title}: {' and '.join(bounds)}"
    if value is None:
        return doc.Finding(finding, title, doc.Status.not_evaluated, (problem or _NULL,))
    if not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        found = value if isinstance(value, float | Decimal) else f"a {type(value).__name__}"
        seen = f"expected a finite number, found {found}"
        return doc.Finding(finding, title, doc.Status.not_evaluated, (seen,))
    low = figure.at_least is not None and _beyond(value, figure.at_least, below=True)
    high = figure.at_most is not None and _beyond(value, figure.at_most, below=False)
    seen = f"found {_exactly(value, figure)}"
    if low or high:
        return doc.Finding(finding, title, doc.Status.not_satisfied, (seen,))
    if lacking:
        why = (f"{seen}, but not all of the period is there", *lacking[:MOST_NAMED])
        return doc.Finding(finding, title, doc.Status.not_evaluated, why)
    return doc.Finding(finding, title, doc.Status.satisfied, (seen,))


def _beyond(value: float | Decimal, bound: Decimal, *, below: bool) -> bool:
    if isinstance(value, float) and math.isclose(value, bound, rel_tol=_RELATIVE):
        return False
    return Decimal(value) < bound if below else Decimal(value) > bound


def _exactly(value: float | Decimal, figure: Figure) -> str:
    """A value as the figure is shown, but with all its digits: a verdict may hang on the last."""
    number = Decimal(f"{value:.{_DIGITS}g}") if isinstance(value, float) else Decimal(value)
    if figure.show == "share":
        number, unit = number.scaleb(2), "%"
    else:
        unit = figure.unit
    shown = f"{number or Decimal(0):,f}"  # no minus before 0
    if "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return f"{shown} {unit}".strip()
