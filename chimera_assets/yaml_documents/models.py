"""A file's data as a pydantic model, with what does not fit noted by line.

Files of packs are described by models made of `Part`s. What a file may hold is said there once, in
types; here the complaints of pydantic become problems with a place, what was expected and found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from chimera_assets.errors import wanted
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from chimera_assets.yaml_documents import Document, Location

_M = TypeVar("_M", bound="Part")

#: What tables, columns and the like may be called: no quotes are needed in any SQL.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]


class Part(BaseModel):
    """A mapping in a file, all of whose keys are known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    refuse(one_of(cls.model_fields, key), key, below=key)
        return data


def refuse(expected: str, found: object, *, below: str | None = None) -> NoReturn:
    """For a validator: a problem's two halves, and the key below the part that it is about."""
    words = {"expected": expected, "found": str(found), "below": below}
    raise PydanticCustomError("unexpected", "expected {expected}, found {found}", words)


def checked(document: Document, model: type[_M]) -> _M:
    """A file's data as a model.

    Raises:
        DocumentError: The data do not fit; it has every problem with its line.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        for complaint in error.errors(include_url=False):
            _note(document, complaint)
        document.raise_problems()
        raise AssertionError from error  # a problem was noted above


def _note(document: Document, complaint: ErrorDetails) -> None:
    location = in_file(document, complaint["loc"])
    words: Mapping[str, Any] = complaint.get("ctx") or {}
    if complaint["type"] == "unexpected":
        location = (*location, *([words["below"]] if words["below"] else []))
        expected, found = words["expected"], words["found"]
    elif complaint["type"] == "missing":
        location = (*location, complaint["loc"][-1])
        expected, found = "a value", "none"
    elif complaint["type"] == "string_pattern_mismatch":
        expected = "lower-case letters, digits and _, at most 63, no digit first"
        found = repr(complaint["input"])[:80]
    else:
        expected = wanted(complaint["msg"]) or "another text"
        found = repr(complaint["input"])[:80]
    what = ".".join(str(step) for step in location) or document.kind
    document.problem(location, what, expected=expected, found=found)


def in_file(document: Document, steps: tuple[str | int, ...]) -> Location:
    """The part that pydantic complains of, without the names of union members in its path."""
    location: Location = ()
    for step in steps:
        if (*location, step) in document.lines:
            location = (*location, step)
    return location
