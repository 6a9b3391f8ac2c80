"""What the `.yml` beside a pack's models says of them: their columns and the columns' types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.packs.errors import PackError, SelectError
from chimera_assets.packs.select import read_select
from chimera_assets.yaml_documents import read_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from chimera_assets.packs.pack import Pack
    from chimera_assets.yaml_documents import Document, Problem


#: Keys by which dbt would run any statement.
_HOOKS = frozenset({"post_hook", "pre_hook", "sql_header"})


@dataclass(frozen=True, slots=True)
class DescribedModel:
    """A model as a `.yml` describes it.

    Attributes:
        name: Its name.
        path: The file.
        line: The line in it.
        columns: Column -> its type in SQL (`varchar` where none is said), and its line.
        typed: The columns of which a type is said.
    """

    name: str
    path: Path
    line: int
    columns: Mapping[str, tuple[str, int]]
    typed: frozenset[str]


def described_models(packs: Iterable[Pack]) -> dict[str, DescribedModel]:
    """Model -> what is said of it; of one that is described twice the first.

    Raises:
        PackError: A file cannot be read, has hooks, or a type that is none; has all problems.
    """
    found: dict[str, DescribedModel] = {}
    problems: list[Problem] = []
    for path in (path for pack in packs for path in sorted(pack.models.rglob("*.yml"))):
        try:
            for one in _read(path):
                found.setdefault(one.name, one)
        except PackError as error:
            problems.extend(error.problems)
    if problems:
        raise PackError(problems)
    return found


def _read(path: Path) -> list[DescribedModel]:
    document = read_document(path, "models", PackError)
    for location in document.lines:
        if (key := str(location[-1]).replace("-", "_")) in _HOOKS:
            expected = "no SQL beside that of models and tests"
            document.problem(location, "key", expected=expected, found=key)
    described = list(_described(document))
    document.raise_problems()
    return described


def _described(document: Document) -> Iterator[DescribedModel]:
    models = document.data.get("models")
    for position, model in enumerate(models if isinstance(models, list) else ()):
        if isinstance(model, dict) and isinstance(model.get("name"), str):
            here = ("models", position)
            listed = model.get("columns")
            columns = dict(_columns(document, position, listed))
            # Of a column that is no mapping, or has no name, there is none in `columns` either.
            typed = frozenset(
                str(one.get("name"))
                for one in (listed if isinstance(listed, list) else ())
                if isinstance(one, dict) and one.get("data_type")
            )
            line = document.line(here)
            yield DescribedModel(model["name"], document.path, line, columns, typed)


def _columns(
    document: Document, position: int, columns: object
) -> Iterator[tuple[str, tuple[str, int]]]:
    for number, column in enumerate(columns if isinstance(columns, list) else ()):
        if isinstance(column, dict) and isinstance(column.get("name"), str):
            line = document.line(("models", position, "columns", number))
            kind = str(column.get("data_type") or "varchar")
            try:
                read_select(f"SELECT CAST(NULL AS {kind}) AS kind")
            except SelectError:
                place = ("models", position, "columns", number, "data_type")
                document.problem(place, "data_type", expected="a type of SQL", found=kind)
            yield column["name"], (kind, line)
