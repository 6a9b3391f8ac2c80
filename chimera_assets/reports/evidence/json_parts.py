"""Parts of a JSON document, each of the kind that it has to be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.strict_json import LARGEST

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_SHA256 = re.compile(r"[0-9a-f]{64}")


def object_of(value: object, where: str, names: AbstractSet[str]) -> dict[str, Any]:
    """An object with just these names.

    Raises:
        EvidenceError: It is none, lacks one or has another.
    """
    found = mapping_of(value, where)
    if found.keys() != names:
        odd = ", ".join(sorted(found.keys() - names)) or "no others"
        lacking = ", ".join(sorted(names - found.keys())) or "none"
        expected = f"the names {', '.join(sorted(names))}"
        raise EvidenceError(where, expected=expected, found=f"lacking {lacking}; besides {odd}")
    return found


def mapping_of(value: object, where: str) -> dict[str, Any]:
    """An object with any names.

    Raises:
        EvidenceError: It is none.
    """
    if not isinstance(value, dict):
        raise EvidenceError(where, expected="an object", found=_kind(value))
    return value


def list_of(value: object, where: str) -> list[Any]:
    """A list.

    Raises:
        EvidenceError: It is none.
    """
    if not isinstance(value, list):
        raise EvidenceError(where, expected="a list", found=_kind(value))
    return value


def text_of(value: object, where: str) -> str:
    """A text.

    Raises:
        EvidenceError: It is none.
    """
    if not isinstance(value, str):
        raise EvidenceError(where, expected="a text", found=_kind(value))
    return value


def hash_of(value: object, where: str) -> str:
    """A SHA-256 in hexadecimal.

    Raises:
        EvidenceError: It is none.
    """
    text = text_of(value, where)
    if _SHA256.fullmatch(text) is None:
        raise EvidenceError(where, expected="64 small hexadecimal digits", found=repr(text))
    return text


def count_of(value: object, where: str) -> int:
    """A whole number from 0 on.

    Raises:
        EvidenceError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise EvidenceError(where, expected="a whole number from 0 on", found=repr(value))
    return value


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return kinds.get(type(value), "null" if value is None else "a number")
