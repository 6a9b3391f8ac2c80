"""A log's files: where they are, what is in them, how they grow, and that damage is found."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera_assets.audit.tlog.bundles import (
    MAX_ENTRY_BYTES,
    WIDTH,
    decode_bundle,
    encode_bundle,
)
from chimera_assets.audit.tlog.errors import BadProofError, MalformedError
from chimera_assets.audit.tlog.growth import grown
from chimera_assets.audit.tlog.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
)
from chimera_assets.audit.tlog.tiles import TileHashes, bundle_path, tile_path
from chimera_assets.errors import ArgumentError
from tests.audit.tlog.mutations import mutated
from tests.audit.tlog.trees import Stored, entries, hashes_of, root_of


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile_path(0, 1234067), "tile/0/x001/x234/067"),
        (tile_path(1, 0), "tile/1/000"),
        (tile_path(63, 999, 255), "tile/63/999.p/255"),
        (tile_path(2, 1000, 1), "tile/2/x001/000.p/1"),
        (bundle_path(1234067), "tile/entries/x001/x234/067"),
        (bundle_path(273, 112), "tile/entries/273.p/112"),
    ],
)
def test_paths_are_those_of_the_standard(path: str, expected: str) -> None:
    assert path == expected


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_come_back(added: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(added), len(added), "bundle") == added


def test_a_bundle_is_taken_in_one_form_only() -> None:
    bundle = encode_bundle([b"", b"one", b"x" * MAX_ENTRY_BYTES])
    assert bundle.startswith(b"\x00\x00\x00\x03one\xff\xff")
    for data in (bundle[:-1], bundle + b"\x00", bundle + b"\x00\x00", bundle[5:], b""):
        with pytest.raises(MalformedError, match="tile/entries/000: expected"):
            decode_bundle(data, 3, "tile/entries/000")
    with pytest.raises(MalformedError, match="log entry: expected at most 65,535 bytes"):
        encode_bundle([b"x" * (MAX_ENTRY_BYTES + 1)])


def test_a_log_of_seventy_thousand_entries_has_the_files_of_the_standards_example() -> None:
    stored, added = Stored(), entries(70_000)
    stored.write(0, added)
    widths = {"tile/0/273.p/112": 112, "tile/1/000": 256, "tile/1/001.p/17": 17}
    widths |= {"tile/2/000.p/1": 1} | {f"tile/0/{number:03d}": 256 for number in range(273)}
    tiles = {path for path in stored if "entries" not in path}
    assert {path: len(stored[path]) // 32 for path in tiles} == widths
    assert len(stored) == len(tiles) + 274

    hashes, whole = TileHashes(70_000, stored.__getitem__), hashes_of(added)
    assert root(70_000, hashes) == root_of(added)
    for index in (0, 255, 256, 65_535, 65_536, 69_999):
        assert inclusion_proof(index, 70_000, hashes) == inclusion_proof(index, 70_000, whole)
    for old in (1, 255, 256, 257, 65_536, 69_888, 69_999):
        assert consistency_proof(old, 70_000, hashes) == consistency_proof(old, 70_000, whole)
    hashes.authenticate(root_of(added))


@settings(max_examples=25)
@given(st.lists(st.integers(0, 600), max_size=6))
def test_a_log_grown_in_steps_is_the_log_written_at_once(steps: list[int]) -> None:
    stored, size, added = Stored(), 0, entries(sum(steps))
    for step in steps:
        stored.write(size, added[size : size + step])
        size += step
    at_once = Stored()
    at_once.write(0, added)
    assert at_once.items() <= stored.items()
    assert all(".p/" in path for path in stored.keys() - at_once.keys())
    hashes = TileHashes(size, stored.__getitem__)
    for index in range(0, size, 100):
        assert hashes(0, index) == leaf_hash(added[index])
    hashes.authenticate(root_of(added))


@pytest.mark.parametrize("old", [0, 1, 255, 256, 700])
def test_whenever_the_process_dies_nothing_lacks_what_it_is_made_of(old: int) -> None:
    added, stored = entries(old + 600), Stored()
    stored.write(0, added[:old])
    for path, data in grown(old, iter(added[old:]), stored.__getitem__):
        kind, _, number = path.removeprefix("tile/").partition("/")
        if kind == "0":
            assert f"tile/entries/{number}" in stored
        elif kind == "1":
            assert all(tile_path(0, at) in stored for at in range(len(data) // 32))
        stored[path] = data
        died = Stored(stored)
        died.write(old, added[old:])  # begins anew from what the checkpoint says
        TileHashes(len(added), died.__getitem__).authenticate(root_of(added))


def test_no_more_than_one_bundle_of_entries_is_held() -> None:
    stored = Stored()
    stored.write(0, entries(100))
    waiting = iter(entries(1000))
    written = grown(100, waiting, stored.__getitem__)
    for bundle in range(1, 5):
        assert next(path for path, _ in written if "entries" in path) == bundle_path(bundle - 1)
        assert waiting.__length_hint__() == 1000 - (bundle * WIDTH - 100)


def test_nothing_added_is_nothing_to_write_and_what_did_not_change_is_not_written() -> None:
    stored = Stored()
    assert stored.write(0, []) == []
    stored.write(0, entries(300))
    assert stored.write(300, []) == []
    assert stored.write(300, [b"one more"]) == ["tile/entries/001.p/45", "tile/0/001.p/45"]


def test_a_log_does_not_grow_on_damaged_files() -> None:
    stored = Stored()
    stored.write(0, entries(10))
    path = bundle_path(0, 10)
    whole = stored[path]
    stored[path] = whole.replace(b"entry 3", b"entry 8")
    with pytest.raises(BadProofError, match=r"expected the entries of tile/0/000\.p/10"):
        stored.write(10, [b"more"])
    stored[path] = whole[:-1]
    with pytest.raises(MalformedError, match=r"tile/entries/000\.p/10: expected"):
        stored.write(10, [b"more"])


def test_a_subtree_that_is_not_whole_is_not_there() -> None:
    stored = Stored()
    stored.write(0, entries(300))
    hashes = TileHashes(300, stored.__getitem__)
    assert hashes(1, 0) == node_hash(hashes(0, 0), hashes(0, 1))
    for level, index in ((0, 300), (8, 1), (9, 0), (-1, 0), (0, -1)):
        with pytest.raises(ArgumentError, match=f"subtree {index} of level {level}"):
            hashes(level, index)


def test_tiles_of_another_log_or_length_are_found() -> None:
    stored = Stored()
    stored.write(0, entries(600))
    with pytest.raises(BadProofError, match="tiles of 600 entries, root: expected"):
        TileHashes(600, stored.__getitem__).authenticate(root_of(entries(599)))
    full = tile_path(0, 1)
    stored[full] = stored[tile_path(0, 0)]
    hashes = TileHashes(600, stored.__getitem__)
    hashes.authenticate(root_of(entries(600)))  # reads no more than it was asked
    hashes(0, 256)
    with pytest.raises(BadProofError, match="tile/0/001: expected"):
        hashes.authenticate(root_of(entries(600)))
    stored[full] += bytes(32)
    with pytest.raises(MalformedError, match="tile/0/001: expected 8,192 bytes, found 8,224"):
        TileHashes(600, stored.__getitem__)(0, 256)


def test_a_tile_that_vouches_for_others_is_read_and_checked_itself() -> None:
    """The first of level 1 is full here: the root has it only by way of level 2."""
    size = WIDTH * WIDTH
    stored, added = Stored(), entries(size)
    stored.write(0, added)
    expected = root_of(added)
    hashes = TileHashes(size, stored.__getitem__)
    hashes(0, 5)
    hashes.authenticate(expected)
    tile = stored["tile/1/000"]
    stored["tile/1/000"] = tile[:-1] + bytes([tile[-1] ^ 1])
    hashes = TileHashes(size, stored.__getitem__)
    hashes(0, 5)
    with pytest.raises(BadProofError, match="tile/1/000: expected"):
        hashes.authenticate(expected)


def test_whatever_byte_of_a_file_is_changed_is_found() -> None:
    random, stored, added = Random(6962), Stored(), entries(600)  # noqa: S311 - no secret
    stored.write(0, added)
    expected, leaves = root_of(added), [leaf_hash(entry) for entry in added]
    paths = sorted(stored)
    for _ in range(2000):
        path = random.choice(paths)
        hurt = Stored(stored) | {path: mutated(stored[path], random)}
        with pytest.raises((BadProofError, MalformedError)):
            check(hurt, path, leaves, expected)


def check(stored: dict[str, bytes], path: str, leaves: list[bytes], expected: bytes) -> None:
    """Check one file of a log of 600 entries, as somebody does who has its root."""
    hashes, number = TileHashes(600, stored.__getitem__), int(path.partition(".")[0][-3:])
    if "entries" not in path:
        hashes(0, number * WIDTH)
        hashes.authenticate(expected)
        return
    width = min(WIDTH, 600 - number * WIDTH)
    found = [leaf_hash(entry) for entry in decode_bundle(stored[path], width, path)]
    if found != leaves[number * WIDTH :][:width]:
        raise BadProofError(path, expected="the entries of the tile", found="others")
