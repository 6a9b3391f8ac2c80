"""Contracts that the stories of this folder begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chimera_assets.contracts import Contract, load_contract, load_contracts
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def shipped() -> dict[str, Contract]:
    return load_contracts([SHIPPED])


@pytest.fixture(scope="session")
def generations(shipped: dict[str, Contract]) -> Contract:
    return shipped["generations"]


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """Writes a shipped contract with some of its text replaced."""

    def write(stream: str, *replacements: tuple[str, str]) -> Path:
        text = (SHIPPED / f"{stream}.odcs.yaml").read_text()
        for old, new in replacements:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / f"{stream}.odcs.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def changed(edited: Callable[..., Path]) -> Callable[..., Contract]:
    """Loads a shipped contract with some of its text replaced."""
    return lambda stream, *replacements: load_contract(edited(stream, *replacements))
