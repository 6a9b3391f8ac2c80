"""Paths into nested JSON, a part of JSONPath (RFC 9535): `$.usage.tokens`, `$.choices[0].text`."""

from __future__ import annotations

import re

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


def value_at(value: object, steps: Steps) -> object:
    """What a decoded JSON value has there; None if the path leads nowhere."""
    for step in steps:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value
