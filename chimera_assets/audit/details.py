"""What an entry holds of a change, as JSON of bounded size: numbers and names, never rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import TypeAlias

#: What callers give: names to scalars, lists and mappings.
Details: TypeAlias = Mapping[str, object]

#: A text's characters, a list's or mapping's members, and how deep they go.
_TEXT, _MEMBERS, _DEPTH = 500, 50, 4

#: The most bytes of one side of a change; an entry of the log stays below 65,535 bytes.
_BYTES = 16_000

_CUT = "…"


def as_json(details: Details | None) -> str | None:
    """The details as JSON text that PostgreSQL accepts; None stays None."""
    if details is None:
        return None
    text = json.dumps(_bounded(details, _DEPTH), ensure_ascii=False, allow_nan=False)
    if len(text.encode()) <= _BYTES:
        return text
    return json.dumps({"cut": f"{len(text):,} characters", "names": list(map(clean, details))[:9]})


def clean(text: str, limit: int = _TEXT) -> str:
    """A text that PostgreSQL can keep, cut to a length."""
    whole = text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return whole if len(whole) <= limit else whole[: limit - 1] + _CUT


def _bounded(value: object, depth: int) -> object:  # noqa: PLR0911 - one case a kind
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if value - value == 0 else str(value)  # JSON has no NaN, no infinity
        case datetime() | date():
            return value.isoformat()
        case str():
            return clean(value)
        case _ if depth == 0:
            return _CUT
        case Mapping():
            members = list(value.items())[:_MEMBERS]
            kept = {clean(str(name)): _bounded(each, depth - 1) for name, each in members}
            return kept | ({_CUT: f"{len(value) - _MEMBERS} more"} if len(value) > _MEMBERS else {})
        case Sequence() | AbstractSet():
            listed = sorted(value, key=str) if isinstance(value, AbstractSet) else list(value)
            kept_members = [_bounded(each, depth - 1) for each in listed[:_MEMBERS]]
            more = [f"{_CUT} {len(listed) - _MEMBERS} more"] if len(listed) > _MEMBERS else []
            return [*kept_members, *more]
        case _:
            return clean(str(value))
