"""What can be read of a text in print: characters as they are, all others as `[U+202E]`.

PDF/A refuses a document with a character that no font draws, and a plain PDF leaves it out in
silence. Here it is shown by its number. So are controls and what turns the direction of a text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import cache, lru_cache

from chimera_assets.foreign_texts import UNSEEN
from chimera_assets.reports.rendering.fonts.character_maps import Span, spans
from chimera_assets.reports.rendering.fonts.installed import folders

_UNSEEN = re.compile(f"[{UNSEEN}]")
#: All that the first font draws whatever stands beside it: no need to look further.
_PLAIN = re.compile(
    r"[\x20-\x7e\u00a0-\u00ac\u00ae-\u017f\u0391-\u03a1\u03a3-\u03c9\u0410-\u044f]*"
)
#: Shown by what stands before them, or not at all; a font need not have them.
_JOINERS = re.compile(
    r"[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\ufe00-\ufe0f]"
)
#: What each font may use for itself; PDF/A forbids them.
_PRIVATE = "Co"
_SKINS = range(0x1F3FB, 0x1F400)


def visible(text: str) -> str:
    """The text for whoever has fonts for all scripts: what acts instead of being seen, escaped."""
    return _UNSEEN.sub(lambda found: escaped(found[0]), text)


def drawable(text: str) -> str:
    """The text with what our fonts can draw; all else is escaped."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(map(_drawn, _clusters(text)))


def escaped(character: str) -> str:
    """The character by its number."""
    return f"[U+{ord(character):04X}]"


def _clusters(text: str) -> list[str]:
    """Each character with those that are drawn on it: no two fonts can share these."""
    clusters: list[str] = []
    for character in text:
        if clusters and _joins(character):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def _joins(character: str) -> bool:
    return (
        unicodedata.category(character).startswith("M")
        or _JOINERS.match(character) is not None
        or ord(character) in _SKINS
    )


@lru_cache(maxsize=65536)
def _drawn(cluster: str) -> str:
    base, marks = cluster[0], cluster[1:]
    able = _able(base)
    if not able:
        return escaped(base) + "".join(map(_drawn, marks))
    drawn = base
    for at, mark in enumerate(marks):
        if not (both := able & _able(mark)):
            return drawn + "".join(map(escaped, marks[at:]))
        drawn, able = drawn + mark, both
    return drawn


def _able(character: str) -> int:
    """Which fonts draw the character, a bit for each."""
    if _UNSEEN.match(character) or unicodedata.category(character) == _PRIVATE:
        return 0
    if _JOINERS.match(character):
        return -1
    return sum(1 << at for at, font in enumerate(_fonts()) if _within(font, ord(character)))


def _within(font: tuple[Span, ...], code: int) -> bool:
    at = bisect_right(font, (code, 0x110000)) - 1
    return at >= 0 and font[at][0] <= code <= font[at][1]


@cache
def _fonts() -> tuple[tuple[Span, ...], ...]:
    files = sorted(file for folder in folders() for file in folder.glob("*.[ot]t[fc]"))
    return tuple(tuple(sorted(spans(file))) for file in files)
