"""Finds the measures: the modules of `benchmarks.measures`."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from benchmarks import measures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.outcome import Outcome


#: Measures that take minutes and gigabytes: made only where they are named.
ONLY_IF_NAMED = frozenset({"big_hour", "lineage", "wide_hour"})


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: its name, title, default number of rows, and what runs it."""

    name: str
    title: str
    rows: int
    run: Callable[[int, Path], Outcome]


def names() -> list[str]:
    """The names of all measures; none of them is imported."""
    return sorted(module.name for module in pkgutil.iter_modules(measures.__path__))


def usual() -> list[str]:
    """The names of the measures that are made where none is named."""
    return [name for name in names() if name not in ONLY_IF_NAMED]


def load(name: str) -> Measure:
    """The measure of that name."""
    module = import_module(f"benchmarks.measures.{name}")
    title = (module.__doc__ or name).partition("\n")[0].rstrip(".")
    return Measure(name, title, module.ROWS, module.measure)
