"""What an entry holds of a change, as JSON of bounded size: numbers and names, never rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import Any, TypeAlias

import rfc8785

#: What callers give: names to scalars, lists and mappings.
Details: TypeAlias = Mapping[str, object]

#: A text's characters, a list's or mapping's members, and how deep they go.
_TEXT, _MEMBERS, _DEPTH = 500, 50, 4

#: Integers from here on are texts: not every reader of JSON has them exactly.
_EXACT = 2**53

#: The most characters of a reason; a longer one would be cut.
LONGEST_REASON = 2_000

#: The most bytes of one side of a change; an entry of the log stays below 65,535 bytes.
_BYTES = 16_000

_CUT = "…"


def as_text(before: Details | None, after: Details | None, reason: str | None) -> str:
    """What an entry says beyond its own columns, as canonical JSON (RFC 8785).

    It has `before`, `after` and `reason`, each only if there is one; PostgreSQL accepts it.
    """
    said = {"before": _side(before), "after": _side(after)}
    said["reason"] = clean(reason, LONGEST_REASON) if reason is not None else None
    return rfc8785.dumps({name: one for name, one in said.items() if one is not None}).decode()


def clean(text: str, limit: int = _TEXT) -> str:
    """A text that PostgreSQL can keep, cut to a length."""
    whole = text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return whole if len(whole) <= limit else whole[: limit - 1] + _CUT


def _side(details: Details | None) -> Any:  # noqa: ANN401 - JSON
    """One side of a change, bounded."""
    if details is None:
        return None
    kept = _bounded(details, _DEPTH)
    if (size := len(rfc8785.dumps(kept))) <= _BYTES:
        return kept
    return {"cut": f"{size:,} bytes", "names": list(map(clean, details))[:9]}


def _bounded(value: object, depth: int) -> Any:  # noqa: ANN401, PLR0911 - JSON; one case a kind
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) < _EXACT else str(value)
        case float():
            return value if abs(value) < _EXACT else str(value)  # NaN and infinities, too
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
