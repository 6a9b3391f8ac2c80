"""What dbt is asked, and what it tells, as plain data: the two sides are processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.privacy.origins import ModelLineage

#: The variable that tells dbt's process which run it is part of.
RUN_VARIABLE = "CHIMERA_DBT_RUN_ID"

#: dbt spends a tenth of its time on its log; what it says goes into that of the step.
SILENT = ("--no-write-json", "--log-level", "none", "--log-level-file", "none")


@dataclass(frozen=True, slots=True)
class Request:
    """An invocation.

    Attributes:
        arguments: A command of dbt's and its options, `("build", "--select", "…")`.
        variables: What its environment has beside that of its process.
    """

    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeEnded:
    """A model or test that ended.

    Attributes:
        event: dbt's event of it, as its JSON log has it.
        lineage: What a model makes its columns of, if that was worked out.
    """

    event: dict[str, Any]
    lineage: ModelLineage | None = None

    @property
    def node(self) -> str:
        """The id that dbt has for it."""
        node: str = self.event["data"]["node_info"]["unique_id"]
        return node

    @property
    def seconds(self) -> float:
        """How long dbt took for it."""
        return float(self.event["data"].get("execution_time", 0.0))

    @property
    def good(self) -> bool:
        """Whether it was built, or passed, or only warned."""
        return self.event["data"]["node_info"]["node_status"] in {"success", "pass", "warn"}


@dataclass(frozen=True, slots=True)
class Said:
    """What dbt has to say of its progress.

    Attributes:
        line: For the terminal, or the log of the step.
    """

    line: str


@dataclass(frozen=True, slots=True)
class NodeOutcome:
    """What became of a node in the end.

    Attributes:
        node: The id that dbt has for it.
        name: `model fact_orders` for instance.
        status: dbt's word: `success`, `error`, `fail` and so on.
        words: What the engine says of it, in one line.
        passes: Whether, if it failed, it may well succeed at another time.
    """

    node: str
    name: str
    status: str
    words: str
    passes: bool

    @property
    def failed(self) -> bool:
        """Whether it failed itself; what stands behind it is skipped."""
        return self.status in {"error", "fail", "runtime error"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How an invocation ended.

    Attributes:
        nodes: What became of each node.
        success: Whether dbt says that all went well.
        unable: Why dbt could not even begin with its nodes; None if it could.
        unable_passes: Whether it may well be able to at another time.
    """

    nodes: tuple[NodeOutcome, ...] = ()
    success: bool = False
    unable: str | None = None
    unable_passes: bool = False


#: What comes of a request: any of the first two, in whatever order, and at last how it ended.
Answer = Said | NodeEnded | Ended
