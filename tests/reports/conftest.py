from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chimera_assets.reports.document import Block, Document, Section
from tests.reports.weekly_usage import weekly_usage

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def weekly() -> Document:
    """The whole report, with a table that is longer than what is shown of it."""
    return weekly_usage(rows=230)


@pytest.fixture
def with_blocks(weekly: Document) -> Callable[..., Document]:
    """A report of one section that has these blocks."""

    def made(*blocks: Block) -> Document:
        return replace(weekly, sections=(Section("one", "One", blocks),))

    return made
