"""The dbt project, parsed: its manifest is made anew when a file of the project changed."""

from __future__ import annotations

import contextlib
import io
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from chimera_assets.errors import ChimeraError
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT_DIR = Path(__file__).parents[2] / "dbt_project"

_SOURCE_SUFFIXES = {".sql", ".yml", ".yaml"}
_MADE_BY_DBT = {"target", "logs", "dbt_packages"}


@lru_cache(maxsize=1)
def parsed_project() -> Path:
    """The folder, under CHIMERA_HOME, of what dbt made of the project; up to date.

    Raises:
        ChimeraError: dbt cannot read the project; gives dbt's own words.
    """
    target = get_settings().home / "dbt"
    target.mkdir(parents=True, exist_ok=True)
    with FileLock(target / "manifest.lock"):
        if not _up_to_date(target / "manifest.json"):
            _parse(target)
    return target


@lru_cache(maxsize=1)
def manifest() -> dict[str, Any]:
    """The project's manifest, as dbt writes it."""
    read: dict[str, Any] = json.loads((parsed_project() / "manifest.json").read_text())
    return read


def _up_to_date(made: Path) -> bool:
    if not made.exists():
        return False
    return made.stat().st_mtime >= max(path.stat().st_mtime for path in _sources())


def _sources() -> Iterator[Path]:
    for path in PROJECT_DIR.rglob("*"):
        made = _MADE_BY_DBT & set(path.relative_to(PROJECT_DIR).parts)
        if not made and (path.is_dir() or path.suffix in _SOURCE_SUFFIXES):
            yield path


def _parse(target: Path) -> None:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - seconds of imports, rarely needed

    said = io.StringIO()
    folders = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    places = ["--target-path", str(target), "--log-path", str(target)]
    with contextlib.redirect_stdout(said):
        result = dbtRunner().invoke(["--quiet", "parse", *folders, *places])
    if not result.success:
        msg = f"{PROJECT_DIR}: dbt cannot read the project: {result.exception or said.getvalue()}"
        raise ChimeraError(msg)
