"""What can be defined only once, in whatever pack: an aggregate, a metric, the order of a fact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.yaml_documents import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that a definition names.

    Attributes:
        kind: What is defined, `an aggregate`, `a metric` or `an order`; or `a fact`, which is read.
        what: The key of the file that has the name.
        name: The name.
        path: The file.
        line: The line in it.
    """

    kind: str
    what: str
    name: str
    path: Path
    line: int


def repeated(claims: Iterable[Claim]) -> Iterator[Problem]:
    """A problem for each claim of a name that another has."""
    first: dict[tuple[str, str], Claim] = {}
    for claim in claims:
        other = first.setdefault((claim.kind, claim.name), claim)
        if other is not claim:
            expected = f"{claim.kind} defined once ({other.path}:{other.line} has it already)"
            yield Problem(claim.path, claim.line, claim.what, expected, claim.name)
