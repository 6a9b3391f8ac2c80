"""Why a step failed, from Dagster's record of its error: a chain of class names and messages."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError, one_line
from chimera_assets.warehouse.dbt_run import DbtFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dagster._utils.error import SerializableErrorInfo  # type: ignore[attr-defined]

#: What Dagster raises for a blocking check that failed; its message says which.
CHECK_FAILED = "DagsterAssetCheckFailedError"

#: What is raised in a step by Ctrl-C, SIGTERM, or whoever cancels its run.
_INTERRUPTS = frozenset({"DagsterExecutionInterruptedError", "KeyboardInterrupt"})
INTERRUPTED = "interrupted"

#: The modules that define errors of ours. A process that reads of a failure need not have imported
#: the one that its error is from.
ERROR_MODULES = (
    "chimera_assets.audit.key_files",
    "chimera_assets.audit.log",
    "chimera_assets.audit.policy_file",
    "chimera_assets.audit.proofs",
    "chimera_assets.audit.publishing",
    "chimera_assets.audit.rfc3161",
    "chimera_assets.audit.signing_keys",
    "chimera_assets.audit.third_parties",
    "chimera_assets.audit.tlog.errors",
    "chimera_assets.audit.witness_state",
    "chimera_assets.contracts.errors",
    "chimera_assets.errors",
    "chimera_assets.ingest.contract_fit",
    "chimera_assets.ingest.extraction",
    "chimera_assets.ingest.migration_state",
    "chimera_assets.lake.errors",
    "chimera_assets.packs.errors",
    "chimera_assets.postgres.embedded.errors",
    "chimera_assets.postgres.errors",
    "chimera_assets.postgres.platform.exclusive",
    "chimera_assets.quality.migration.beside",
    "chimera_assets.quality.migration.losses",
    "chimera_assets.quality.migration.takeover",
    "chimera_assets.reports.document.checks",
    "chimera_assets.reports.evidence.errors",
    "chimera_assets.reports.answers",
    "chimera_assets.reports.rendering.packages",
    "chimera_assets.reports.sections.draft",
    "chimera_assets.reports.store",
    "chimera_assets.sources.errors",
    "chimera_assets.warehouse.dbt_run",
    "chimera_assets.warehouse.hour_writing",
    "chimera_assets.warehouse.select_tables",
    "chimera_assets.yaml_documents.problems",
)

#: How a message begins: with the path of its class, without one for Python's own.
_CLASS_PATH = re.compile(r"(?P<module>(?:\w+\.)*)(?P<name>\w+): ")

#: So much of an error is shown where there is little room.
_LINE = 500


def cause_of(error: SerializableErrorInfo) -> str:
    """The cause in one line, however long: what the user can mend, if there is such a thing."""
    if was_interrupted(error):
        return INTERRUPTED
    named = _named(error)
    if named is not None:
        return _line(named.message)
    *_, last = _links(error)
    return one_line(last.message)


def safe_cause_of(error: SerializableErrorInfo) -> str:
    """The cause in one line without values of rows.

    Our own errors never hold any. Others may quote what they stumbled upon, so that only their kind
    is given, and of dbt's the names of what failed.
    """
    if was_interrupted(error):
        return INTERRUPTED
    named = _named(error)
    of_dbt = DbtFailed.__name__ in classes_of(error)
    told = named.message if named is not None else None
    if told is not None and of_dbt:
        told = DbtFailed.safe_part(told)
    if told is None:
        kind = DbtFailed.__name__ if of_dbt else classes_of(error)[-1]
        return f"{kind}; what it says may quote rows; see the log of the run"
    # PostgreSQL quotes names after a word, values after a colon.
    return re.sub(r'(?<=: )"[^"]*"', '"..."', one_line(_line(told), _LINE))


def was_interrupted(error: SerializableErrorInfo) -> bool:
    """Whether nothing failed, but somebody ended the step or its run."""
    return not _INTERRUPTS.isdisjoint(classes_of(error))


def classes_of(error: SerializableErrorInfo) -> list[str]:
    """The class names of the chain, outermost first."""
    return [link.cls_name or "an error" for link in _links(error)]


def _named(error: SerializableErrorInfo) -> SerializableErrorInfo | None:
    """The first link that tells what the user can mend; None if there is no such thing."""
    return next(filter(_is_named, _links(error)), None)


def _line(message: str) -> str:
    """A message in one line, without the path of its class."""
    return one_line(_CLASS_PATH.sub("", message, count=1))


def _is_named(link: SerializableErrorInfo) -> bool:
    """Whether an error is one of ours, or a check that failed.

    Others have classes of the same names, and their messages may quote rows.
    """
    path = _CLASS_PATH.match(link.message)
    package = path["module"].partition(".")[0] if path is not None else ""
    if link.cls_name == CHECK_FAILED:
        return package in {"", "dagster"}
    return link.cls_name in error_names() and package in {"", "chimera_assets"}


@lru_cache(maxsize=1)
def error_names() -> frozenset[str]:
    """The names of all classes of errors of ours."""
    for module in ERROR_MODULES:
        import_module(module)
    return frozenset(kind.__name__ for kind in _kinds(ChimeraError))


def _links(error: SerializableErrorInfo) -> Iterator[SerializableErrorInfo]:
    """An error and what it came from."""
    link: SerializableErrorInfo | None = error
    while link is not None:
        yield link
        link = link.cause


def _kinds(kind: type[ChimeraError]) -> Iterator[type[ChimeraError]]:
    """An error class and those below it, as far as they are imported."""
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)
