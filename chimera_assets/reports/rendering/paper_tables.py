"""How a table stands on paper: in what size, how wide its columns are, whether pages are turned.

Typst measures every cell of a row to know how high it is, which is most of a PDF's time. Where all
cells are certain to fit on one line, the height is said here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from chimera_assets.reports.document import Alignment

if TYPE_CHECKING:
    from chimera_assets.reports.rendering.view import Parts

#: So many characters in a line at a size in points; beyond the last, pages are turned.
_SIZES = ((100, 8.5), (124, 7.5))
_TURNED_CHARACTERS, _TURNED = 187, 7.5
#: In characters: the gap between columns, the least and the most that a column asks for, and what
#: wraps rather than having the page turned.
_GAP, _LEAST, _MOST, _WRAPPED = 3, 4, 80, 30

#: In points: A4 within its margins, upright and turned; what report.typ leaves around a cell.
_UPRIGHT, _ACROSS = 481.0, 727.0
_BESIDE, _ABOVE_AND_BELOW = 10.0, 7.6

#: How wide characters of our fonts are at most, in parts of the size: narrow ones of ASCII, all
#: others of it, and until which character how wide; the last are emoji, and phrases in one.
_NARROW = dict.fromkeys("0123456789abcdefghijklnopqrstuvxyz !\"$'()*+,-./:;<=>?[\\]^_`{|}~", 0.62)
_WIDTHS = dict.fromkeys(map(chr, range(32, 127)), 0.95) | _NARROW
_WIDTHS |= dict.fromkeys("\u00a0\u2013\u2212", 0.62)
_OTHERS = (
    ("\u04ff", 1.4), ("\u2fff", 3), ("\u9fff", 1), ("\uabff", 3), ("\ud7a3", 1), ("\U0010ffff", 10),
)  # fmt: skip
#: Headings are bolder. Rows are as high as capitals.
_BOLDER, _CAPITAL = 1.1, 0.714


def layout(table: Parts) -> Parts:
    """What report.typ has to know of a table beside its texts.

    Gives `size` (points), `wide` (whether pages are turned), `widths` (of each column its part of
    the width that is left, None for one that is as wide as its cells) and `height` (of a row in
    points, None where a cell may need more than one line).
    """
    columns = [
        (column["title"], [row[at] for row in table["rows"]])
        for at, column in enumerate(table["columns"])
    ]
    lengths = [max(_longest_word(title), *map(len, cells), _LEAST) for title, cells in columns]
    needed = sum(min(length, _WRAPPED) + _GAP for length in lengths)
    found = next(((most, size) for most, size in _SIZES if needed <= most), None)
    characters, size = found or (_TURNED_CHARACTERS, _TURNED)
    room = (_ACROSS if found is None else _UPRIGHT) - _BESIDE * len(columns)
    certain = sum(_bound(title, cells) for title, cells in columns) * size <= room
    return {
        "size": size,
        "wide": found is None,
        "widths": _widths(columns, lengths, _taking(table, lengths), characters),
        "height": round(size * _CAPITAL + _ABOVE_AND_BELOW, 2) if certain else None,
    }


def _taking(table: Parts, lengths: list[int]) -> set[int]:
    """The columns that take what others leave: long texts; the longest where none is long."""
    texts = [
        (length, at)
        for at, (column, length) in enumerate(zip(table["columns"], lengths, strict=True))
        if column["side"] == Alignment.left
    ]
    longest = max(texts, default=(0, 0))[1]
    return {at for at, length in enumerate(lengths) if length > _WRAPPED or at == longest}


def _widths(
    columns: list[tuple[str, list[str]]], lengths: list[int], taking: set[int], characters: int
) -> list[int | None]:
    """Each column's part of the width that is left; None for one that is as wide as its cells.

    Headings wrap only in a column of the first kind, so that all are where headings are too long.
    """
    whole = [
        min(length, _WRAPPED) if at in taking else max(map(len, (title, *cells)))
        for at, (length, (title, cells)) in enumerate(zip(lengths, columns, strict=True))
    ]
    if sum(whole) + _GAP * len(whole) <= characters:
        return [min(length, _MOST) if at in taking else None for at, length in enumerate(lengths)]
    return _all_parts(columns, lengths, characters)


def _all_parts(
    columns: list[tuple[str, list[str]]], lengths: list[int], characters: int
) -> list[int | None]:
    """Each column's part where all wrap: its longest word, and of the rest by how much it has."""
    words = [max(map(_longest_word, (title, *cells))) + _GAP for title, cells in columns]
    least = [min(one, _WRAPPED) for one in words]
    more = [
        max(0, min(length, _MOST) + _GAP - one) for length, one in zip(lengths, least, strict=True)
    ]
    left = max(0, characters - sum(least))
    return [
        one + (left * rest // sum(more) if sum(more) else 0)
        for one, rest in zip(least, more, strict=True)
    ]


def _bound(title: str, cells: list[str]) -> float:
    """How wide a column is at most, in parts of the size."""
    return max(_BOLDER * _width(title), *map(_width, cells), 0.0)


def _width(text: str) -> float:
    return sum(_WIDTHS.get(one) or _other_width(one) for one in text)


@cache
def _other_width(character: str) -> float:
    return next(width for last, width in _OTHERS if character <= last)


def _longest_word(title: str) -> int:
    return max(map(len, title.split()), default=0)
