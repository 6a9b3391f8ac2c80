"""What the `.yml` beside a pack's models says of them: their columns and the columns' types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.packs.errors import PackError
from chimera_assets.yaml_documents import read_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from chimera_assets.packs.pack import Pack
    from chimera_assets.yaml_documents import Document


@dataclass(frozen=True, slots=True)
class DescribedModel:
    """A model as a `.yml` describes it.

    Attributes:
        name: Its name.
        path: The file.
        line: The line in it.
        columns: Column -> its type in SQL (`varchar` where none is said), and its line.
    """

    name: str
    path: Path
    line: int
    columns: Mapping[str, tuple[str, int]]


def described_models(packs: Iterable[Pack]) -> dict[str, DescribedModel]:
    """Model -> what is said of it; of one that is described twice the first.

    Raises:
        PackError: A file cannot be read; has every problem of the first such file.
    """
    found: dict[str, DescribedModel] = {}
    for pack in packs:
        for path in sorted(pack.models.rglob("*.yml")):
            for one in _described(read_document(path, "models", PackError)):
                found.setdefault(one.name, one)
    return found


def _described(document: Document) -> Iterator[DescribedModel]:
    models = document.data.get("models")
    for position, model in enumerate(models if isinstance(models, list) else ()):
        if isinstance(model, dict) and isinstance(model.get("name"), str):
            here = ("models", position)
            columns = dict(_columns(document, position, model.get("columns")))
            yield DescribedModel(model["name"], document.path, document.line(here), columns)


def _columns(
    document: Document, position: int, columns: object
) -> Iterator[tuple[str, tuple[str, int]]]:
    for number, column in enumerate(columns if isinstance(columns, list) else ()):
        if isinstance(column, dict) and isinstance(column.get("name"), str):
            line = document.line(("models", position, "columns", number))
            yield column["name"], (str(column.get("data_type") or "varchar"), line)
