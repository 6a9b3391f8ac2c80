"""Characters that would act on a terminal instead of being seen, shown as escapes."""

from __future__ import annotations

import re

from chimera_assets.foreign_texts import UNSEEN

_ACTING = re.compile(f"[{UNSEEN}]")
#: JSON and CSV part their lines themselves.
_ACTING_IN_LINES = re.compile(rf"(?![\n\r])[{UNSEEN}]")


def visible(text: str) -> str:
    r"""The text with every such character as Python writes it: `\x1b`, `\n`, `\u202e`."""
    return _ACTING.sub(_escaped, text)


def visible_lines(text: str) -> str:
    """The same for a text of several lines, which stay lines."""
    return _ACTING_IN_LINES.sub(_escaped, text)


def json_escaped(text: str) -> str:
    r"""JSON with every such character as JSON's own escape, `\u001b`: the same to any reader."""
    return _ACTING_IN_LINES.sub(_in_json, text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _in_json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
