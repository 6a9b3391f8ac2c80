"""A growing Merkle tree that keeps no more than its right edge."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.encoding import HASH_BYTES
from chimera_assets.audit.tlog.merkle import EMPTY_ROOT, joined
from chimera_assets.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Tree:
    """The complete subtrees at a tree's right edge, of which RFC 6962 makes its root (section 2.1).

    Args:
        size: The leaves that it has already.
        edge: The hashes of the complete subtrees that these make, the largest first: what `edge`
            of a tree of this size was.

    Raises:
        ArgumentError: An edge that is none of that size.
    """

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        if size < 0 or len(edge) != size.bit_count():
            message = (
                f"edge of a tree of {size:,} leaves: expected one hash for each complete subtree, "
                f"found {len(edge)}"
            )
            raise ArgumentError(message)
        for found in edge:
            _check_length(found, "edge of a tree")
        self._size = size
        self._edge = list(edge)

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self._size

    @property
    def edge(self) -> tuple[bytes, ...]:
        """The hashes of its complete subtrees, the largest first; `Tree(size, edge)` goes on."""
        return tuple(self._edge)

    def root(self) -> bytes:
        """The tree's root."""
        return joined(self._edge) if self._edge else EMPTY_ROOT

    def append(self, leaf: bytes) -> None:
        """Add the hash of one leaf."""
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add the hashes of leaves, in their order.

        Raises:
            ArgumentError: One is no hash; those before it are in the tree.
        """
        edge, size = self._edge, self._size
        try:
            for leaf in leaves:
                _check_length(leaf, "leaf of a tree")
                found, complete = leaf, size
                while complete & 1:  # `node_hash`, without a call: this is where the time goes
                    found = sha256(b"\x01" + edge.pop() + found).digest()
                    complete >>= 1
                edge.append(found)
                size += 1
        finally:
            self._size = size


def _check_length(found: bytes, where: str) -> None:
    if len(found) != HASH_BYTES:
        message = f"{where}: expected hashes of 32 bytes, found {len(found)} bytes"
        raise ArgumentError(message)
