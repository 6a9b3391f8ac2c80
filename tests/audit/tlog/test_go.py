"""Go's packages for transparency logs open our notes, believe our proofs, read our tiles."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chimera_assets.audit.tlog.encoding import to_base64
from chimera_assets.audit.tlog.merkle import consistency_proof, inclusion_proof, leaf_hash
from chimera_assets.audit.tlog.signing import sign
from tests.audit.tlog.trees import (
    LOG,
    LOG_PQ,
    NOW,
    STRANGER,
    WITNESS,
    Stored,
    checkpoint_of,
    entries,
    hashes_of,
    root_of,
)

PROGRAM = Path(__file__).with_name("reference.go")
#: Where Debian's golang-golang-x-mod-dev puts the packages.
SOURCES = Path(os.environ.get("GOPATH") or "/usr/share/gocode")

pytestmark = [
    pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed (golang-go)"),
    pytest.mark.skipif(
        not (SOURCES / "src/golang.org/x/mod/sumdb/tlog").is_dir(),
        reason="Go's packages are not installed (golang-golang-x-mod-dev)",
    ),
]

SIZE = 700
ENTRIES = entries(SIZE)
HASHES = hashes_of(ENTRIES)
ROOT = root_of(ENTRIES)


def ask(folder: Path, question: dict[str, Any]) -> dict[str, list[bool]]:
    """What the program says; it is compiled without the network, into the folder."""
    (folder / "asked.json").write_text(json.dumps(question))
    env = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": str(SOURCES),
        "GOFLAGS": "",
        "GOCACHE": str(folder / "cache"),
    }
    command = ["go", "run", str(PROGRAM), str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[bool]] = json.loads(done.stdout)
    return found


def claim(kind: str, old: int, new: int, first: bytes, proof: list[bytes]) -> dict[str, Any]:
    return {
        "Kind": kind,
        "Old": old,
        "New": new,
        "OldRoot": to_base64(first),
        "NewRoot": to_base64(root_of(ENTRIES[:new])),
        "Proof": [to_base64(each) for each in proof],
    }


def inclusion(index: int, size: int, path: list[bytes] | None = None) -> dict[str, Any]:
    proof = inclusion_proof(index, size, HASHES) if path is None else path
    return claim("inclusion", index, size, leaf_hash(ENTRIES[index]), proof)


def consistency(old: int, new: int, path: list[bytes] | None = None) -> dict[str, Any]:
    proof = consistency_proof(old, new, HASHES) if path is None else path
    return claim("consistency", old, new, root_of(ENTRIES[:old]), proof)


def test_go_takes_what_is_ours_and_refuses_what_is_forged(tmp_path: Path) -> None:
    stored = Stored()
    for old, new in pairwise((0, 100, 256, 600, SIZE)):
        stored.write(old, ENTRIES[old:new])
    for path, data in stored.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    text = checkpoint_of(ENTRIES).text
    good = sign(text, [LOG, LOG_PQ, WITNESS], NOW).encode()
    true = [inclusion(index, SIZE) for index in (0, 255, 256, 511, 512, 698, 699)]
    true += [consistency(old, SIZE) for old in (1, 2, 255, 256, 257, 512, 600, 699, 700)]
    true += [inclusion(0, 1), inclusion(68, 69), consistency(64, 69), consistency(68, 69)]
    path = inclusion_proof(5, SIZE, HASHES)
    forged = [inclusion(6, SIZE, path), inclusion(5, SIZE, path[:-1])]
    forged += [inclusion(5, SIZE, [*path, ROOT]), inclusion(5, SIZE, path[::-1])]
    forged += [consistency(600, SIZE, consistency_proof(601, SIZE, HASHES))]
    forged += [consistency(601, SIZE, consistency_proof(601, SIZE, HASHES)[:-1])]
    found = ask(
        tmp_path,
        {
            "Vkey": str(LOG.verifier),
            "Notes": [
                to_base64(each)
                for each in (
                    good,
                    good.replace(b"\n700\n", b"\n701\n"),
                    sign(text, [STRANGER, WITNESS], NOW).encode(),
                )
            ],
            "Claims": [*true, *forged],
            "Size": SIZE,
            "Root": to_base64(ROOT),
        },
    )
    assert found["Opened"] == [True, False, False]
    assert found["Held"] == [True] * len(true) + [False] * len(forged)
    assert found["Made"] == [True] * len(true) + [False] * len(forged)
