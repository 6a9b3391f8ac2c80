"""Whether the `.yml` of models keeps to what models keep to: in Jinja, and in the SQL of tests."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from chimera_assets.packs.errors import ModelError, OutsideError, PackError, SelectError
from chimera_assets.packs.select import read_select
from chimera_assets.warehouse.model_text import model_text
from chimera_assets.yaml_documents import Problem, read_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chimera_assets.packs import Pack
    from chimera_assets.yaml_documents import Location

#: The keys below which texts are SQL, or parts of it.
_TESTS: frozenset[str | int] = frozenset({"data_tests", "tests", "unit_tests"})

#: A text which dbt takes for Jinja, though it has no braces, among the arguments of a test.
_CALL = re.compile(r"\s*(env_var|ref|var|source|doc)\s*\(.+\)\s*$")


def yml_problems(packs: Iterable[Pack]) -> Iterator[Problem]:
    """A problem for each text that reads files, the environment or other databases.

    Files that cannot be read are passed over: `described_models` tells of them.
    """
    folders = (folder for pack in packs for folder in (pack.models, pack.analyses))
    for path in (path for folder in folders for path in sorted(folder.rglob("*.yml"))):
        try:
            document = read_document(path, "models", PackError)
        except PackError:
            continue
        for location, text in _texts(document.data, ()):
            if (wrong := _wrong(text, is_sql=not _TESTS.isdisjoint(location))) is not None:
                what = str(location[-1]) if isinstance(location[-1], str) else "text"
                yield Problem(path, document.line(location), what, *wrong)


def _texts(data: object, here: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(data, str):
        yield here, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(value, (*here, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _texts(value, (*here, number))


@lru_cache(maxsize=4096)  # the same few hundred texts stand in many places
def _wrong(text: str, *, is_sql: bool) -> tuple[str, str] | None:
    """What is expected and found of a text; None if nothing is wrong."""
    if is_sql and _CALL.match(text):
        text = f"{{{{ {text} }}}}"
    ways = [text]
    if "{{" in text or "{%" in text:
        try:
            ways = [
                model_text(text, _as_it_is, lambda _, name: name, "this", of_hours=of_hours)
                for of_hours in (False, True)
            ]
        except ModelError as error:
            return error.expected, error.found
    found = (_outside(way) for way in ways if is_sql and not way.isidentifier())
    return next((one for one in found if one is not None), None)


def _outside(text: str) -> tuple[str, str] | None:
    """What is expected and found of a text that is SQL, or a part of it."""
    for sql in (text, f"SELECT {text}"):
        try:
            tables = read_select(sql).tables
        except OutsideError as error:
            return error.expected, error.found
        except SelectError:
            continue  # a name, or a text that is none; dbt tells of what is wrong
        if files := sorted(name for name in tables if "/" in name or "." in name):
            return "SQL over tables", files[0]
    return None


def _as_it_is(name: str) -> str:
    return name
