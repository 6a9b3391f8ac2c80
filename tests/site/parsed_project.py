"""dbt's parsed project, taken from one home of a test process to the next.

To parse it takes seconds, and each new home would do it. Where its files have changed meanwhile it
is parsed again, as in any home.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

_PARSED = ("manifest.json", "partial_parse.msgpack", "project", "semantic_manifest.json")


def lend_parsed_project(home: Path, packs: str) -> None:
    """Put into a new home what an earlier one with the same packs has parsed, if there was one."""
    if not (home / "dbt").exists():
        _copy(_kept(packs), home / "dbt")


def keep_parsed_project(home: Path, packs: str) -> None:
    """Keep what a home has parsed for the next one."""
    if not _kept(packs).exists():
        _copy(home / "dbt", _kept(packs))


def _copy(parsed: Path, to: Path) -> None:
    if (parsed / "manifest.json").exists():
        for name in _PARSED:
            if (parsed / name).is_dir():
                shutil.copytree(parsed / name, to / name, symlinks=True)
            else:
                to.mkdir(parents=True, exist_ok=True)
                shutil.copy2(parsed / name, to / name)


@cache
def _kept(packs: str) -> Path:  # noqa: ARG001 - a folder for each
    folder = Path(tempfile.mkdtemp(prefix="parsed-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / "dbt"
