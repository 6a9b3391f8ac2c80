r"""What in other people's text acts instead of being seen.

Names of files, values of rows, reasons and actors are other people's text. An escape sequence in
one could clear the screen, a bidirectional override show a name backwards, a formula send a
spreadsheet's cells away. The patterns are for Python's `re` and for Polars.
"""

from __future__ import annotations

#: C0 and C1 controls, line and paragraph separators, bidirectional controls, what has no width,
#: tags, and the halves of pairs by which Python keeps a file's name that is no UTF-8; between [].
UNSEEN = (
    r"\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f\ud800-\udfff"
)

#: With what a spreadsheet lets a formula begin, also after the characters that it passes over.
FORMULA = r"^[\s\x00]*[=+\-@＝＋－＠]|^[\t\r\n]"  # noqa: RUF001 - those of full width, too
