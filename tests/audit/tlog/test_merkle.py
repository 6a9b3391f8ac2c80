"""Roots and proofs are those of RFC 6962, and nothing else is taken for one."""

from __future__ import annotations

import time
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera_assets.audit.tlog.checking import check_consistency, check_inclusion
from chimera_assets.audit.tlog.errors import BadProofError
from chimera_assets.audit.tlog.merkle import (
    EMPTY_ROOT,
    Hashes,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
)
from chimera_assets.audit.tlog.tree import Tree
from chimera_assets.errors import ArgumentError
from tests.audit.tlog import naive
from tests.audit.tlog.trees import entries, hashes_of, root_of

#: The entries, roots and paths that implementations of RFC 6962 are tested with.
EIGHT = [
    bytes.fromhex(entry)
    for entry in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
_SECOND = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
_THIRD_AND_FOURTH = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
_LAST_FOUR = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
_FIFTH = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
_LAST_TWO = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
_FIFTH_AND_SIXTH = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
_SEVENTH = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
INCLUSION = {
    (0, 1): [],
    (0, 8): [_SECOND, _THIRD_AND_FOURTH, _LAST_FOUR],
    (5, 8): [_FIFTH, _LAST_TWO, ROOTS[4]],
    (2, 3): [ROOTS[2]],
    (1, 5): [ROOTS[1], _THIRD_AND_FOURTH, _FIFTH],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [_SECOND, _THIRD_AND_FOURTH, _LAST_FOUR],
    (6, 8): [_FIFTH_AND_SIXTH, _LAST_TWO, ROOTS[4]],
    (2, 5): [_THIRD_AND_FOURTH, _FIFTH],
    (6, 7): [_FIFTH_AND_SIXTH, _SEVENTH, ROOTS[4]],
}
LARGEST = 70


@cache
def hashes(size: int) -> Hashes:
    return hashes_of(entries(size))


@cache
def known_root(size: int) -> bytes:
    return naive.mth(entries(size))


def test_the_known_trees_have_the_known_roots_and_paths() -> None:
    of_eight = hashes_of(EIGHT)
    assert [root(size, of_eight).hex() for size in range(9)] == ROOTS
    for (index, size), path in INCLUSION.items():
        assert [each.hex() for each in inclusion_proof(index, size, of_eight)] == path
    for (old, new), path in CONSISTENCY.items():
        assert [each.hex() for each in consistency_proof(old, new, of_eight)] == path


def test_every_small_tree_is_that_of_the_rfc_and_every_leaf_is_found_in_it() -> None:
    tree = Tree()
    for size in range(LARGEST + 1):
        added = entries(size)
        expected = known_root(size)
        assert root(size, hashes(size)) == tree.root() == expected
        for index in range(size):
            proof = inclusion_proof(index, size, hashes(size))
            assert proof == naive.path(index, added)
            check_inclusion(leaf_hash(added[index]), index, size, proof, expected)
        tree.append(leaf_hash(b"entry %d" % size))


def test_every_small_tree_begins_with_every_smaller_one() -> None:
    of_all = hashes(LARGEST)
    for new in range(LARGEST + 1):
        for old in range(new + 1):
            proof = consistency_proof(old, new, of_all)
            assert proof == (naive.proof(old, entries(new)) if old else [])
            check_consistency(old, new, known_root(old), known_root(new), proof)


@settings(max_examples=25)
@given(st.data())
def test_larger_trees_prove_themselves(data: st.DataObject) -> None:
    new = data.draw(st.integers(LARGEST, 3000), "new")
    old = data.draw(st.integers(0, new), "old")
    index = data.draw(st.integers(0, new - 1), "index")
    added = entries(new)
    of_all = hashes(3000)
    roots = naive.mth(added[:old]), naive.mth(added)
    assert (root(old, of_all), root(new, of_all)) == roots
    path = inclusion_proof(index, new, of_all)
    assert path == naive.path(index, added)
    check_inclusion(leaf_hash(added[index]), index, new, path, roots[1])
    proof = consistency_proof(old, new, of_all)
    check_consistency(old, new, *roots, proof)
    if 0 < old < new:
        with pytest.raises(BadProofError):
            check_consistency(old, new, root_of([*added[: old - 1], b"other"]), roots[1], proof)


def altered(proof: list[bytes]) -> list[list[bytes]]:
    """A proof with a hash too many, one less, of another length, another one, two swapped."""
    more = [[*proof, EMPTY_ROOT], [EMPTY_ROOT, *proof]]
    for at, found in enumerate(proof):
        other = bytes([found[0] ^ 1]) + found[1:]
        instead = ([], [found, found], [found[:-1]], [found + b"\x00"], [other])
        more += [[*proof[:at], *new, *proof[at + 1 :]] for new in instead]
    return [*more, proof[::-1]] if len(set(proof)) > 1 else more


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 13, 16])
def test_no_other_leaf_place_size_root_or_path_is_taken(size: int) -> None:
    added, expected = entries(size), known_root(size)
    for index in range(size):
        leaf, proof = leaf_hash(added[index]), inclusion_proof(index, size, hashes(size))
        others = [
            (leaf_hash(b"other"), index, size, proof, expected),
            (leaf, index, size, proof, EMPTY_ROOT),
            (leaf, -1, size, proof, expected),
            (leaf, size, size, proof, expected),
            *((leaf, place, size, proof, expected) for place in range(size) if place != index),
            *((leaf, index, size, other, expected) for other in altered(proof)),
        ]
        for other in others:
            with pytest.raises(BadProofError):
                check_inclusion(*other)


