"""An invocation of dbt over our project, as whoever builds with it sees it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

from chimera_assets.errors import ChimeraError, one_line
from chimera_assets.settings import get_settings
from chimera_assets.tracing import handed_down
from chimera_assets.warehouse.dbt_messages import (
    RUN_VARIABLE,
    SILENT,
    Ended,
    NodeEnded,
    Request,
    Said,
)
from chimera_assets.warehouse.dbt_process import dbt_answers
from chimera_assets.warehouse.dbt_project import parsed_project

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from chimera_assets.hours import HourRange
    from chimera_assets.warehouse.dbt_messages import NodeOutcome

#: So many failed nodes are named in an error.
_NAMED = 5

#: Parts, in a message, the names of what failed from what is said of it.
_IN_OTHER_WORDS = "; in the engine's words: "


class DbtFailed(ChimeraError):  # noqa: N818 - the result of a run, not a mistake of a caller
    """Nodes failed; worth another try if the storage was to blame for all of them.

    The message names them; then the engine's words follow, without values of rows as far as these
    are known, see `warehouse/dbt_cursor.py`. `safe_part` gives the names alone.

    Args:
        nodes: What failed.
        target: The folder with the compiled SQL.
    """

    def __init__(self, nodes: Sequence[NodeOutcome], target: Path) -> None:
        named = nodes[:_NAMED]
        names = ", ".join(one.name for one in named)
        more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
        words = "; ".join(f"{one.name}: {one.words}" for one in named)
        super().__init__(
            f"dbt failed: {names}{more}{_IN_OTHER_WORDS}{words}; the compiled SQL is in {target}"
        )
        self.transient = bool(nodes) and all(one.passes for one in nodes)

    @staticmethod
    def safe_part(message: str) -> str | None:
        """The part of a kept message that only names what failed; None if it cannot be told."""
        safe, marked, _ = message.partition(_IN_OTHER_WORDS)
        return safe if marked else None


class DbtUnable(ChimeraError):  # noqa: N818 - as above
    """dbt could not even begin with its nodes.

    Args:
        words: dbt's message.
        transient: Whether it may well be able to at another time.
    """

    def __init__(self, words: str, *, transient: bool = False) -> None:
        super().__init__(f"dbt could not run: {one_line(words)}")
        self.transient = transient


class DbtRun:
    """One invocation of dbt.

    Args:
        arguments: A command of dbt's and its options, `["build", "--select", "…"]`.
        hours: The hours it is for; none for all.
        run_id: The run that it is part of, for the commits that it makes.
    """

    def __init__(
        self, arguments: Sequence[str], hours: HourRange | None = None, run_id: str | None = None
    ) -> None:
        #: The folder of what dbt writes: compiled SQL. Kept if the run fails.
        self.target: Path = get_settings().home_folder("dbt") / f"run-{uuid4().hex[:12]}"
        places = ("--target-path", str(self.target), "--log-path", str(self.target))
        self._arguments = (*SILENT, *arguments, *places)
        self._hours, self._run_id = hours, run_id

    def node_results(self, matter: Collection[str] | None = None) -> Iterator[NodeEnded]:
        """Run; what became of each node, as soon as it ends.

        Args:
            matter: The nodes whose failure is raised; None for all.

        Raises:
            DbtFailed: A node failed; names it, with the engine's own words.
            DbtUnable: dbt itself could not run.
        """
        for answer in self._answers():
            if isinstance(answer, NodeEnded):
                yield answer
            else:
                raise_if_failed(answer, self.target, matter)

    def results(self) -> tuple[NodeOutcome, ...]:
        """Run to the end, whatever fails on the way.

        Raises:
            DbtUnable: dbt itself could not run.
        """
        (ended,) = (answer for answer in self._answers() if isinstance(answer, Ended))
        raise_if_failed(ended, self.target, matter=())
        return ended.nodes

    def clean(self) -> None:
        """Delete what dbt wrote."""
        shutil.rmtree(self.target, ignore_errors=True)

    def _answers(self) -> Iterator[NodeEnded | Ended]:
        parsed_project()  # its mistakes are told in our words, not in those of another process
        request = Request(self._arguments, {**handed_down(), **self._variables()})
        for answer in dbt_answers(request):
            if isinstance(answer, Said):
                print(answer.line, flush=True)  # noqa: T201 - into the log of the step
            else:
                yield answer

    def _variables(self) -> dict[str, str]:
        """The lake, the run and its hours.

        By dbt's `--vars` the hours would make it parse the whole project again for every new one.
        """
        known = {"CHIMERA_LAKE_URI": get_settings().resolved_lake_uri}
        if self._run_id is not None:
            known[RUN_VARIABLE] = self._run_id
        if self._hours is None:
            return known
        return {
            **known,
            "CHIMERA_DBT_START_HOUR": self._hours.start.isoformat(),
            "CHIMERA_DBT_END_HOUR": self._hours.end.isoformat(),
        }


def raise_if_failed(ended: Ended, target: Path, matter: Collection[str] | None = None) -> None:
    """Raise what an invocation that went wrong is told by.

    Args:
        ended: How it ended.
        target: The folder with the compiled SQL.
        matter: The nodes whose failure is raised; None for all.

    Raises:
        DbtFailed: A node failed.
        DbtUnable: dbt itself could not run.
    """
    if ended.unable is not None:
        raise DbtUnable(ended.unable, transient=ended.unable_passes)
    failed = [one for one in ended.nodes if one.failed]
    if matter is not None:
        failed = [one for one in failed if one.node in matter]
    if failed or (matter is None and not ended.success):
        raise DbtFailed(failed, target)
