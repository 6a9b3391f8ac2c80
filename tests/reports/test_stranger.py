"""Whoever reads docs/evidence-format.md, and nothing else of ours, comes to the same verdicts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from chimera_assets.reports.evidence.bundle import zip_bundle
from chimera_assets.reports.evidence.canonical_json import canonical
from chimera_assets.reports.evidence.verification import verify_bundle
from tests.audit.tlog.trees import LOG, LOG_PQ, WITNESS
from tests.reports import stranger
from tests.reports.evidence.bundles import FILES, SIGNER, SIGNER_PQ, TRUST, bundle
from tests.reports.evidence.test_fuzz import CHANGES, contents, restore

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).parents[2] / "docs/evidence-format.md"
MANY = [str(key.verifier) for key in (LOG, LOG_PQ)]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    bundle(tmp_path / "one")
    return tmp_path / "one"


def theirs(signers: Sequence[str] = (str(SIGNER.verifier),)) -> stranger.Verifier:
    return stranger.Verifier(list(signers), MANY, [str(WITNESS.verifier)], 1)


def test_a_stranger_verifies_a_bundle_with_a_program_of_their_own(made: Path) -> None:
    keys = ["--signer", str(SIGNER_PQ.verifier), "--witness", str(WITNESS.verifier), "--quorum=1"]
    script = Path(stranger.__file__)
    command = [sys.executable, "-I", str(script), str(made), *keys, "--log", MANY[0]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [f"{step}: satisfied" for step in stranger.STEPS]
    (made / "report.pdf").write_bytes(b"%PDF-1.7 a made-up pagE")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "files: expected the hash of report.pdf" in done.stdout
    assert "log inclusion: satisfied" in done.stdout


def test_the_stranger_knows_nothing_of_ours() -> None:
    imports = re.findall(
        r"^(?:from|import) (\w+)", Path(stranger.__file__).read_text(), re.MULTILINE
    )
    known = set(sys.stdlib_module_names) | {"cryptography"}
    assert set(imports) <= known


def test_both_come_to_the_same_verdict_of_whatever_is_changed(made: Path, tmp_path: Path) -> None:
    bundle(tmp_path / "two", {**FILES, "report.pdf": b"%PDF-1.7 another page"})
    folder, random = tmp_path / "changed", Random("stranger")  # noqa: S311 - no secret
    shutil.copytree(made, folder)
    assert theirs().verify(folder)
    for _ in range(120):
        before = contents(folder)
        random.choice(CHANGES)(folder, tmp_path / "two", random)
        after = contents(folder)
        assert theirs().verify(folder) == verify_bundle(folder, TRUST).sound
        restore(folder, before, after)
    zip_bundle(made, tmp_path / "one.zip")
    packed = shutil.make_archive(str(tmp_path / "theirs"), "zip", tmp_path, "one")
    for place in (tmp_path / "one.zip", Path(packed)):
        assert theirs().verify(place)


def test_whose_signature_counts_is_for_both_to_be_told(made: Path) -> None:
    verifier = theirs(MANY[:1])
    assert not verifier.verify(made)
    wrong = [name for name, said in verifier.outcomes.items() if said != stranger.SATISFIED]
    assert wrong == ["manifest signature"]


@given(
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not 2**53 <= abs(x) < 1e21)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 9))
)
def test_both_write_canonical_json_alike(value: Any) -> None:
    data = canonical(value)
    assert stranger.canonical(stranger.read_json(data)).encode() == data


def test_the_numbers_of_the_page_are_right() -> None:
    rows = dict(
        re.findall(
            r"^\| (.+?) \| `([^|]+)` \|$", PAGE.read_text().split("Numbers to try")[1], re.MULTILINE
        )
    )
    values = iter(rows.values())
    key, encoded, sig, text, hashed, leaf, root, log, line, commitment = values
    for vkey, seed in ((key, b"s"), (log, b"a")):
        private = Ed25519PrivateKey.from_private_bytes(seed * 32)
        assert stranger.Key(vkey).public == private.public_key().public_bytes_raw()
    assert stranger.encoding(stranger.TYPE, b"{}").decode() == encoded
    stranger.Key(key).verify(stranger.base64(sig), encoded.encode())
    given = stranger.read_json(r'{"b": 1.0, "a": [1e21, "€\u000f"]}'.encode())
    assert (stranger.canonical(given), stranger.hash_of(given)) == (text, hashed)
    leaves = [sha256(b"\0" + entry).digest() for entry in (b"{}", b"[]", b"1")]
    left = sha256(b"\1" + leaves[0] + leaves[1]).digest()
    assert (leaves[0].hex(), sha256(b"\1" + left + leaves[2]).hexdigest()) == (leaf, root)
    noted = f"example.com/log\n3\n{stranger.b64encode(bytes.fromhex(root)).decode()}\n\n{line}\n"
    assert stranger.signers(noted, [stranger.Key(log)]) == {"example.com/log"}
    assert sha256(bytes(32) + b'{"reason":"x"}').hexdigest() == commitment
