"""Whether all that an OSCAL document refers to is in it: tools that read it do not ask."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chimera_assets.reports.evidence.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The datatype of OSCAL's ids, of which only letters of ASCII are used.
TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def check_references(document: object) -> None:
    """Check the identifiers of a document and the references to them.

    Raises:
        EvidenceError: An identifier is none or there twice, or a reference leads nowhere.
    """
    found = list(_walk(document, "OSCAL#"))
    known: set[str] = set()
    for place, name, value in found:
        if name != "uuid":
            continue
        if _UUID.fullmatch(value) is None or value in known:
            expected = "an identifier (UUID of version 4 or 5) of its own"
            raise EvidenceError(place, expected=expected, found=value)
        known.add(value)
    for place, name, value in found:
        target = value.removeprefix("#") if name == "href" and value.startswith("#") else None
        if name.endswith("-uuid"):
            target = value
        if target is not None and target not in known:
            expected = "a reference to something of this document"
            raise EvidenceError(place, expected=expected, found=value)


def _walk(value: object, place: str) -> Iterator[tuple[str, str, str]]:
    """Every text of a document: its place, the name by which it stands there, the text."""
    parts = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, each in parts:
        here = f"{place}/{key}"
        if isinstance(each, str):
            yield here, str(key), each
        else:
            yield from _walk(each, here)
