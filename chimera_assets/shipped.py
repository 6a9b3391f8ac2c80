"""The files that come with the package but are no part of it: the dbt project, Dagster's instance.

In a clone they stand beside the package, where people and their tools expect them; the wheel puts
them into it (see `pyproject.toml`), so that an installed package needs nothing else.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped_folder(name: str) -> Path:
    """The folder that holds a file or folder that comes with this package."""
    return _PACKAGE if (_PACKAGE / name).exists() else _PACKAGE.parent
