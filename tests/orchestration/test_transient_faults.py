"""Which faults are worth another try, however deep in an exception they lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from adbc_driver_manager import DatabaseError, OperationalError
from botocore.exceptions import ClientError, EndpointConnectionError
from deltalake.exceptions import CommitFailedError, DeltaError
from hypothesis import given
from hypothesis import strategies as st

from chimera_assets.errors import SettingError
from chimera_assets.lake.errors import (
    CommitConflict,
    HoursMismatch,
    SchemaConflict,
    TableNotFound,
    translated,
)
from chimera_assets.orchestration.runs.retries import RETRIES, pause
from chimera_assets.postgres.embedded.errors import EmbeddedServerError
from chimera_assets.settings import get_settings
from chimera_assets.sources.errors import SourceError
from chimera_assets.transient import is_transient
from chimera_assets.warehouse.dbt_messages import NodeOutcome
from chimera_assets.warehouse.dbt_run import DbtFailed, DbtUnable
from chimera_assets.warehouse.node_errors import passes


def sql(state: str) -> DatabaseError:
    return OperationalError("words", status_code=10, sqlstate=state)


def s3(words: str) -> Exception:
    return translated(OSError(f"Generic S3 error: {words}"), "s3://lake/raw/generations")


def dbt(words: str, raised: Exception | None = None) -> Exception:
    failed = NodeOutcome("model.x", "model fact_generations", "error", words, passes(words, raised))
    return DbtFailed([failed], Path("/home/dbt/run-1"))


def unable(words: str, raised: Exception | None = None) -> Exception:
    return DbtUnable(words, transient=passes(words, raised))


def throttled(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "PutObject")


PASSING = {
    "no connection": ConnectionRefusedError(111, "refused"),
    "reset": ConnectionResetError(104, "reset"),
    "timeout": TimeoutError(),
    "connection lost": sql("08006"),
    "server starting": sql("57P03"),
    "server stopping": sql("57P01"),
    "too many connections": sql("53300"),
    "serialisation": sql("40001"),
    "deadlock": sql("40P01"),
    "source": SourceError("PostgreSQL", "connection refused", remedy="wait", transient=True),
    "s3 throttles": s3("503 Slow Down"),
    "s3 broken": s3("Server returned 500 Internal Server Error"),
    "s3 slow": s3("operation timed out"),
    "botocore throttled": throttled("SlowDown"),
    "botocore unreachable": EndpointConnectionError(endpoint_url="http://s3"),
    "conflict": CommitConflict("lost"),
    "raw conflict": translated(CommitFailedError("x"), "/lake/t"),
    "dbt and s3": dbt("Generic S3 error: Error performing GET: 503 Service Unavailable"),
    "an answer that broke off": OSError("Generic S3 error: HTTP error: response body error"),
    "dbt's beginning and s3": unable("in operation on-run-start: Generic S3 error: timed out"),
    "dbt and a conflict": dbt("lost", CommitConflict("lost")),
    "dbt's beginning and a conflict": unable("in operation", CommitConflict("lost")),
}
LASTING = {
    "a defect": KeyError("x"),
    "setting": SettingError("CHIMERA_HOME", expected="a", found="b"),
    "source schema": SourceError("table t", "does not fit", remedy="mend it"),
    "password": sql("28P01"),
    "no such table": sql("42P01"),
    "a full disk of the database": sql("53100"),
    "a dropped database": sql("57P04"),
    "table": TableNotFound("/lake/t"),
    "column": SchemaConflict("/lake/t", "c", expected="int", found="text"),
    "hours": HoursMismatch("/lake/t", expected="1", found="2"),
    "a file": FileNotFoundError(2, "No such file or directory: connection.yml"),
    "dbt's beginning": unable("Compilation Error in operation on-run-start"),
    "full disk": translated(OSError(28, "No space left on device"), "/lake/t"),
    "s3 refuses": s3("403 Forbidden: access denied"),
    "botocore refused": throttled("AccessDenied"),
    "delta": DeltaError("bad schema"),
    "dbt test": dbt("Got 500 results, configured to fail if != 0"),
    "dbt sql": dbt("Binder Error: column timeout_connection not found"),
    "dbt and what only sounds like a conflict": dbt("another writer changed the same data"),
    "dbt and a column named by S3": dbt(
        "Generic S3 error: timed out", SchemaConflict("/lake/t", "c", expected="int", found="text")
    ),
    "dbt and a full disk": dbt("IO Error: No space left on device, connection closed"),
}


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING.keys())
def test_worth_another_try(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", LASTING.values(), ids=LASTING.keys())
def test_not_worth_another_try(error: Exception) -> None:
    assert not is_transient(error)


@given(
    st.sampled_from([*PASSING.values(), *LASTING.values()]),
    st.integers(0, 4),
    st.booleans(),
)
def test_wrapping_changes_nothing(error: Exception, deep: int, suppressed: bool) -> None:  # noqa: FBT001
    wrapped: Exception = error
    for _ in range(deep):
        outer = RuntimeError("Error occurred while executing op")
        outer.__cause__ = wrapped
        outer.__suppress_context__ = suppressed
        wrapped = outer
    assert is_transient(wrapped) == is_transient(error)


def test_the_embedded_server_knows_whether_it_is_coming_back(tmp_path) -> None:  # noqa: ANN001
    assert is_transient(EmbeddedServerError(tmp_path, "not ready", transient=True))
    assert not is_transient(EmbeddedServerError(tmp_path, "not a folder"))


def test_an_error_that_comes_from_itself_ends_the_walk() -> None:
    one, other = RuntimeError("a"), RuntimeError("b")
    one.__cause__, other.__cause__ = other, one
    assert not is_transient(one)


@pytest.mark.criterion("AC-001.4")
def test_pauses_grow_and_never_agree() -> None:
    first = get_settings().retry_seconds
    for tries in range(RETRIES):
        drawn = {pause(tries) for _ in range(50)}
        assert len(drawn) > 40
        assert all(0.5 <= one / (first * 2**tries) <= 1.5 for one in drawn)
