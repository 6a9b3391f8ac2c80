"""Tiles: the hashes of a log, up to 256 in a file (c2sp.org/tlog-tiles, "Merkle Tree")."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from chimera_assets.audit.tlog.bundles import WIDTH
from chimera_assets.audit.tlog.checking import check_hash
from chimera_assets.audit.tlog.encoding import HASH_BYTES
from chimera_assets.audit.tlog.errors import MalformedError
from chimera_assets.audit.tlog.merkle import node_hash, root
from chimera_assets.errors import ArgumentError

#: From the path of a tile or bundle to its bytes; raises what its storage raises if there is none.
Read: TypeAlias = Callable[[str], bytes]

#: Levels of the tree between a tile's hashes and its root.
TILE_HEIGHT = 8

#: Levels of tiles that a tree of fewer than 2**63 leaves can have.
LEVELS = 8


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Where a tile is, below the log's prefix: `tile/<L>/<N>[.p/<W>]`.

    Args:
        level: The tile's level; 0 has the hashes of entries.
        index: The tile's number on its level, from 0.
        width: How many hashes it has, 1 to 256.
    """
    return f"tile/{level}/{_numbered(index, width)}"


def bundle_path(index: int, width: int = WIDTH) -> str:
    """Where a bundle of entries is: `tile/entries/<N>[.p/<W>]`, numbered as tiles of level 0."""
    return f"tile/entries/{_numbered(index, width)}"


def hashes_at(size: int, level: int) -> int:
    """How many hashes the tiles of a level have together, in a log of so many entries."""
    return size >> (TILE_HEIGHT * level)


def read_hashes(read: Read, level: int, index: int, width: int) -> list[bytes]:
    """The hashes of a tile.

    Raises:
        MalformedError: The tile has another length.
    """
    path = tile_path(level, index, width)
    data = read(path)
    if len(data) != width * HASH_BYTES:
        expected, found = f"{width * HASH_BYTES:,} bytes", f"{len(data):,}"
        raise MalformedError(path, expected=expected, found=found)
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def subtree_hash(row: list[bytes]) -> bytes:
    """The hash of a complete subtree by those of its leaves or lower subtrees."""
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


class TileHashes:
    """The hashes of a log's tree by its tiles: `merkle.Hashes` for roots and proofs.

    Keeps each tile that it read, 8 KiB for 256 entries. What it gives is what the tiles say, until
    `authenticate` has found that they are those of a signed root.

    Args:
        size: The log's entries.
        read: Where the tiles are.
    """

    def __init__(self, size: int, read: Read) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of the complete subtree of 2**level entries.

        Raises:
            ArgumentError: The tree has no such subtree.
            MalformedError: A tile has another length than this size asks for.
        """
        if level < 0 or not 0 <= index < self.size >> level:
            message = (
                f"subtree {index:,} of level {level}: expected one of the tree's "
                f"{self.size:,} leaves, found none"
            )
            raise ArgumentError(message)
        of_tiles, above = divmod(level, TILE_HEIGHT)
        tile, at = divmod(index << above, WIDTH)
        return subtree_hash(self._tile(of_tiles, tile)[at : at + (1 << above)])

    def authenticate(self, expected: bytes) -> None:
        """Check that all tiles read so far are of the tree that has this root.

        Partial tiles are what the root is made of; each full one has its hash in one of the next
        level, down from there.

        Raises:
            BadProofError: One is not.
        """
        check_hash(root(self.size, self), expected, f"tiles of {self.size:,} entries, root")
        for level in range(LEVELS):
            # A tile that was not read yet is read for those below it, and then checked itself.
            for index in [index for its_level, index in self._tiles if its_level == level]:
                tile = self._tile(level, index)
                if len(tile) == WIDTH:
                    above = self._tile(level + 1, index // WIDTH)[index % WIDTH]
                    check_hash(subtree_hash(tile), above, tile_path(level, index))

    def _tile(self, level: int, index: int) -> list[bytes]:
        key = (level, index)
        if key not in self._tiles:
            width = min(WIDTH, hashes_at(self.size, level) - index * WIDTH)
            self._tiles[key] = read_hashes(self._read, level, index, width)
        return self._tiles[key]


def _numbered(index: int, width: int) -> str:
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    *above, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
    partial = f".p/{width}" if width < WIDTH else ""
    return "".join(f"x{each}/" for each in above) + last + partial
