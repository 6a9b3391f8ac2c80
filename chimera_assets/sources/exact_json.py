"""JSON with its numbers as they were written: no digit is lost, and none is too long."""

from __future__ import annotations

import json
import re
from typing import Any

_HALF_A_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class Number(str):
    """A number of a JSON document, as it is written there."""

    __slots__ = ()


def _refuse(constant: str) -> None:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_refuse)


def decoded(text: str) -> Any:  # noqa: ANN401 - what JSON holds
    """The value of a document; of a name that an object has twice, the last.

    Raises:
        ValueError: It is no JSON, or has half of a pair of surrogates, which no text can have.
        RecursionError: It is nested deeper than Python reads.
    """
    return _whole(_DECODER.decode(text), text)


def _whole(value: Any, text: str) -> Any:  # noqa: ANN401 - what JSON holds
    """The value of a text, if it has no half of a pair of surrogates."""
    if _HALF_A_PAIR.search(text):
        json.dumps(value, ensure_ascii=False).encode()
    return value


def decoded_for_floats(text: str) -> tuple[Any, bool]:
    """The same for readers that know numbers only as floating point, and objects' first names.

    Returns:
        The value, in which a number that would not come out of floating point as it was written is
        a text; and whether it is the document as it stands.

    Raises:
        ValueError: As above.
        RecursionError: As above.
    """
    is_plain = True

    def number(written: str) -> str:
        nonlocal is_plain
        if repr(float(written)) == written:
            return Number(written)
        is_plain = False
        return written

    def together(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal is_plain
        found = dict(pairs)
        is_plain = is_plain and len(found) == len(pairs)
        return found

    decoder = json.JSONDecoder(
        parse_float=number, parse_int=Number, parse_constant=_refuse, object_pairs_hook=together
    )
    value = _whole(decoder.decode(text), text)
    return value, is_plain


def as_written(value: object) -> str:
    """A decoded value as JSON again."""
    if isinstance(value, dict):
        inside = ",".join(f"{as_written(name)}:{as_written(item)}" for name, item in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{','.join(map(as_written, value))}]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)
