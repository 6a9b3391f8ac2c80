"""Adapters: how a stream of a pack is read from what another tool writes.

    for adapter in active_adapters(): ...

An adapter is a file `adapters/<name>.yaml` of a pack, and changes of a contract where its rows come
from: the table and the source of each column, or a SELECT over the documents of JSON files. The
columns, their types and classes, the key and the terms stay the contract's. `CHIMERA_ADAPTERS` says
which are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from chimera_assets.errors import SettingError
from chimera_assets.packs.active import active_packs
from chimera_assets.packs.errors import PackError
from chimera_assets.packs.files import ADAPTER_SUFFIX
from chimera_assets.settings import get_settings
from chimera_assets.yaml_documents import one_of, read_document
from chimera_assets.yaml_documents.models import Name, Part, checked

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.packs.pack import Pack
    from chimera_assets.yaml_documents import Document

_SETTING = "CHIMERA_ADAPTERS"


class ColumnSource(Part):
    """Where a column comes from; see the contract's own words of these names.

    Args:
        physicalName: What it is called there.
        transformLogic: Or the expression that makes it.
        defaultTimezone: The zone of times without one.
        required: False where the other tool may not know it.
    """

    physicalName: str | None = None  # noqa: N815 - as the contract writes it
    transformLogic: str | None = None  # noqa: N815
    defaultTimezone: str | None = None  # noqa: N815
    required: Literal[False] | None = None


class Changes(Part):
    """What an adapter says.

    Args:
        title: What it reads.
        stream: The stream.
        table: The table it comes from instead; columns that are not listed are then looked for by
            their own names, and null where the table has none.
        columns: Where columns come from.
        mayLack: Columns that not every version of the table has; expressions read them as null.
        fileQuery: The SELECT that makes rows of the documents of JSON files.
        fileMarks: Names of which such a document has one at its top, and paths that lead through
            lists and objects; others are malformed.
        rules: What changes of rules: `severity`, or parameters of their checks.
        without: Rules that do not hold there.
    """

    title: str
    stream: Name
    table: str | None = None
    columns: dict[str, ColumnSource] = Field(default_factory=dict)
    mayLack: tuple[str, ...] = ()  # noqa: N815
    fileQuery: str | None = None  # noqa: N815
    fileMarks: tuple[str, ...] = ()  # noqa: N815
    rules: dict[Name, dict[str, Any]] = Field(default_factory=dict)
    without: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter.

    Attributes:
        name: Its name, which is also its file's.
        path: Its file.
        changes: What it says.
        document: The file, for the lines of its parts.
    """

    name: str
    path: Path
    changes: Changes
    document: Document


def read_adapter(path: Path) -> Adapter:
    """Read an adapter's file.

    Raises:
        PackError: It cannot be used; holds every problem found, each with its line.
    """
    document = read_document(path, "adapter", PackError)
    changes = checked(document, Changes)
    return Adapter(path.name.removesuffix(ADAPTER_SUFFIX), path, changes, document)


def adapter_files(pack: Pack) -> list[Path]:
    """The adapters of a pack, in order."""
    return sorted(pack.adapters.glob(f"*{ADAPTER_SUFFIX}"))


def active_adapters() -> dict[str, Adapter]:
    """The adapters of this process, by the stream that each reads.

    Raises:
        PackError: One cannot be used.
        SettingError: There is none of a name, or two are of one stream.
    """
    names = get_settings().adapter_names
    if not names:
        return {}
    known = {
        path.name.removesuffix(ADAPTER_SUFFIX): path
        for pack in active_packs()
        for path in adapter_files(pack)
    }
    found: dict[str, Adapter] = {}
    for name in names:
        if name not in known:
            raise SettingError(_SETTING, expected=one_of(known, name), found=name)
        adapter = read_adapter(known[name])
        other = found.setdefault(adapter.changes.stream, adapter)
        if other.name != name:
            expected = f"one adapter of {adapter.changes.stream}"
            raise SettingError(_SETTING, expected=expected, found=f"{other.name} and {name}")
    return found