@pytest.mark.parametrize("new", [1, 2, 3, 4, 5, 7, 8, 13, 16])
def test_no_other_sizes_roots_or_path_show_that_a_tree_begins_with_another(new: int) -> None:
    for old in range(new + 1):
        roots = known_root(old), known_root(new)
        proof = consistency_proof(old, new, hashes(new))
        others = [
            (old, new, leaf_hash(b"other"), roots[1], proof),
            (new + 1, new, *roots, proof),
            (-1, new, *roots, proof),
            *((old, new, *roots, other) for other in altered(proof)),
            *([(old, new, roots[0], EMPTY_ROOT, proof)] if old else []),
            *([(old, new, *roots, [])] if 0 < old < new else []),
        ]
        for other in others:
            with pytest.raises(BadProofError):
                check_consistency(*other)


def test_an_empty_tree_has_one_root() -> None:
    check_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    with pytest.raises(BadProofError, match="root of an empty tree"):
        check_consistency(0, 0, known_root(1), known_root(1), [])


def test_a_root_that_no_tree_has_vouches_for_nothing() -> None:
    """A log may sign what it likes: hashes of other lengths, a path above the tree's own top."""
    leaf, odd = leaf_hash(b"leaf"), b"x" * 31
    with pytest.raises(BadProofError, match="inclusion proof: expected hashes of 32 bytes"):
        check_inclusion(leaf, 0, 2, [odd], node_hash(leaf, odd))
    with pytest.raises(BadProofError, match="inclusion proof: expected fewer hashes"):
        check_inclusion(leaf, 0, 1, [EMPTY_ROOT], node_hash(EMPTY_ROOT, leaf))
    old = node_hash(leaf, odd)
    with pytest.raises(BadProofError, match="consistency proof: expected hashes of 32 bytes"):
        check_consistency(3, 4, old, node_hash(leaf, node_hash(odd, leaf)), [odd, leaf, leaf])
    with pytest.raises(BadProofError, match="consistency proof: expected fewer hashes"):
        check_consistency(
            1, 2, node_hash(EMPTY_ROOT, leaf), node_hash(EMPTY_ROOT, leaf), [leaf, EMPTY_ROOT]
        )


def test_what_a_tree_does_not_have_is_not_proved() -> None:
    for index, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(ArgumentError, match="leaf: expected one of the"):
            inclusion_proof(index, size, hashes(8))
    for old, new in ((4, 3), (-1, 3)):
        with pytest.raises(ArgumentError, match="old size: expected 0 to the new one, 3"):
            consistency_proof(old, new, hashes(8))
    with pytest.raises(ArgumentError, match="expected 0 or more leaves, found -1"):
        root(-1, hashes(8))


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_tree_goes_on_from_its_edge(first: int, second: int) -> None:
    leaves = [leaf_hash(entry) for entry in entries(first + second)]
    tree = Tree()
    tree.extend(leaves[:first])
    again = Tree(tree.size, tree.edge)
    again.extend(leaves[first:])
    assert (again.size, again.root()) == (first + second, root_of(entries(first + second)))
    assert tree.size == first


def test_a_tree_takes_hashes_and_an_edge_that_fits() -> None:
    tree = Tree()
    with pytest.raises(ArgumentError, match="leaf of a tree: expected hashes of 32 bytes, found 5"):
        tree.extend([EMPTY_ROOT, b"short"])
    assert (tree.size, tree.edge) == (1, (EMPTY_ROOT,))
    for size, edge in ((3, [EMPTY_ROOT]), (-1, [EMPTY_ROOT]), (1, [b"short"])):
        with pytest.raises(ArgumentError, match="edge of a tree"):
            Tree(size, edge)


def test_a_hundred_thousand_leaves_are_taken_in_a_moment() -> None:
    leaves, tree = [EMPTY_ROOT] * 100_000, Tree()
    began = time.process_time()
    tree.extend(leaves)
    assert time.process_time() - began < 1  # a tenth of that where nothing else runs
