"""Makes the pictures of the terminal in README.md anew, from a demo of its own: `make pictures`.

What a command prints is drawn as SVG, which is small, sharp and can be searched.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
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
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.from_ansi(said), soft_wrap=True)
    title = " ".join(["chimera", *arguments])
    svg = console.export_svg(title=title, theme=DIMMED_MONOKAI, code_format=_DRAWING)
    (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(f"docs/images/{name}.svg")


def rejected() -> tuple[str, str]:
    """Stream and key of the rejected row that broke the most rules."""
    listed = subprocess.run(
        [CHIMERA, "quarantine", "list", "--json"], capture_output=True, text=True, check=True
    )
    row = max(json.loads(listed.stdout)["rows"], key=lambda one: len(one["reasons"]))
    return row["stream"], row["key"]


def main() -> int:
    """Make every picture."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)  # root's server runs as another account, and has its data there
        os.environ |= {"CHIMERA_HOME": f"{folder}/home", "CHIMERA_POSTGRES_DIR": f"{folder}/server"}
        draw("demo", "demo", lines=slice(-7))  # up to what to open next, which is too wide
        stream, key = rejected()
        draw("quarantine", "quarantine", "show", key, "--stream", stream)
        draw("verify", "verify")
    return 0


if __name__ == "__main__":
    sys.exit(main())
