"""A `.json` file is one document: an object, or a list of which each object is as a line."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from chimera_assets.sources.landing import json_document
from chimera_assets.sources.landing.damage import CorruptFile, Unfinished
from chimera_assets.sources.landing.json_document import items, written
from chimera_assets.sources.landing.limits import Limits
from tests.sources.landing.conftest import LIMITS, Landing, event


def test_the_objects_of_a_document_are_rows(landing: Landing) -> None:
    many = json.dumps([event(1, model="größe"), event(2)], indent=1, ensure_ascii=False)
    landing.drop("a.json", f"\ufeff{many}\n".encode())
    landing.drop("b.json", json.dumps(event(3)).encode())
    landing.drop("c.json.gz", json.dumps([event(4), 5]).encode())
    landing.drop("d.json", b"[]")

    entries = landing.take().entries

    assert [(Path(one.uri).name, one.rows, one.malformed, one.why) for one in entries] == [
        ("a.json", 2, 0, None),
        ("b.json", 1, 0, None),
        ("c.json.gz", 2, 1, None),
        ("d.json", 0, 0, None),
    ]
    rows = landing.rows()
    assert rows["event_id"].to_list() == ["e-1", "e-2", "e-3", "e-4", None]
    assert rows["model"][0] == "größe"
    assert rows["_line"].to_list() == [1, 2, 1, 1, 2]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[" * 100_000, "it is nested too deep"),
        (b"[\n{},\n}", "it is no JSON document (line 3); JSON lines are to be called .jsonl"),
        (b"{}\n{}\n", "it is no JSON document (line 2); JSON lines are to be called .jsonl"),
        (b'["\xff"]', "it is no JSON document; JSON lines are to be called .jsonl"),
        (b"7", "expected a JSON object or a list of objects, found another value"),
        (b" " * 2**20 + b"7", "a document of more than 1 MiB; write JSON lines (.jsonl) instead"),
        (b"[1, 2, 3, 4]", "it has more than 3 rows; see CHIMERA_LANDING_MAX_ROWS"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_document_that_is_not_read_says_why(
    tmp_path: Path, content: bytes, why: str, monkeypatch: pytest.MonkeyPatch, *, zipped: bool
) -> None:
    monkeypatch.setattr(json_document, "DOCUMENT_BYTES", 2**20)
    path = tmp_path / "a.json"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(CorruptFile) as found:
        items(path, zipped=zipped, limits=Limits(rows=3, unpacked_bytes=2**30))
    assert str(found.value) == why


def test_a_document_may_be_as_large_as_one_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_document, "DOCUMENT_BYTES", 2**20)
    path = tmp_path / "a.json"
    path.write_bytes(b"[1]".ljust(2**20))
    assert items(path, zipped=False, limits=Limits(rows=1, unpacked_bytes=2**30)) == ["1"]


def test_a_zipped_document_that_is_cut_off_or_damaged_says_which(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    whole = gzip.compress(os.urandom(2_000).hex().encode())
    path.write_bytes(whole[:-9])
    with pytest.raises(Unfinished) as unfinished:
        items(path, zipped=True, limits=LIMITS)
    assert str(unfinished.value) == "the gzip file is cut off: it ends before its trailer"
    for content in (b"no gzip", whole[:100] + b"\0" * 50 + whole[150:]):
        path.write_bytes(content)
        with pytest.raises(CorruptFile, match="the gzip file is damaged: "):
            items(path, zipped=True, limits=LIMITS)


def test_what_is_nested_deeper_than_it_can_be_written_says_so() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(CorruptFile) as found:
        written(deep)
    assert str(found.value) == "it is nested too deep"
