"""Why a step failed, from Dagster's record of its error: a chain of class names and messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chimera_assets.contracts import errors as _contract_errors  # noqa: F401 - see _kinds
from chimera_assets.errors import ChimeraError, one_line
from chimera_assets.ingest import extraction as _extraction  # noqa: F401 - see _kinds
from chimera_assets.lake import errors as _lake_errors  # noqa: F401 - see _kinds
from chimera_assets.postgres.embedded import errors as _server_errors  # noqa: F401 - see _kinds
from chimera_assets.sources import errors as _source_errors  # noqa: F401 - see _kinds
from chimera_assets.warehouse.dbt_run import DbtFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dagster._utils.error import SerializableErrorInfo  # type: ignore[attr-defined]

#: What Dagster raises for a blocking check that failed; its message says which.
CHECK_FAILED = "DagsterAssetCheckFailedError"

#: So much of an error is shown.
_LINE = 500


def cause_of(error: SerializableErrorInfo) -> str:
    """The cause in one line: what the user can mend, if there is such a thing in the chain."""
    named = _named_cause(error)
    if named is not None:
        return named
    *_, last = _links(error)
    return one_line(last.message, _LINE)


def safe_cause_of(error: SerializableErrorInfo) -> str:
    """The cause in one line without values of rows.

    Our own errors never hold any. Others may quote what they stumbled upon, so that only their kind
    is given, and of dbt's the names of what failed.
    """
    named = _named_cause(error)
    if named is not None and DbtFailed.__name__ in classes_of(error):
        return named.partition(";")[0]
    if named is not None:
        # PostgreSQL quotes names after a word, values after a colon.
        return re.sub(r'(?<=: )"[^"]*"', '"..."', named)
    kind = classes_of(error)[-1]
    return f"{kind}; what it says may quote rows and is only in the log of the run"


def classes_of(error: SerializableErrorInfo) -> list[str]:
    """The class names of the chain, outermost first."""
    return [link.cls_name or "an error" for link in _links(error)]


def _named_cause(error: SerializableErrorInfo) -> str | None:
    """The message, in one line, of what the user can mend; None if there is no such thing."""
    ours = {kind.__name__ for kind in _kinds(ChimeraError)} | {CHECK_FAILED}
    named = [link.message for link in _links(error) if link.cls_name in ours]
    return one_line(re.sub(r"^[\w.]+: ", "", named[0]), _LINE) if named else None


def _links(error: SerializableErrorInfo) -> Iterator[SerializableErrorInfo]:
    """An error and what it came from."""
    link: SerializableErrorInfo | None = error
    while link is not None:
        yield link
        link = link.cause


def _kinds(kind: type[ChimeraError]) -> Iterator[type[ChimeraError]]:
    """An error class and those below it, as far as they are imported: hence the imports above."""
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)
