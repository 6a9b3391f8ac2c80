"""A cause is one line that on call can act on, and never quotes a row."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from dagster._utils.error import SerializableErrorInfo, serializable_error_info_from_exc_info

import chimera_assets
from chimera_assets.orchestration.runs import causes
from chimera_assets.orchestration.runs.causes import cause_of, safe_cause_of
from chimera_assets.postgres.errors import DatabaseError
from chimera_assets.warehouse import dbt_run
from chimera_assets.warehouse.dbt_messages import NodeOutcome
from chimera_assets.warehouse.dbt_run import DbtFailed

ALICE = "alice@example.com"


def raised(*links: tuple[str, str]) -> SerializableErrorInfo:
    """Dagster's record of an error, outermost link first."""
    cause: SerializableErrorInfo | None = None
    for kind, message in reversed(links):
        cause = SerializableErrorInfo(f"{kind}: {message}\n", [], kind, cause=cause)
    assert cause is not None
    return cause


STEP = ("DagsterExecutionStepExecutionError", "Error occurred while executing op")


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        (
            ("StorageUnavailable", "/lake/t: the storage failed: 503\n  Slow Down"),
            "/lake/t: the storage failed: 503 Slow Down",
        ),
        (
            ("SourceError", f'PostgreSQL: column "user" is no number: "{ALICE}"; mend it'),
            'PostgreSQL: column "user" is no number: "..."; mend it',
        ),
        (
            ("ComputeError", f"conversion from str to i64 failed: [{ALICE}]"),
            "ComputeError; what it says may quote rows; see the log of the run",
        ),
    ],
)
def test_a_cause_in_one_line_without_values(error: tuple[str, str], reported: str) -> None:
    said = safe_cause_of(raised(STEP, error))
    assert said == reported
    assert ALICE not in said


def as_dagster_keeps_it(error: Exception) -> SerializableErrorInfo:
    try:
        raise error
    except type(error):
        return serializable_error_info_from_exc_info(sys.exc_info())


def failed(name: str, words: str) -> NodeOutcome:
    return NodeOutcome("id", name, "error", words, passes=False)


def test_of_dbt_only_the_names_of_what_failed_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = [failed(f"model fact_{at}", f"cannot cast; '{ALICE}'; {'x' * 500}") for at in range(7)]
    names = ", ".join(one.name for one in facts[:5])
    kept = as_dagster_keeps_it(DbtFailed(facts, Path("/home/dbt/run-1")))
    assert safe_cause_of(kept) == f"dbt failed: {names} and 2 more"
    assert ALICE in cause_of(kept)
    # Worded by a release that parted the message in another way.
    monkeypatch.setattr(dbt_run, "_IN_OTHER_WORDS", " - said of it: ")
    reported = safe_cause_of(kept)
    assert reported == "DbtFailed; what it says may quote rows; see the log of the run"
    # And its own, whatever the words between are.
    kept = as_dagster_keeps_it(DbtFailed([failed("test a", ALICE)], Path("/home/dbt/run-1")))
    assert safe_cause_of(kept) == "dbt failed: test a"


def test_an_error_of_others_with_the_name_of_ours_is_not_quoted() -> None:
    theirs = as_dagster_keeps_it(psycopg.DatabaseError(f"duplicate key ({ALICE})"))
    assert ALICE not in safe_cause_of(theirs)
    ours = DatabaseError("the database", "does not answer", remedy="start it")
    assert safe_cause_of(as_dagster_keeps_it(ours)) == "the database: does not answer; start it"
    assert cause_of(as_dagster_keeps_it(ours)) == "the database: does not answer; start it"


def defined_errors() -> set[tuple[str, str]]:
    """Module and name of every class below `ChimeraError`, as the package's files define them."""
    package = Path(chimera_assets.__file__).parent
    classes = [
        (".".join(path.relative_to(package.parent).with_suffix("").parts), node)
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    found = {("chimera_assets.errors", "ChimeraError")}
    before: set[tuple[str, str]] = set()
    while found != before:
        before, names = found, {name for _, name in found}
        found = found | {
            (module, node.name)
            for module, node in classes
            if names & {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        }
    return found


def test_every_error_of_ours_is_known_to_a_process_that_has_imported_none() -> None:
    defined = defined_errors()
    assert {"AuditError", "PackError", "DbtFailed", "TableDamaged"} <= {name for _, name in defined}
    assert {module for module, _ in defined} == set(causes.ERROR_MODULES)

    script = "from chimera_assets.orchestration.runs.causes import error_names as e; print(*e())"
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) == {name for _, name in defined}
