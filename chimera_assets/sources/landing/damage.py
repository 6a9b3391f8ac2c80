"""What is wrong with a file, or a line of it, that is no row of the hour in which it is kept.

A line or file that is no row at all is kept as a row whose columns are null; one that no hour can
take keeps its values. Its `_unreadable` says under these names what it is, so that the judge gives
it one reason and the quarantine shows where it was.
"""

from __future__ import annotations

from chimera_assets.sources.unread_texts import compact

#: Names in `_unreadable` beside those of columns; no column may have them.
RULE, FILE, LINE, TEXT, WHY = "_rule", "_file", "_line", "_text", "_why"

#: Those of them that say nothing of what the line or file holds.
NOT_OF_COLUMNS = (RULE, FILE, LINE, WHY)

#: The reasons of what is no row of its hour: it only arrived then.
MALFORMED_LINE, CORRUPT_FILE, NO_HOUR = "malformed_line", "corrupt_file", "no_hour"
NO_ROWS = (MALFORMED_LINE, CORRUPT_FILE, NO_HOUR)

IN_WORDS = {
    MALFORMED_LINE: "Every line of a file is a row in the file's format.",
    CORRUPT_FILE: "The file can be read from its beginning to its end.",
    NO_HOUR: "The row's time is in an hour that is run: from CHIMERA_START to the present.",
}


class CorruptFile(Exception):  # noqa: N818 - a verdict on the file
    """Nothing of the file can be trusted; the message says why, without any value of it."""


class Unfinished(Exception):  # noqa: N818 - a verdict on the file
    """The file looks as if its writer were not done; the message says what is missing."""


class Unreadable(Exception):  # noqa: N818 - a verdict on the file
    """The file's bytes cannot be had; the message says why. It may be otherwise another time."""


def malformed(text: str) -> str:
    """`_unreadable` of a line that is not a row."""
    return compact({RULE: MALFORMED_LINE, TEXT: text})


def more_malformed(lines: int) -> str:
    """`_unreadable` of the one row that stands for further lines that are not rows."""
    why = f"and {lines:,} more lines, too many to be kept one by one"
    return compact({RULE: MALFORMED_LINE, WHY: why})


def corrupt(why: str) -> str:
    """`_unreadable` of a file that is not loaded."""
    return compact({RULE: CORRUPT_FILE, WHY: why})
