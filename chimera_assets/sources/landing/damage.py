"""What is wrong with a file, or a line of it, that is not a row at all.

Such a line or file is kept as a row whose columns are null. Its `_unreadable` says under these
names what it is, so that the judge gives it one reason and the quarantine shows where it was.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Names in `_unreadable` beside those of columns; no column may have them.
RULE, FILE, LINE, TEXT, WHY = "_rule", "_file", "_line", "_text", "_why"

#: Those of them that say nothing of what the line or file holds.
NOT_OF_COLUMNS = (RULE, FILE, LINE, WHY)

#: The reasons of rows that never were rows.
MALFORMED_LINE, CORRUPT_FILE = "malformed_line", "corrupt_file"
NO_ROWS = (MALFORMED_LINE, CORRUPT_FILE)

IN_WORDS = {
    MALFORMED_LINE: "Every line of a file is a row in the file's format.",
    CORRUPT_FILE: "The file can be read from its beginning to its end.",
}


class CorruptFile(Exception):  # noqa: N818 - a verdict on the file
    """Nothing of the file can be trusted; the message says why, without any value of it."""


class Unfinished(Exception):  # noqa: N818 - a verdict on the file
    """The file looks as if its writer were not done; the message says what is missing."""


def compact(texts: Mapping[str, str | None]) -> str:
    """A value of `_unreadable`: the texts as JSON, nulls left out."""
    given = {name: text for name, text in texts.items() if text is not None}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"))


def malformed(text: str) -> str:
    """`_unreadable` of a line that is not a row."""
    return compact({RULE: MALFORMED_LINE, TEXT: text})


def corrupt(why: str) -> str:
    """`_unreadable` of a file that is not loaded."""
    return compact({RULE: CORRUPT_FILE, WHY: why})
