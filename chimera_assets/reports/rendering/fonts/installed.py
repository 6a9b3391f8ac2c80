"""The font files that come with packages, so that the same fonts are everywhere.

Fonts of the machine are left out: with others the bytes would be others.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from chimera_assets.reports.rendering.packages import load

#: Packages of Noto fonts (OFL): for most scripts and emoji, and for Chinese, Japanese, Korean.
_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")
_FIRST = "Noto Sans"
#: Its four siblings have the same characters, drawn as Japan, Korea, Taiwan, Hong Kong do.
_CHINESE = "Noto Sans CJK SC"
_EMOJI = "Noto Emoji"


@cache
def folders() -> tuple[Path, ...]:
    """The folders with font files.

    Raises:
        MissingPackageError: They are not installed.
    """
    return tuple(Path(load(name).__file__).parent for name in _PACKAGES)


@cache
def loaded() -> Any:  # noqa: ANN401 - typst's fonts
    """The fonts as typst takes them, read once a process."""
    return load("typst").Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=list(map(str, folders())),
    )


@cache
def families() -> tuple[str, ...]:
    """The names of the fonts, in the order in which they are asked for a character."""
    others = {name for name in loaded().families() if "CJK" not in name} - {_FIRST, _EMOJI}
    return (_FIRST, *sorted(others), _CHINESE, _EMOJI)
