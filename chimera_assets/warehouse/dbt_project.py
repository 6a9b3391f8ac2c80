"""The dbt project with the models of the packs, parsed; made anew when one of its files changed.

dbt writes compiled SQL under its target by the path of the model. If that is outside of the project
it is written outside of the target: with an absolute path, over the model itself. So dbt runs in a
folder under CHIMERA_HOME in which the project and the packs are linked side by side.
"""

from __future__ import annotations

import contextlib
import io
import json
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from filelock import FileLock

from chimera_assets.contracts.active import pack_contracts
from chimera_assets.errors import ChimeraError
from chimera_assets.packs import PackError, active_packs
from chimera_assets.settings import get_settings
from chimera_assets.shipped import shipped_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chimera_assets.packs import Pack

#: The project as it is kept: macros, profiles, and what holds for every model.
PROJECT_DIR = shipped_folder("dbt_project") / "dbt_project"

_PROJECT_FILE = "dbt_project.yml"
_SOURCE_SUFFIXES = {".sql", ".yml", ".yaml"}
_MADE_BY_DBT = {"target", "logs", "dbt_packages"}


@lru_cache(maxsize=1)
def parsed_project() -> Path:
    """The folder, under CHIMERA_HOME, of what dbt made of the project; up to date.

    Raises:
        ChimeraError: dbt cannot read the project; gives dbt's own words.
        PackError: A pack cannot be used.
    """
    target = get_settings().home_folder("dbt")
    with FileLock(target / "manifest.lock"):
        link_project(linked_project(), active_packs())
        if not _up_to_date(target / "manifest.json", active_packs()):
            _parse(target)
    return target


def parsed_bytes() -> bytes:
    """What dbt made of the project, as dbt reads it.

    A process with other packs and the same CHIMERA_HOME may have parsed the project for itself
    since; then it is parsed again.
    """
    target = parsed_project()
    with FileLock(target / "manifest.lock"):
        if link_project(linked_project(), active_packs()):
            _parse(target)
        return (target / "partial_parse.msgpack").read_bytes()


@lru_cache(maxsize=1)
def manifest() -> dict[str, Any]:
    """The project's manifest, as dbt writes it."""
    read: dict[str, Any] = json.loads((parsed_project() / "manifest.json").read_text())
    return read


def linked_project() -> Path:
    """The folder in which dbt runs."""
    return get_settings().home / "dbt" / "project"


def dbt_folders() -> list[str]:
    """The arguments of dbt that say where the project is."""
    return ["--project-dir", str(linked_project()), "--profiles-dir", str(PROJECT_DIR)]


def pack_of_model(node: Mapping[str, Any]) -> Pack:
    """The pack that a model of the manifest is of."""
    name = Path(node["original_file_path"]).parts[1]
    return next(pack for pack in active_packs() if pack.name == name)


def link_project(folder: Path, packs: Sequence[Pack]) -> bool:
    """Link the project and the packs into a folder, with a project file that names the packs.

    Returns:
        Whether that file was another one before.
    """
    (folder / "packs").mkdir(parents=True, exist_ok=True)
    _link(folder / "macros", PROJECT_DIR / "macros")
    for pack in packs:
        _link(folder / "packs" / pack.name, pack.folder)
    made = _project_file(packs)
    file = folder / _PROJECT_FILE
    if file.exists() and file.read_text(encoding="utf-8") == made:
        return False
    file.write_text(made, encoding="utf-8")
    return True


def _link(link: Path, to: Path) -> None:
    if link.is_symlink() and link.readlink() == to:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(to, target_is_directory=True)


def _project_file(packs: Iterable[Pack]) -> str:
    """The project file; it also changes when a pack of the same name is another folder."""
    project = yaml.safe_load((PROJECT_DIR / _PROJECT_FILE).read_text(encoding="utf-8"))
    paths = [f"packs/{pack.name}" for pack in packs]
    project["model-paths"] = [f"{path}/models" for path in paths]
    project["analysis-paths"] = [f"{path}/analyses" for path in paths]
    head = "".join(f"# {pack.name}: {pack.folder}\n" for pack in packs)
    return head + yaml.safe_dump(project, sort_keys=False)


def _up_to_date(made: Path, packs: Iterable[Pack]) -> bool:
    if not made.exists():
        return False
    watched = chain([linked_project() / _PROJECT_FILE], _sources(packs))
    return made.stat().st_mtime >= max(path.stat().st_mtime for path in watched)


def _sources(packs: Iterable[Pack]) -> Iterator[Path]:
    """What dbt reads, and the folders, whose times show that files are gone."""
    for root in (PROJECT_DIR, *(each for pack in packs for each in (pack.models, pack.analyses))):
        for path in (root, *root.rglob("*")):
            made = _MADE_BY_DBT & set(path.relative_to(root).parts)
            if path.exists() and not made and (path.is_dir() or path.suffix in _SOURCE_SUFFIXES):
                yield path


def _parse(target: Path) -> None:
    from chimera_assets.warehouse.model_check import (  # noqa: PLC0415 - rarely needed
        model_sql_problems,
    )

    found = pack_contracts(active_packs())
    known = [contract for _, streams in found for contract in streams.values()]
    if problems := model_sql_problems(active_packs(), known):
        raise PackError(problems)  # by file and line, and before dbt renders anything
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - seconds of imports, rarely needed

    said = io.StringIO()
    places = ["--target-path", str(target), "--log-path", str(target)]
    with contextlib.redirect_stdout(said):
        result = dbtRunner().invoke(["--quiet", "parse", *dbt_folders(), *places])
    if not result.success:
        msg = (
            f"{linked_project()}: dbt cannot read the project: "
            f"{result.exception or said.getvalue()}"
        )
        raise ChimeraError(msg)
