"""docs/tutorial.md, followed to the letter: its commands, its two edits, and what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text()

BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def test_a_table_of_ones_own_is_in_the_lake_and_proven(home: Path, tmp_path: Path) -> None:
    blocks = BLOCK.findall(PAGE)
    commands = [text for kind, text in blocks if kind == "sh"]
    (columns,) = (text for kind, text in blocks if kind == "yaml")
    (shown,) = (text for kind, text in blocks if not kind)
    edit = tmp_path / "edit.py"
    edit.write_text(
        "from pathlib import Path\n"
        "path = Path('contracts/calls.odcs.yaml')\n"
        "text = path.read_text().replace('Timezone: UTC', 'Timezone: Europe/Berlin')\n"
        "head, _, rest = text.partition('      - name: details\\n')\n"
        "foot = rest[rest.index('    quality:\\n      - name: volume'):]\n"
        f"path.write_text(head + {columns!r} + foot)\n"
    )
    script = "\n".join([*commands[:2], f"{sys.executable} {edit}", *commands[2:]])

    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ
        | {
            "CHIMERA_HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 errors, 0 warnings" in done.stderr
    assert shown.strip() in done.stdout
    assert "Every promise holds." in done.stdout
    assert "The lake has what the source has. 600 rows compared" in done.stdout
