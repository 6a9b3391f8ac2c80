"""Bytes that are not what they were, by the smallest of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


def mutated(data: bytes, random: Random) -> bytes:
    """The bytes with one flipped, dropped, doubled or two swapped; never the same ones."""
    while (found := _mutated(data, random)) == data:
        pass
    return found


def _mutated(data: bytes, random: Random) -> bytes:
    at, other = sorted(random.sample(range(len(data)), 2))
    before, byte, after = data[:at], data[at : at + 1], data[at + 1 :]
    match random.choice(("flip", "drop", "double", "swap")):
        case "flip":
            return before + bytes([byte[0] ^ 1 << random.randrange(8)]) + after
        case "drop":
            return before + after
        case "double":
            return before + byte + byte + after
        case _:
            inner = data[at + 1 : other]
            return before + data[other : other + 1] + inner + byte + data[other + 1 :]
