"""Logs in memory, and keys, for all tests here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.growth import grown
from chimera_assets.audit.tlog.keys import KeyKind, SigningKey
from chimera_assets.audit.tlog.merkle import Hashes, leaf_hash, node_hash
from chimera_assets.audit.tlog.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable

ORIGIN = "example.com/log"
NOW = 1_790_000_000

LOG = SigningKey(ORIGIN, KeyKind.ED25519, b"a" * 32)
LOG_PQ = SigningKey(ORIGIN, KeyKind.ML_DSA_44, b"b" * 32)
WITNESS = SigningKey("witness.example/one", KeyKind.ED25519_COSIGNATURE, b"c" * 32)
WITNESS_PQ = SigningKey("witness.example/one", KeyKind.ML_DSA_44, b"d" * 32)
WITNESS_TWO = SigningKey("witness.example/two", KeyKind.ML_DSA_44, b"e" * 32)
STRANGER = SigningKey("stranger.example", KeyKind.ED25519, b"f" * 32)


def entries(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def hashes_of(added: Iterable[bytes]) -> Hashes:
    """Every complete subtree of a tree, made level by level."""
    levels = [[leaf_hash(entry) for entry in added]]
    while len(row := levels[-1]) > 1:
        pairs = zip(row[::2], row[1::2], strict=False)
        levels.append([node_hash(left, right) for left, right in pairs])
    return lambda level, index: levels[level][index]


def root_of(added: Iterable[bytes]) -> bytes:
    tree = Tree()
    tree.extend(leaf_hash(entry) for entry in added)
    return tree.root()


def checkpoint_of(added: list[bytes]) -> Checkpoint:
    return Checkpoint(ORIGIN, len(added), root_of(added))


class Stored(dict[str, bytes]):
    """Files that are written once: nothing is ever written again as something else."""

    def write(self, old_size: int, added: Iterable[bytes]) -> list[str]:
        paths = []
        for path, data in grown(old_size, added, self.__getitem__):
            assert self.setdefault(path, data) == data
            paths.append(path)
        return paths
