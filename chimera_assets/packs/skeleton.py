"""A small pack that works, to begin one's own with."""

from __future__ import annotations

from pathlib import Path

#: A pack like any other, but for its name, which stands in files and in their names.
_TEMPLATE = Path(__file__).parent / "_template" / "mypack"


def skeleton(name: str) -> dict[Path, str]:
    """The files of a new pack: path in its folder -> content."""
    return {
        Path(str(path.relative_to(_TEMPLATE)).replace(_TEMPLATE.name, name)): path.read_text(
            encoding="utf-8"
        ).replace(_TEMPLATE.name, name)
        for path in sorted(_TEMPLATE.rglob("*"))
        if path.is_file()
    }
