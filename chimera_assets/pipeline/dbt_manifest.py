"""The dbt project and its manifest, which is made anew when a file of the project changed."""

from __future__ import annotations

import contextlib
import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_dbt import DbtProject
from filelock import FileLock

from chimera_assets.errors import ChimeraError
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT_DIR = Path(__file__).parents[2] / "dbt_project"

_SOURCE_SUFFIXES = {".sql", ".yml", ".yaml"}
_MADE_BY_DBT = {"target", "logs", "dbt_packages"}


@lru_cache(maxsize=1)
def dbt_project() -> DbtProject:
    """The dbt project, its manifest up to date; its artifacts are kept under CHIMERA_HOME.

    Raises:
        ChimeraError: dbt cannot read the project; tells dbt's own words.
    """
    target = get_settings().home / "dbt"
    project = DbtProject(project_dir=PROJECT_DIR, target_path=target)
    target.mkdir(parents=True, exist_ok=True)
    with FileLock(target / "manifest.lock"):
        if not _up_to_date(project.manifest_path):
            _parse(target)
    return project


def _up_to_date(manifest: Path) -> bool:
    if not manifest.exists():
        return False
    return manifest.stat().st_mtime >= max(path.stat().st_mtime for path in _sources())


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
