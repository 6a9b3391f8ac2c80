"""Characters that would act on a terminal instead of being seen, shown as escapes.

Names of files, values of rows, reasons and actors are other people's text. An escape sequence in
one could clear the screen or hide a line, a bidirectional override show a name backwards.
"""

from __future__ import annotations

import re

#: C0 and C1 controls, line and paragraph separators, bidirectional controls, what has no width,
#: tags, and the halves of pairs by which Python keeps a file's name that is no UTF-8.
_UNSEEN = (
    r"\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f\ud800-\udfff"
)
_ACTING = re.compile(f"[{_UNSEEN}]")
#: JSON and CSV part their lines themselves.
_ACTING_IN_LINES = re.compile(rf"(?![\n\r])[{_UNSEEN}]")


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
