"""JSON as a verifier must read it; it is written by `canonical_json`.

What two readers could understand differently is refused: names given twice, numbers that a double
does not hold, halves of characters. So whoever reads a bundle reads what was signed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from chimera_assets.reports.evidence.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Iterator

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

#: Lists and objects within each other.
MOST_LEVELS = 64

#: Integers beyond are not the same to every reader (RFC 7493, section 2.2): they are texts.
LARGEST = 2**53 - 1

_BOM = b"\xef\xbb\xbf"
#: A text without its end goes on to the document's: so each character is looked at once.
_TEXT_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
#: Half a character: JSON can name it, UTF-8 does not have it.
HALF = re.compile(r"[\ud800-\udfff]")
_POINTER = re.compile(r"(/([^~/]|~[01])*)*", re.DOTALL)
_NOT_ZERO = re.compile(r"[1-9]")


class _Fault:
    """In the place of a value that is refused: why."""

    def __init__(self, expected: str, found: str) -> None:
        self.expected = expected
        self.found = found


def loads(data: bytes, name: str) -> Json:
    """Read a document.

    Args:
        data: The whole of it.
        name: What it is called in errors, before the place in it (a JSON pointer, RFC 6901).

    Raises:
        EvidenceError: It is no UTF-8 or no JSON, begins with a byte order mark, goes on after its
            end, is nested too deep, or has a name twice, a number that a double does not hold, or
            half a character.
    """
    text = _text(data, name)
    _check_levels(text, name)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=lambda said: _Fault("a number", said),
        )
    except json.JSONDecodeError as error:
        place = f"{name}, line {error.lineno}, column {error.colno}"
        found = "more after its end" if error.msg == "Extra data" else error.msg
        raise EvidenceError(place, expected="one JSON document", found=found) from None
    for place, fault in _faults(value, f"{name}#"):
        raise EvidenceError(place, expected=fault.expected, found=fault.found)
    return value  # type: ignore[no-any-return]


def at(value: Json, pointer: str, name: str) -> Json:
    """The value that a JSON pointer names (RFC 6901).

    Raises:
        EvidenceError: There is none, or it is no pointer.
    """
    if _POINTER.fullmatch(pointer) is None:
        raise EvidenceError(name, expected="a JSON pointer (RFC 6901)", found=repr(pointer))
    found = value
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and re.fullmatch("0|[1-9][0-9]{0,8}", key):
            found = found[int(key)] if int(key) < len(found) else _missing(name, pointer)
        else:
            _missing(name, pointer)
    return found


def _missing(name: str, pointer: str) -> Json:
    where = f"{name}#{pointer}"
    raise EvidenceError(where, expected="a value", found="none")


def _text(data: bytes, name: str) -> str:
    if data.startswith(_BOM):
        raise EvidenceError(name, expected="no byte order mark", found="one")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"byte {data[error.start]:#04x} at {error.start:,}"
        raise EvidenceError(name, expected="UTF-8", found=found) from None


def _check_levels(text: str, name: str) -> None:
    """Refuse what is nested too deep before any reader goes down into it."""
    level = 0
    for found in _TEXT_OR_BRACKET.finditer(text):
        mark = found[0]
        level += mark in "[{"
        level -= mark in "]}"
        if level > MOST_LEVELS:
            where = f"{name}, character {found.start():,}"
            expected = f"at most {MOST_LEVELS} levels of lists and objects"
            raise EvidenceError(where, expected=expected, found="more")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Fault:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return _Fault("each name once", f"{twice!r} twice")


def _integer(digits: str) -> int | _Fault:
    if len(digits) <= len(str(LARGEST)) + 1 and abs(number := int(digits)) <= LARGEST:
        return number
    return _Fault(f"an integer of at most {LARGEST}, larger ones as texts", digits)


def _number(digits: str) -> float | _Fault:
    number = float(digits)
    significant, _, _ = digits.lower().partition("e")
    if number in {float("inf"), float("-inf")} or (not number and _NOT_ZERO.search(significant)):
        return _Fault("a number that a double holds", digits)
    return number


def _faults(value: Any, place: str) -> Iterator[tuple[str, _Fault]]:  # noqa: ANN401
    """What is refused, with its JSON pointer."""
    match value:
        case _Fault():
            yield place, value
        case str() if found := HALF.search(value):
            yield place, _half(found[0])
        case list():
            for number, each in enumerate(value):
                yield from _faults(each, f"{place}/{number}")
        case dict():
            for key, each in value.items():
                if found := HALF.search(key):
                    yield place, _half(found[0])
                yield from _faults(each, f"{place}/{escaped(key)}")


def escaped(key: str) -> str:
    """A name as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _half(found: str) -> _Fault:
    return _Fault("whole characters", f"half of one, U+{ord(found):04X}")
