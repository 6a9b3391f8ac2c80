"""Makes the pictures of README.md anew: `make pictures`, after `make demo`.

Terminal pictures are what a command prints, drawn as SVG. Those of the pages are taken by Chromium
(`chromium` on the PATH) of the pages that `chimera up` serves; without it they stay as they are.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

HERE = Path(__file__).parent
CHIMERA = str(Path(sys.executable).with_name("chimera"))
WIDTH, HEIGHT = 106, 60

#: As rich's own, without the font that it loads from a site of others.
_DRAWING = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""


def printed(*arguments: str) -> str:
    """What a command prints at a terminal of `WIDTH` columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
    with subprocess.Popen(
        [CHIMERA, *arguments], stdout=theirs, stderr=subprocess.DEVNULL, env=environment
    ):
        os.close(theirs)
        said = b""
        while block := _read(ours):
            said += block
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the command ended
        return b""


def draw(name: str, *arguments: str, lines: slice = slice(None)) -> None:
    """Draw what a command prints, or some of its lines."""
    said = "\n".join(printed(*arguments).rstrip("\n").split("\n")[lines])
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"))
    console.print(Text.from_ansi(said), soft_wrap=True)
    title = " ".join(["chimera", *arguments])
    svg = console.export_svg(title=title, theme=DIMMED_MONOKAI, code_format=_DRAWING)
    (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(f"docs/images/{name}.svg")


def rejected() -> tuple[str, str]:
    """Stream and key of a rejected row that broke several rules, if there is one."""
    listed = subprocess.run(
        [CHIMERA, "quarantine", "list", "--json"], capture_output=True, text=True, check=True
    )
    rows = json.loads(listed.stdout)["rows"]
    row = max(rows, key=lambda one: len(one["reasons"]))
    return row["stream"], row["key"]


def main() -> int:
    """Make every picture."""
    stream, key = rejected()
    draw("quarantine", "quarantine", "show", key, "--stream", stream)
    draw("verify", "verify")
    return 0


if __name__ == "__main__":
    sys.exit(main())
