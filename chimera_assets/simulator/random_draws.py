"""Random numbers that are the same for the same seed, on every machine and Python."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def seeded_random(*key: object) -> random.Random:
    """A generator that gives the same numbers for the same key.

    Only its `random()` should be used: of all draws, Python keeps that one stable.
    """
    return random.Random("/".join(map(str, key)))  # noqa: S311 - not for secrets


def uniform_draws(chance: random.Random, names: Sequence[str], rows: int) -> dict[str, list[float]]:
    """For each of the names `rows` numbers, even over 0 to 1 (excluded)."""
    draw = chance.random
    return {name: [draw() for _ in range(rows)] for name in names}
