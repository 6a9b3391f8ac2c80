"""Proofs in files: read in one form, and true only of what they were made for."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from chimera_assets.audit.tlog.errors import (
    BadProofError,
    BadSignatureError,
    MalformedError,
    TransparencyError,
)
from chimera_assets.audit.tlog.merkle import inclusion_proof, leaf_hash
from chimera_assets.audit.tlog.proof import Proof, verify
from chimera_assets.audit.tlog.signing import Verified, sign
from tests.audit.tlog.mutations import mutated
from tests.audit.tlog.trees import (
    LOG,
    LOG_PQ,
    NOW,
    STRANGER,
    WITNESS,
    WITNESS_PQ,
    WITNESS_TWO,
    checkpoint_of,
    entries,
    hashes_of,
)

ENTRIES = entries(100)
INDEX = 42
LEAF = leaf_hash(ENTRIES[INDEX])
CHECKPOINT = checkpoint_of(ENTRIES)
PATH = tuple(inclusion_proof(INDEX, 100, hashes_of(ENTRIES)))
PROOF = Proof(INDEX, PATH, sign(CHECKPOINT.text, [LOG, LOG_PQ, WITNESS, WITNESS_TWO], NOW))
OF_LOG = [LOG.verifier, LOG_PQ.verifier]
WITNESSES = [WITNESS.verifier, WITNESS_PQ.verifier, WITNESS_TWO.verifier]


def test_a_proof_is_written_as_the_standard_says_and_comes_back() -> None:
    lines = PROOF.encode().decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 42"]
    assert lines[2 + len(PATH) :][:3] == ["", "example.com/log", "100"]
    assert Proof.parse(PROOF.encode()) == PROOF
    extra = replace(PROOF, extra=b"more")
    assert extra.encode().decode().split("\n")[1:3] == ["extra bW9yZQ==", "index 42"]
    assert Proof.parse(extra.encode()) == extra


def test_a_tree_of_one_leaf_needs_no_hashes() -> None:
    one = checkpoint_of([b"only"])
    proof = Proof(0, (), sign(one.text, [LOG], NOW))
    assert Proof.parse(proof.encode()) == proof
    assert verify(proof, leaf_hash(b"only"), OF_LOG).checkpoint == one


def test_a_good_proof_says_who_signed_and_when() -> None:
    proven = verify(PROOF, LEAF, OF_LOG, WITNESSES, quorum=2)
    assert proven.checkpoint == CHECKPOINT
    assert proven.log == (Verified(LOG.verifier, None), Verified(LOG_PQ.verifier, NOW))
    assert proven.witnesses == tuple(
        Verified(each.verifier, NOW) for each in (WITNESS, WITNESS_TWO)
    )


def test_a_proof_is_of_one_entry_of_one_log() -> None:
    with pytest.raises(BadProofError, match="inclusion proof, root"):
        verify(PROOF, leaf_hash(b"other"), OF_LOG)
    with pytest.raises(BadProofError):
        verify(replace(PROOF, index=43), LEAF, OF_LOG)
    with pytest.raises(BadProofError, match="inclusion proof: expected more hashes"):
        verify(replace(PROOF, path=PATH[:-1]), LEAF, OF_LOG)
    with pytest.raises(BadSignatureError, match=r"a trusted log \(stranger.example\), found 'exam"):
        verify(PROOF, LEAF, [STRANGER.verifier])
    with pytest.raises(BadSignatureError, match=r"a trusted log .nobody."):
        verify(PROOF, LEAF, [])


def test_the_log_itself_has_to_have_signed_and_enough_witnesses() -> None:
    by_witness = replace(PROOF, checkpoint=sign(CHECKPOINT.text, [WITNESS], NOW))
    with pytest.raises(BadSignatureError, match=r"a signature by example.com/log, found those of"):
        verify(by_witness, LEAF, OF_LOG, WITNESSES)
    by_one = replace(PROOF, checkpoint=sign(CHECKPOINT.text, [LOG, WITNESS, WITNESS_PQ], NOW))
    assert len(verify(by_one, LEAF, OF_LOG, WITNESSES, quorum=1).witnesses) == 2
    with pytest.raises(BadSignatureError, match="by 2 of the trusted witnesses, found 1"):
        verify(by_one, LEAF, OF_LOG, WITNESSES, quorum=2)
    with pytest.raises(BadSignatureError, match="by 1 of the trusted witnesses, found 0"):
        verify(PROOF, LEAF, OF_LOG, quorum=1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("@v1", "@v2", "tlog-proof, line 1: expected c2sp.org/tlog-proof@v1"),
        ("@v1\n", "@v1\n\n", "checkpoint"),
        ("index 42", "index 042", "tlog-proof, index: expected a decimal number"),
        ("index 42", "index  42", "tlog-proof, index: expected a decimal number"),
        ("index 42", "index", "expected a line `index …`"),
        ("index 42", "indes 42", "expected a line `index …`"),
        ("index 42\n", "", "expected a line `index …`"),
        ("index 42", "index 42\nindex 42", "hash 1: expected canonical standard base64"),
        ("index 42", "extra \nindex 42", "tlog-proof, extra: expected no such line without data"),
        ("index 42", "extra\nindex 42", "expected a line `index …`"),
        ("index 42", "extra YQ=\nindex 42", "extra: expected canonical standard base64"),
        ("index 42", "extra YQ==\nextra YQ==\nindex 42", "expected a line `index …`"),
        ("index 42", "index 42\nAAAA", "hash 1: expected a hash of 32 bytes, found 3 bytes"),
        ("index 42", "index 42" + 57 * f"\n{'A' * 43}=", "at most 63 hashes, found 64"),
        ("\n", "\r\n", "no control characters but newlines"),
        ("\n\n", "\n\n\n", "checkpoint"),
        ("\n\n", "\n", "expected an empty line"),
        ("example.com/log\n100\n", "example.com/log\n100\nmore\n", "checkpoint: expected lines"),
    ],
)
def test_a_proof_is_taken_in_one_form_only(old: str, new: str, expected: str) -> None:
    text = PROOF.encode().decode()
    assert len(PATH) == 7
    with pytest.raises(MalformedError) as refused:
        Proof.parse(text.replace(old, new).encode())
    assert expected in str(refused.value)


def test_a_proof_needs_a_first_line_and_an_index() -> None:
    for text in ("", "\n\n", "c2sp.org/tlog-proof@v1\n\n"):
        with pytest.raises(MalformedError):
            Proof.parse(text.encode() + (PROOF.checkpoint.encode() if text else b""))


def test_whatever_byte_of_a_proof_is_changed_is_found() -> None:
    random = Random(6962)  # noqa: S311 - no secret
    data = replace(PROOF, checkpoint=sign(CHECKPOINT.text, [LOG, WITNESS], NOW)).encode()
    known = [LOG.verifier], [WITNESS.verifier]
    verify(Proof.parse(data), LEAF, *known, quorum=1)
    for _ in range(2000):
        hurt = mutated(data, random)
        with pytest.raises(TransparencyError):
            verify(Proof.parse(hurt), LEAF, *known, quorum=1)
