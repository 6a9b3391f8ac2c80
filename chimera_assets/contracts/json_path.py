"""Paths into nested JSON, a part of JSONPath (RFC 9535): `$.usage.tokens`, `$.choices[0].text`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The names and positions that lead to a value, from the outside in.
Steps = tuple[str | int, ...]

_BEGINS = ("$.", "$[")
_STEP = re.compile(r"\.([^\W\d]\w*)|\[(0|[1-9][0-9]*)\]|\['((?:[^'\\]|\\['\\])+)'\]")


def is_path(name: str) -> bool:
    """Whether a name is a path, or meant to be one."""
    return name.startswith(_BEGINS)


def read_path(text: str) -> Steps | None:
    """The steps of a path; None if it is none that leads to one value."""
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            return None
        plain, position, quoted = match.groups()
        if position is not None:
            steps.append(int(position))
        else:
            steps.append(plain or re.sub(r"\\(.)", r"\1", quoted))
        at = match.end()
    return tuple(steps) or None


def first_value(value: object, ways: Iterable[Steps]) -> Any:  # noqa: ANN401 - what JSON holds
    """What a decoded JSON value has at the first of some paths that leads to anything."""
    for steps in ways:
        if (found := _value_at(value, steps)) is not None:
            return found
    return None


def remove(value: Any, steps: Steps) -> None:  # noqa: ANN401 - as above
    """Take out of a decoded JSON value what is there, and objects that nothing is left in."""
    first, *rest = steps
    inner = _value_at(value, (first,))
    if rest and isinstance(inner, (dict, list)):
        remove(inner, tuple(rest))
    elif rest:
        return
    if isinstance(value, list) and isinstance(first, int) and first < len(value):
        value[first] = inner if rest else None
    elif isinstance(value, dict) and not (rest and inner):
        value.pop(first, None)


def put(value: dict[Any, Any], steps: Steps, item: object) -> None:
    """Set what is in nested objects at a path of names."""
    *outer, last = steps
    for step in outer:
        value = value.setdefault(step, {})
    value[last] = item


def _value_at(value: object, steps: Steps) -> object:
    """What a decoded JSON value has there; None if the path leads nowhere."""
    for step in steps:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value
