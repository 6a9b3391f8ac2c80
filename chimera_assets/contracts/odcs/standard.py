"""Does a file follow the Open Data Contract Standard, version 3?

The standard's own model says which keys there are and of which types; it lets unknown keys in
nested parts pass, and a key with a typo would be a promise that nobody keeps, so they are looked
for here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import BaseModel, ValidationError

from chimera_assets.errors import wanted
from chimera_assets.yaml_documents import one_of
from chimera_assets.yaml_documents.models import in_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts.odcs.document import Document, Location

_REQUIRED = ("apiVersion", "kind", "id", "version", "schema")


def read_standard(document: Document) -> OpenDataContractStandard:
    """The file as the standard's model; unknown and missing keys are noted in the document.

    Raises:
        ContractError: A value is of a type that the standard does not allow there.
    """
    for key in _REQUIRED:
        if document.data.get(key) in (None, "", []):
            document.problem(
                (key,), key, expected="a value (the standard requires it)", found="none"
            )
    unknown = list(_unknown_keys(document.data, OpenDataContractStandard, ()))
    for location, known in unknown:
        key = str(location[-1])
        document.problem(location, f"key {key}", expected=one_of(known, key), found=key)
    top_unknown = {location[0] for location, _ in unknown if len(location) == 1}
    data = {key: value for key, value in document.data.items() if key not in top_unknown}
    _check_versions(document)
    try:
        return OpenDataContractStandard.model_validate(data)
    except ValidationError as error:
        for complaint in error.errors():
            location = in_file(document, complaint["loc"])
            what = ".".join(str(step) for step in location) or "contract"
            found = repr(complaint["input"])[:80]
            expected = wanted(complaint["msg"]) or "another text"
            document.problem(location, what, expected=expected, found=found)
        document.raise_problems()
        raise AssertionError from error  # a problem was noted above


def _check_versions(document: Document) -> None:
    api = str(document.data.get("apiVersion"))
    if document.data.get("apiVersion") and not api.startswith("v3."):
        document.problem(("apiVersion",), "apiVersion", expected="v3.x of the standard", found=api)
    kind = document.data.get("kind")
    if kind and kind != "DataContract":
        document.problem(("kind",), "kind", expected="DataContract", found=kind)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that an annotation such as `list[Team] | None` names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _unknown_keys(
    value: Any,  # noqa: ANN401 - whatever YAML holds
    model: type[BaseModel],
    here: Location,
) -> Iterator[tuple[Location, list[str]]]:
    """Each key that the model has no field for, with the ones it has."""
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _unknown_keys(item, model, (*here, position))
    if not isinstance(value, dict):
        return
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for key, item in value.items():
        if key not in fields:
            yield (*here, key), list(fields)
            continue
        inner = list(_models(fields[key].annotation))
        if inner:
            # `team` is an object in 3.1 and a list of members before: the shape shows which.
            chosen = inner[-1] if isinstance(item, list) else inner[0]
            yield from _unknown_keys(item, chosen, (*here, key))
