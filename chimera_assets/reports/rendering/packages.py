"""The packages that reports need beyond the product's own, loaded where they are used."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from chimera_assets.errors import ChimeraError

#: Those that are not the product's own already.
_MODULES = ("jinja2", "typst", "xlsxwriter")


class MissingPackageError(ChimeraError):
    """A package of the extra `reports` is not installed."""

    def __init__(self, module: str) -> None:
        super().__init__(
            f"reports: expected the package of module {module}, found none; "
            'pip install "chimera-assets[reports]"'
        )


def are_installed() -> bool:
    """Whether the extra `reports` is installed; loads nothing."""
    return all(find_spec(module) is not None for module in _MODULES)


def load(module: str) -> Any:  # noqa: ANN401 - a module, none of which has types
    """The module.

    Raises:
        MissingPackageError: It is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingPackageError(module) from error
