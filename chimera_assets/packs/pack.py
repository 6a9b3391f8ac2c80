"""One pack: its folder, and what its `pack.yaml` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets import naming, yaml_documents
from chimera_assets.packs.errors import PackError
from chimera_assets.packs.files import ADAPTER_SUFFIX, file_problems
from chimera_assets.yaml_documents import Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.yaml_documents import Document

#: The file that makes a folder a pack.
PACK_FILE = "pack.yaml"

_TEXTS = ("name", "version", "title", "owner")
_KEYS = (*_TEXTS, "requires")

#: What a pack's folder may hold. Anything else counts as a typo: a folder `model`
#: would otherwise be passed over in silence.
_FOLDERS = {"adapters", "analyses", "contracts", "models", "pages", "policies", "reports"}
_OF_DBT = ("analyses", "models")
_FILES = {
    PACK_FILE,
    "README.md",
    "aggregates.yaml",
    "alerts.yaml",
    "metrics.ossie.yaml",
    "source.sql",
    "traffic.yaml",
}


#: What makes a pack one, besides a folder of contracts.
_CONTENT = (f"adapters/*{ADAPTER_SUFFIX}", "models/**/*.sql", "analyses/**/*.sql", "reports/*.yaml")

#: What is reserved for what packs are going to bring; nothing reads it yet.
_RESERVED = ("alerts.yaml", "metrics.ossie.yaml", "pages", "policies")


@dataclass(frozen=True, slots=True)
class Pack:
    """A domain as data.

    Attributes:
        name: Its name, which is also its folder's.
        version: Its semantic version.
        title: What people call it.
        owner: The team that keeps it.
        requires: The packs that have to be used with it.
        folder: Where it is.
    """

    name: str
    version: str
    title: str
    owner: str
    requires: tuple[str, ...]
    folder: Path

    @property
    def contract_folders(self) -> tuple[Path, ...]:
        """The folder of its contracts; a pack of adapters or of sections needs none."""
        folder = self.folder / "contracts"
        return (folder,) if folder.is_dir() else ()

    @property
    def adapters(self) -> Path:
        """The folder of its adapters; may be missing."""
        return self.folder / "adapters"

    @property
    def models(self) -> Path:
        """The folder of its dbt models; may be missing."""
        return self.folder / "models"

    @property
    def analyses(self) -> Path:
        """The folder of its dbt analyses; may be missing."""
        return self.folder / "analyses"

    @property
    def source_ddl(self) -> Path:
        """The DDL of its operational tables; may be missing."""
        return self.folder / "source.sql"


def read_pack(folder: Path) -> Pack:
    """Read a pack's `pack.yaml`, and see that its folder holds what a pack's may hold.

    Raises:
        PackError: It cannot be used; holds every problem found, each with its line.
    """
    # Before anything is read: of what a link leads to, no word may get into a message.
    in_files = list(file_problems(folder, (*_FOLDERS, *_FILES), _OF_DBT))
    if any(problem.path == folder / PACK_FILE for problem in in_files):
        raise PackError(in_files)
    document = yaml_documents.read_document(folder / PACK_FILE, "pack", PackError)
    texts = {key: _text(document, key) for key in _TEXTS}
    _check_name(document, texts["name"], folder.name)
    if texts["version"] and not naming.VERSION.fullmatch(texts["version"]):
        expected, found = naming.VERSION_IN_WORDS, texts["version"]
        document.problem(("version",), "version", expected=expected, found=found)
    for key in document.data:
        if key not in _KEYS:
            document.problem((key,), "key", expected=one_of(_KEYS, key), found=key)
    pack = Pack(**texts, requires=_requires(document), folder=folder)
    document.problems.extend([*_folder_problems(pack), *in_files])
    document.raise_problems()
    return pack


def reserved_problems(pack: Pack) -> Iterator[Problem]:
    """A warning for each part of a pack that nothing reads yet."""
    for path in (pack.folder / name for name in _RESERVED):
        if path.exists():
            expected = "nothing, as nothing reads it yet"
            yield Problem(path, 1, "part of a pack", expected, path.name, "warning")


def _text(document: Document, key: str) -> str:
    value = document.data.get(key)
    if isinstance(value, str) and value.strip():
        return value.strip()
    found = "none" if value is None else repr(value)
    document.problem((key,), key, expected="a text", found=found)
    return ""


def _check_name(document: Document, name: str, folder: str) -> None:
    if name and not naming.is_name(name):
        expected = naming.NAME_IN_WORDS
        document.problem(("name",), "name of the pack", expected=expected, found=name)
    elif name and name != folder:
        expected = f"{folder}, as its folder is named"
        document.problem(("name",), "name of the pack", expected=expected, found=name)


def _requires(document: Document) -> tuple[str, ...]:
    value = document.data.get("requires", [])
    if not isinstance(value, list):
        expected = "a list of packs"
        document.problem(("requires",), "requires", expected=expected, found=repr(value))
        return ()
    for position, name in enumerate(value):
        if not isinstance(name, str) or not naming.is_name(name):
            here = ("requires", position)
            document.problem(here, "requires", expected="the name of a pack", found=repr(name))
    return tuple(str(name) for name in value)


def _folder_problems(pack: Pack) -> Iterator[Problem]:
    if not pack.contract_folders and not any(any(pack.folder.glob(one)) for one in _CONTENT):
        expected = "contracts, adapters, models, analyses or reports beside it"
        yield Problem(pack.folder / PACK_FILE, 1, "pack", expected, "none")
    for path in sorted(pack.folder.iterdir()):
        known = _FOLDERS if path.is_dir() else _FILES
        if path.name not in known and path.name[0] not in "._":
            kind = "folder" if path.is_dir() else "file"
            yield Problem(path, 1, f"{kind} of a pack", one_of(known, path.name), path.name)
