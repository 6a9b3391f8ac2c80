"""Chance that is the same for the same seed, on every machine and Python."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def dice(*key: object) -> random.Random:
    """Dice that always fall the same way for the same key.

    Only their `random()` should be used: of all draws, Python keeps that one stable.
    """
    return random.Random("/".join(map(str, key)))  # noqa: S311 - not for secrets


def throws(chance: random.Random, names: Sequence[str], rows: int) -> dict[str, list[float]]:
    """For each of the names `rows` numbers, even over 0 to 1 (excluded)."""
    throw = chance.random
    return {name: [throw() for _ in range(rows)] for name in names}
