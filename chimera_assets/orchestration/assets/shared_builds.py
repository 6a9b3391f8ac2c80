"""One start of dbt for several steps of a run: a start costs more than the models of an hour.

Each group of models is a step of its own, so that a stream that fails stops only what is made of
it. Where a run's steps share a process, the first of them builds the groups of the others as well,
as far as all that they read was staged by this run; their steps then only report it. Elsewhere, or
if anything of a group failed, its step starts dbt itself. If dbt cannot even begin with all of
them, because of one damaged table for instance, each is built alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chimera_assets.warehouse.dbt_messages import NodeEnded


@dataclass(slots=True)
class SharedBuilds:
    """What the steps of the present run of this process leave for each other."""

    _run_id: str = ""
    _staged: set[str] = field(default_factory=set)
    _built: dict[str, list[NodeEnded]] = field(default_factory=dict)
    _apart: bool = False

    def note_staged(self, run_id: str, stream: str) -> None:
        """Note that a run has staged the rows of a stream or reference table."""
        self._enter(run_id)
        self._staged.add(stream)

    def shareable(self, run_id: str) -> frozenset[str]:
        """What this process has staged for a run; nothing if groups are to be built alone."""
        self._enter(run_id)
        return frozenset() if self._apart else frozenset(self._staged)

    def build_alone(self, run_id: str) -> None:
        """From now on let each step of the run build its own group alone."""
        self._enter(run_id)
        self._apart = True

    def keep(self, run_id: str, step: str, nodes: Iterable[str], found: list[NodeEnded]) -> None:
        """Keep what was built for a step, unless something of it failed or was skipped."""
        self._enter(run_id)
        if set(nodes) <= {result.node for result in found if result.good}:
            self._built[step] = found

    def take(self, run_id: str, step: str) -> list[NodeEnded] | None:
        """What was built for a step, once; None if nothing was."""
        self._enter(run_id)
        return self._built.pop(step, None)

    def _enter(self, run_id: str) -> None:
        if run_id != self._run_id:
            self._run_id, self._staged, self._built, self._apart = run_id, set(), {}, False


#: Of this process.
SHARED_BUILDS = SharedBuilds()
