"""Signed notes and checkpoints: one form, taken whole or refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.errors import MalformedError
from chimera_assets.audit.tlog.note import MAX_BYTES, MAX_SIGNATURES, Note, Signature

#: The examples of c2sp.org/signed-note and c2sp.org/tlog-cosignature.
POEM = """\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""  # noqa: E501 - as it is published
COSIGNED = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501 - as it is published
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
LINE = "— example.com/key AAAAAAE="


def test_the_standards_notes_are_read_and_written_back() -> None:
    for example in (POEM, COSIGNED):
        assert Note.parse(example.encode()).encode() == example.encode()
    poem = Note.parse(POEM.encode())
    assert poem.text.endswith("\n\ned è subito sera.\n")
    assert [each.name for each in poem.signatures] == ["quasimodo.example/salvatore"]
    assert [each.key_id.hex() for each in poem.signatures] == ["367ba04b"]


def test_the_standards_checkpoint_is_read_and_written_back() -> None:
    note = Note.parse(COSIGNED.encode())
    checkpoint = Checkpoint.parse(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.text == note.text


NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1).map(
    lambda name: name.replace("+", "-")
)
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.just("\n"))
SIGNATURES = st.builds(
    Signature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=99)
)


@settings(max_examples=40)
@given(TEXTS, st.lists(SIGNATURES, min_size=1, max_size=16))
def test_any_note_comes_back(text: str, signatures: list[Signature]) -> None:
    note = Note(f"{text}\n", tuple(signatures))
    assert Note.parse(note.encode()) == note


@given(st.binary() | TEXTS.map(str.encode) | TEXTS.map(lambda text: f"{text}\n\n{LINE}\n".encode()))
def test_what_is_read_is_what_would_be_written(data: bytes) -> None:
    try:
        note = Note.parse(data)
    except MalformedError:
        return
    assert note.encode() == data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("text\n", "an empty line before the signatures"),
        (f"text\n{LINE}\n", "an empty line before the signatures"),
        ("text\n\n", "1 to 100 signatures, found 0"),
        (f"text\n\n{LINE}", "a newline at its end"),
        (f"text\n\n{LINE}\n\n", "1 to 100 signatures, found 0"),
        (f"text\n\n{LINE}\ntrailing", "a newline at its end"),
        (f"text\n\n{LINE}\ntrailing\n", "signature 2: expected — <key name> <base64>"),
        (f"text\r\n\r\n{LINE}\r\n", "no control characters but newlines"),
        (f"te\txt\n\n{LINE}\n", "no control characters but newlines"),
        (f"text\n\n-{LINE[1:]}\n", "— <key name> <base64>"),
        ("text\n\n— example.com/key\n", "— <key name> <base64>"),
        ("text\n\n— example.com/key \n", "4 bytes of key id and some after, found 0 and 0"),
        ("text\n\n—  AAAAAAE=\n", "one without spaces and plus, found ''"),
        ("text\n\n— a+b AAAAAAE=\n", "one without spaces and plus"),
        ("text\n\n— a\u2003b AAAAAAE=\n", "one without spaces and plus"),
        ("text\n\n— a b AAAAAAE=\n", "canonical standard base64"),
        ("text\n\n— a AAAAAAE= \n", "canonical standard base64"),
        ("text\n\n— a AAAAAAE\n", "canonical standard base64"),
        ("text\n\n— a AAAAAAF=\n", "canonical standard base64"),
        ("text\n\n— a AAAA-AE=\n", "canonical standard base64"),
        ("text\n\n— a AAAAAAE=A\n", "canonical standard base64"),
        ("text\n\n— a ÄAAAAAE=\n", "canonical standard base64"),
        ("text\n\n— a AAAAAA==\n", "4 bytes of key id and some after, found 4 and 0"),
        (f"text\n\n{LINE}\n".encode("utf-16"), "UTF-8"),
        (f"text\n\n{LINE}\n" * MAX_SIGNATURES, None),
        ("text\n\n" + f"{LINE}\n" * (MAX_SIGNATURES + 1), "1 to 100 signatures, found 101"),
        ("t" * MAX_BYTES + f"\n\n{LINE}\n", "at most 1,000,000 bytes"),
    ],
)
def test_a_note_is_taken_in_one_form_only(data: str | bytes, expected: str | None) -> None:
    raw = data.encode() if isinstance(data, str) else data
    if expected is None:
        assert Note.parse(raw).encode() == raw
        return
    with pytest.raises(MalformedError) as refused:
        Note.parse(raw)
    assert expected in str(refused.value)


def test_what_could_not_be_read_is_not_written() -> None:
    good = Note("text\n", (Signature("example.com/key", b"1234", b"5"),))
    for bad in (
        replace(good, text="text"),
        replace(good, text="te\rxt\n"),
        replace(good, text="te\ud800xt\n"),
        replace(good, signatures=()),
        replace(good, signatures=good.signatures * (MAX_SIGNATURES + 1)),
    ):
        with pytest.raises(MalformedError, match="signed note: expected"):
            bad.encode()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f"example.com/log\n007\n{ROOT}\n", "tree size"),
        (f"example.com/log\n00\n{ROOT}\n", "tree size"),
        (f"example.com/log\n+7\n{ROOT}\n", "tree size"),
        (f"example.com/log\n-7\n{ROOT}\n", "tree size"),
        (f"example.com/log\n7 \n{ROOT}\n", "tree size"),
        (f"example.com/log\n\u0667\n{ROOT}\n", "tree size"),
        (f"example.com/log\n9223372036854775808\n{ROOT}\n", "tree size"),
        (f"example.com/log\n99999999999999999999\n{ROOT}\n", "tree size"),
        (f"example.com/log\n\n7\n{ROOT}\n", "checkpoint"),
        (f"example.com/log\n7\n{ROOT}\nextension\n", "checkpoint"),
        (f"example.com/log\n7\n{ROOT}\n\n", "checkpoint"),
        (f"example.com/log\n7\n{ROOT}", "checkpoint"),
        ("example.com/log\n7\n", "checkpoint"),
        (f"\n7\n{ROOT}\n", "origin"),
        (f"a\tb\n7\n{ROOT}\n", "origin"),
        (f"example.com/log\n7\n{ROOT[:-1]}\n", "root hash"),
        (f"example.com/log\n7\n{ROOT[:-2]}J=\n", "root hash"),
        ("example.com/log\n7\nAAAA\n", "root hash: expected a hash of 32 bytes, found 3 bytes"),
    ],
)
def test_a_checkpoint_is_taken_in_one_form_only(text: str, where: str) -> None:
    with pytest.raises(MalformedError) as refused:
        Checkpoint.parse(text)
    assert where in str(refused.value)


def test_what_cannot_be_a_checkpoint_is_not_made() -> None:
    for origin, size, root in (
        ("", 7, bytes(32)),
        ("two\nlines", 7, bytes(32)),
        ("half \ud800", 7, bytes(32)),
        ("example.com/log", -1, bytes(32)),
        ("example.com/log", 1 << 63, bytes(32)),
        ("example.com/log", 7, bytes(31)),
    ):
        with pytest.raises(MalformedError, match="checkpoint, "):
            Checkpoint(origin, size, root)
    largest = Checkpoint("example.com/log", (1 << 63) - 1, bytes(32))
    assert Checkpoint.parse(largest.text) == largest
