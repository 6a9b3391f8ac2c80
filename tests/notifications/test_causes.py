"""A cause is one line that on call can act on, and never quotes a row."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster._utils.error import SerializableErrorInfo

from chimera_assets.orchestration.runs.causes import safe_cause_of
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
    ("error", "told"),
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
            "ComputeError; what it says may quote rows and is only in the log of the run",
        ),
        (
            (
                "DbtFailed",
                str(
                    DbtFailed(
                        {"model fact_generations": f"cannot cast '{ALICE}'", "test unique_id": "3"},
                        Path("/home/dbt/run-1"),
                    )
                ),
            ),
            "dbt failed: model fact_generations, test unique_id",
        ),
    ],
)
def test_a_cause_in_one_line_without_values(error: tuple[str, str], told: str) -> None:
    said = safe_cause_of(raised(STEP, error))
    assert said == told
    assert ALICE not in said
