"""Run one model by dbt in this process, after the lake plugin was made to fail; print the outcomes.

A process of its own: in pytest's, `dbt` is the folder that this file is in.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from chimera_assets.errors import ChimeraError
from chimera_assets.lake import CommitConflict, LakeError, StorageUnavailable, storage_retry
from chimera_assets.warehouse import dbt_plugin
from chimera_assets.warehouse.dbt_invocation import invoke
from chimera_assets.warehouse.dbt_messages import Request
from chimera_assets.warehouse.dbt_run import raise_if_failed

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE_MODEL = ("build", "--select", "fact_generations", "--exclude-resource-type", "unit_test")


@contextmanager
def failing(what: str, error: Exception) -> Iterator[None]:
    def fails(*_: Any) -> None:
        raise error

    kept = getattr(dbt_plugin, what)
    setattr(dbt_plugin, what, fails)
    try:
        yield
    finally:
        setattr(dbt_plugin, what, kept)


def outcome() -> dict[str, Any]:
    try:
        raise_if_failed(invoke(Request(ONE_MODEL), lambda _: None), Path("target"))
    except ChimeraError as error:
        return {"error": type(error).__name__, "words": str(error), "passes": error.transient}
    return {"error": None}


def said_of_a_value() -> str:
    """What dbt gets to read of a value that its cursor stumbled upon."""
    from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper

    try:
        DuckDBCursorWrapper(duckdb.connect()).execute("select reverse('rekram7qz')::int").fetchall()
    except duckdb.Error as error:
        return str(error)
    return ""


def main() -> None:
    storage_retry.READ_ATTEMPTS = 1  # nobody is going to answer
    outcomes: dict[str, dict[str, Any]] = {}
    with failing("_commit", CommitConflict("somebody was quicker")):
        outcomes["conflict"] = outcome()
    with failing("_commit", LakeError("a column named Generic S3 error: 503 Slow Down")):
        outcomes["to be mended"] = outcome()
    with failing("_show_table", StorageUnavailable("nobody answers")):
        outcomes["at the beginning"] = outcome()
    outcomes["nothing"] = outcome()
    outcomes["a value"] = {"words": said_of_a_value()}
    print(json.dumps(outcomes))  # noqa: T201


if __name__ == "__main__":
    main()
