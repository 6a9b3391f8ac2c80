"""The criteria of the specification: ids and titles, as the catalogue's YAML file has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest
import yaml

if TYPE_CHECKING:
    from pathlib import Path

#: Heading of a section -> id of a criterion -> its title, in the file's order.
Catalogue: TypeAlias = dict[str, dict[str, str]]


def load(path: Path) -> Catalogue:
    """Read the catalogue.

    Raises:
        pytest.UsageError: If an id is no text or stands twice.
    """
    catalogue: Catalogue = yaml.safe_load(path.read_text())
    seen: set[str] = set()
    for one in (one for section in catalogue.values() for one in section):
        if not isinstance(one, str):
            msg = f'{path}: expected ids in quotes, "005.3" for instance, found {one}'
            raise pytest.UsageError(msg)
        if one in seen:
            msg = f"{path}: expected each id once, found {one} twice"
            raise pytest.UsageError(msg)
        seen.add(one)
    return catalogue
