"""Merkle trees and what proves something of them, as in RFC 6962, section 2.1."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from hashlib import sha256
from typing import TypeAlias

from chimera_assets.errors import ArgumentError

#: From a level and an index on it to the hash of that complete subtree of 2**level leaves.
Hashes: TypeAlias = Callable[[int, int], bytes]

#: The root of the tree without leaves (RFC 6962, section 2.1).
EMPTY_ROOT = sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry (RFC 6962, section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees (RFC 6962, section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def root(size: int, hashes: Hashes) -> bytes:
    """The root of the tree of the first `size` leaves (RFC 6962, section 2.1).

    Raises:
        ArgumentError: A size below 0.
    """
    if size < 0:
        message = f"size of a tree: expected 0 or more leaves, found {size}"
        raise ArgumentError(message)
    return _range_root(0, size, hashes) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, hashes: Hashes) -> list[bytes]:
    """The audit path of a leaf, from its sibling up (RFC 6962, section 2.1.1).

    Raises:
        ArgumentError: The tree has no such leaf.
    """
    if not 0 <= index < size:
        message = f"leaf: expected one of the {size:,} of the tree, found {index:,}"
        raise ArgumentError(message)
    path, start = [], 0
    while size > 1:
        split = _split(size)
        if index < start + split:
            path.append(_range_root(start + split, size - split, hashes))
            size = split
        else:
            path.append(_range_root(start, split, hashes))
            start, size = start + split, size - split
    return path[::-1]


def consistency_proof(old: int, new: int, hashes: Hashes) -> list[bytes]:
    """What shows that the tree of `new` leaves begins with that of `old` (RFC 6962, section 2.1.2).

    Nothing has to be shown of the empty tree, nor of two trees of one size.

    Raises:
        ArgumentError: The old tree is larger than the new one.
    """
    if not 0 <= old <= new:
        message = f"old size: expected 0 to the new one, {new:,}, found {old:,}"
        raise ArgumentError(message)
    if old in {0, new}:
        return []
    path, start, size = [], 0, new
    while start + size != old:
        split = _split(size)
        if old <= start + split:
            path.append(_range_root(start + split, size - split, hashes))
            size = split
        else:
            path.append(_range_root(start, split, hashes))
            start, size = start + split, size - split
    if start:  # else it is the old tree itself, whose root the verifier has
        path.append(_range_root(start, size, hashes))
    return path[::-1]


def complete_subtrees(size: int) -> list[tuple[int, int]]:
    """Level and index of the complete subtrees that a tree is made of, the largest first."""
    levels = (level for level in reversed(range(size.bit_length())) if size >> level & 1)
    return [(level, (size >> level) - 1) for level in levels]


def joined(subtrees: list[bytes]) -> bytes:
    """The root over one or more complete subtrees, the largest first."""
    return reduce(lambda right, left: node_hash(left, right), reversed(subtrees))


def _range_root(start: int, size: int, hashes: Hashes) -> bytes:
    """The root of `size` leaves from `start`, where a complete subtree begins that holds them."""
    return joined([hashes(level, (start >> level) + at) for level, at in complete_subtrees(size)])


def _split(size: int) -> int:
    """The largest power of two below a size of at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
