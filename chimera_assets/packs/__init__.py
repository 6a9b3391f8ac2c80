"""Packs: what belongs to one domain, as data. `docs/traffic.md` describes two of their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pack:
    """A domain: a folder of data.

    Attributes:
        name: What the folder is called.
        version: Of the pack, a semantic version.
        title: For people.
        owner: Who answers for it.
        requires: Other packs that it needs.
        folder: Where its files are.
    """

    name: str
    version: str
    title: str
    owner: str
    requires: tuple[str, ...]
    folder: Path


def active_packs() -> tuple[Pack, ...]:
    """The packs of this process."""
    return (Pack("ai", "1.0.0", "AI gateway", "ai-platform", (), Path(__file__).parent / "ai"),)
