"""What a log has to store when it grows (c2sp.org/tlog-tiles)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.bundles import WIDTH, decode_bundle, encode_bundle
from chimera_assets.audit.tlog.errors import BadProofError
from chimera_assets.audit.tlog.merkle import leaf_hash
from chimera_assets.audit.tlog.tiles import (
    LEVELS,
    bundle_path,
    hashes_at,
    read_hashes,
    subtree_hash,
    tile_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chimera_assets.audit.tlog.tiles import Read


def grown(old_size: int, entries: Iterable[bytes], read: Read) -> Iterator[tuple[str, bytes]]:
    """The bundles and tiles that a log needs when entries are added, each a path and its bytes.

    They are to be stored in this order, and the checkpoint after them: bundles come before the
    tiles with the hashes of their entries, and tiles before those with theirs. So whenever the
    process dies, nothing is there without what it is made of. Full ones come as soon as they are
    full, so that never more than one bundle of entries is in memory; partial ones at the end.
    Whoever has the old root lets `TileHashes.authenticate` check first what is stored.

    Args:
        old_size: The log's entries so far.
        entries: What is added, in its order.
        read: Where the old log's bundles and tiles are; its partial ones are read.

    Raises:
        MalformedError: A stored bundle or tile is not in its format, or an entry is too long.
        BadProofError: The last bundle's entries are not those of the last tile.
    """
    edge = _Edge(old_size, read)
    size = old_size
    for entry in entries:
        edge.bundle.append(entry)
        size += 1
        if len(edge.bundle) == WIDTH:
            yield from edge.full(size)
    if size > old_size:
        yield from edge.partial(old_size, size)


class _Edge:
    """The bundle, and the tile of each level, that are not full yet in a log of so many entries."""

    def __init__(self, size: int, read: Read) -> None:
        self.rows = [_partial_tile(read, level, hashes_at(size, level)) for level in range(LEVELS)]
        self.bundle: list[bytes] = []
        if width := size % WIDTH:
            path = bundle_path(size // WIDTH, width)
            self.bundle = decode_bundle(read(path), width, path)
            if self._leaves() != self.rows[0]:
                where = tile_path(0, size // WIDTH, width)
                raise BadProofError(path, expected=f"the entries of {where}", found="others")

    def full(self, size: int) -> Iterator[tuple[str, bytes]]:
        """The bundle that has become full now, and the tiles that have by that."""
        yield bundle_path(size // WIDTH - 1), encode_bundle(self.bundle)
        self.rows[0], self.bundle, level = self._leaves(), [], 0
        while len(row := self.rows[level]) == WIDTH:
            yield tile_path(level, hashes_at(size, level) // WIDTH - 1), b"".join(row)
            self.rows[level] = []
            level += 1
            self.rows[level].append(subtree_hash(row))

    def partial(self, old_size: int, size: int) -> Iterator[tuple[str, bytes]]:
        """The bundle and the tiles that are not full at the end, of those that are new."""
        if self.bundle:
            yield bundle_path(size // WIDTH, size % WIDTH), encode_bundle(self.bundle)
        self.rows[0] = self._leaves()
        for level, row in enumerate(self.rows):
            hashes = hashes_at(size, level)
            if row and hashes > hashes_at(old_size, level):
                yield tile_path(level, hashes // WIDTH, len(row)), b"".join(row)

    def _leaves(self) -> list[bytes]:
        return [leaf_hash(entry) for entry in self.bundle]


def _partial_tile(read: Read, level: int, hashes: int) -> list[bytes]:
    width = hashes % WIDTH
    return read_hashes(read, level, hashes // WIDTH, width) if width else []
