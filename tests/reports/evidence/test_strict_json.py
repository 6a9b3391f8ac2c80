"""JSON that two readers could understand differently is refused, with its place."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera_assets.reports.evidence.canonical_json import canonical, digest
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.strict_json import LARGEST, MOST_LEVELS, at, loads

NAN = float("nan")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": {"b/~": 1, "c": 2, "b/~": 1}}', "x#/a: expected each name once, found 'b/~' twice"),
        ('{"a": [0, NaN]}', "x#/a/1: expected a number, found NaN"),
        ('{"a": [-Infinity]}', "x#/a/0: expected a number, found -Infinity"),
        ("Infinity", "x#: expected a number, found Infinity"),
        ('{"a~": {"b/": 1e400}}', "x#/a~0/b~1: expected a number that a double holds, found 1e400"),
        ("[-1e400]", "x#/0: expected a number that a double holds"),
        ("[1e-400]", "x#/0: expected a number that a double holds"),
        ("[9007199254740992]", "x#/0: expected an integer of at most 9007199254740991"),
        (f"[{'9' * 5000}]", "x#/0: expected an integer of at most"),
        (r'["\ud800"]', "x#/0: expected whole characters, found half of one, U+D800"),
        (r'{"a": {"\udfff": 1}}', "x#/a: expected whole characters, found half of one, U+DFFF"),
        ("{} {}", "x, line 1, column 4: expected one JSON document, found more after its end"),
        ("{}\x00", "more after its end"),
        ('{"a": 1,}', "x, line 1, column"),
        ("['a']", "x, line 1, column 2"),
        ("[01]", "x, line 1"),
        ("[1.]", "x, line 1"),
        ('["\t"]', "x, line 1"),
        ("", "x, line 1, column 1"),
        ("[" * 70 + "]" * 70, "at most 64 levels of lists and objects, found more"),
        ('{"a":' * 100_000, "at most 64 levels"),
        ('"' + r"\"" * 1_000_000, "x, line 1"),  # not in the square of its length
        ('["' + "\\" * 1_000_001, "x, line 1"),
    ],
)
def test_what_is_refused_names_its_place(text: str, said: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        loads(text.encode("utf-8", "surrogatepass"), "x")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xef\xbb\xbf{}", "no byte order mark"),
        ('{"a": "ü"}'.encode("latin-1"), "x: expected UTF-8, found byte 0xfc at 7"),
        ("{}".encode("utf-16"), "UTF-8"),
        (b'["\xed\xa0\x80"]', "UTF-8"),  # half a character, as some write it
        (b'["\xc0\xaf"]', "UTF-8"),  # a slash in two bytes
    ],
)
def test_bytes_that_are_no_utf_8_are_refused(data: bytes, said: str) -> None:
    with pytest.raises(EvidenceError, match=said):
        loads(data, "x")


def test_all_else_is_read_as_it_stands() -> None:
    brackets = (
        '{"a": "[[{{\\"[[", "b": [' + "[" * (MOST_LEVELS - 2) + "]" * (MOST_LEVELS - 2) + "]}"
    )
    assert loads(brackets.encode(), "x") == json.loads(brackets)
    text = r' { "" : [ 1, -0.5, 0e-400, 1e21, "\ud83d\ude00 𝄞", true, null ] } '
    assert loads(text.encode(), "x") == json.loads(text)
    assert loads(b"9007199254740991", "x") == LARGEST
    assert loads(b'"x"', "x") == "x"


def test_values_are_found_by_their_pointer() -> None:
    document = loads(b'{"a": [{"b/": {"~": 7}}], "": 8, "01": 9}', "x")
    assert at(document, "", "x") == document
    assert at(document, "/a/0/b~1/~0", "x") == 7
    assert (at(document, "/", "x"), at(document, "/01", "x")) == (8, 9)
    for pointer in ("/b", "/a/1", "/a/-", "/a/00", "/a/0/b~1/~0/c", "/a/-1"):
        with pytest.raises(EvidenceError, match="expected a value, found none"):
            at(document, pointer, "x")
    for pointer in ("a", "x/a", "/a/0/b~/~0", "/~2", "/a~"):
        with pytest.raises(EvidenceError, match="expected a JSON pointer"):
            at(document, pointer, "x")


def test_exact_numbers_and_large_ones_are_written_as_texts() -> None:
    zone = timezone(timedelta(hours=1))
    value = {
        "z": [Decimal("1E+3"), Decimal("17.4200"), Decimal("0.00000001")],
        "a": (LARGEST, -LARGEST, LARGEST + 1, -(2**70)),
        "f": [1e20, 1e21, 0.1, 5.0, -0.0, 2.0**53],
        "t": [datetime(2026, 1, 1, 1, tzinfo=zone), date(2026, 1, 2), True, None],
        "\u20ac": "\u20ac\n",
    }
    assert canonical(value).decode() == (
        '{"a":[9007199254740991,-9007199254740991,"9007199254740992","-1180591620717411303424"],'
        '"f":["100000000000000000000",1e+21,0.1,5,0,"9007199254740992"],'
        '"t":["2026-01-01T00:00:00Z","2026-01-02",true,null],'
        '"z":["1000","17.4200","0.00000001"],"€":"€\\n"}'
    )
    # RFC 8785, section 3.2.3: names in the order of their UTF-16.
    names = {"\ufb33": 1, "\U0001f600": 2, "ö": 3, "\r": 4}
    assert list(loads(canonical(names), "x")) == ["\r", "ö", "\U0001f600", "\ufb33"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [1, NAN]}, "x#/a/1: expected a finite number, found nan"),
        ([math.inf], "x#/0: expected a finite number, found inf"),
        ([Decimal("NaN")], "x#/0: expected a finite number"),
        (["\ud800"], "x#/0: expected whole characters"),
        ({"\ud800": 1}, "expected names that are texts"),
        ({1: 1}, "x#: expected names that are texts, found 1"),
        ({"a/b": {"c": b""}}, "x#/a~1b/c: expected what JSON can say, found bytes"),
        ([datetime(2026, 1, 1)], "x#/0: expected a time with a zone"),  # noqa: DTZ001
    ],
)
def test_what_json_cannot_say_is_not_written(value: Any, said: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        canonical(value, "x")
    assert said in str(caught.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("aé/~\U0001f600"), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_is_written_is_read_and_written_again_the_same(value: Any) -> None:
    data = canonical(value)
    assert canonical(loads(data, "x")) == data
    assert digest(value) == digest(loads(data, "x"))
