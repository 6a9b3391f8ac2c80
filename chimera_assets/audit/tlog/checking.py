"""Checking proofs of a Merkle tree, by the steps of RFC 9162, section 2.1."""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.encoding import HASH_BYTES
from chimera_assets.audit.tlog.errors import BadProofError
from chimera_assets.audit.tlog.merkle import EMPTY_ROOT, node_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_INCLUSION, _CONSISTENCY = "inclusion proof", "consistency proof"


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check an audit path (RFC 9162, section 2.1.3.2).

    Args:
        leaf: The leaf's hash.
        index: The leaf's number, from 0.
        size: The tree's leaves.
        proof: The hashes from the leaf's sibling up.
        root: The tree's root.

    Raises:
        BadProofError: It does not lead from this leaf at this place to this root.
    """
    if not 0 <= index < size:
        raise BadProofError(
            _INCLUSION, expected=f"a leaf of the tree's {size:,}", found=f"{index:,}"
        )
    _check_lengths(proof, _INCLUSION)
    found = leaf
    for sibling, is_left in _climb(index, size - 1, proof, _INCLUSION):
        found = node_hash(sibling, found) if is_left else node_hash(found, sibling)
    check_hash(found, root, f"{_INCLUSION}, root")


def check_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that a tree begins with an older one (RFC 9162, section 2.1.4.2).

    Args:
        old: The older tree's leaves.
        new: The newer tree's leaves.
        old_root: The older tree's root.
        new_root: The newer tree's root.
        proof: The proof; empty for an empty older tree, and for two trees of one size.

    Raises:
        BadProofError: It does not show that.
    """
    if not 0 <= old <= new:
        raise BadProofError(_CONSISTENCY, expected=f"an old size of 0 to {new:,}", found=f"{old:,}")
    for size, root in ((old, old_root), (new, new_root)):
        if size == 0:
            check_hash(root, EMPTY_ROOT, f"{_CONSISTENCY}, root of an empty tree")
    if old not in {0, new}:
        _check_path(old, new, (old_root, new_root), proof)
    elif proof:
        raise BadProofError(_CONSISTENCY, expected="no hashes", found=len(proof))
    elif old == new:
        check_hash(new_root, old_root, f"{_CONSISTENCY}, root of the same size")


def check_hash(found: bytes, expected: bytes, where: str) -> None:
    """Check that a hash is the one that it should be.

    Raises:
        BadProofError: It is another.
    """
    if not compare_digest(found, expected):
        raise BadProofError(where, expected=expected.hex(), found=found.hex())


def _check_path(old: int, new: int, roots: tuple[bytes, bytes], proof: Sequence[bytes]) -> None:
    _check_lengths(proof, _CONSISTENCY)
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    # A complete older tree begins the path itself: nobody sends what the verifier has.
    path = [roots[0], *proof] if place == 0 else list(proof)
    if not path:
        raise BadProofError(_CONSISTENCY, expected="at least one hash", found="none")
    found_old = found_new = path[0]
    for sibling, is_left in _climb(place, last, path[1:], _CONSISTENCY):
        if is_left:
            found_old = node_hash(sibling, found_old)
        found_new = node_hash(sibling, found_new) if is_left else node_hash(found_new, sibling)
    check_hash(found_old, roots[0], f"{_CONSISTENCY}, old root")
    check_hash(found_new, roots[1], f"{_CONSISTENCY}, new root")


def _check_lengths(proof: Sequence[bytes], where: str) -> None:
    found = next((len(each) for each in proof if len(each) != HASH_BYTES), None)
    if found is not None:
        raise BadProofError(where, expected="hashes of 32 bytes", found=f"{found} bytes")


def _climb(
    place: int, last: int, path: Sequence[bytes], where: str
) -> Iterator[tuple[bytes, bool]]:
    """The hashes of a path, each with whether it stands to the left; the path must end at the root.

    Args:
        place: A node's index on its level (`fn` of the RFC).
        last: The index of the last one there (`sn`).
        path: The hashes from the node's sibling up.
        where: What is checked.
    """
    for sibling in path:
        if last == 0:
            raise BadProofError(where, expected="fewer hashes", found=len(path))
        is_left = bool(place & 1) or place == last
        yield sibling, is_left
        while is_left and place and not place & 1:  # no siblings here, at the tree's right edge
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    if last:
        raise BadProofError(where, expected="more hashes", found=len(path))
