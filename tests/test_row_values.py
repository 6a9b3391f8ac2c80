"""What engines say of a value that they stumbled upon, without the value."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from chimera_assets.errors import ChimeraError
from chimera_assets.row_values import without_values

if TYPE_CHECKING:
    from collections.abc import Callable

MARKER = "zq7marker"
FRAME = pl.DataFrame({"prompt": [MARKER]})


def asked(sql: str) -> Callable[[], object]:
    rows = "with t as (select reverse('rekram7qz') as prompt)"
    return lambda: duckdb.connect().execute(f"{rows} {sql}").pl()


def broken_off() -> object:
    """A result that breaks off while it is read, where DuckDB's words come through Arrow."""
    late = "case when i > 500000 then reverse('rekram7qz') else '1' end"
    # Of several threads another may be the first to say that all of them are interrupted.
    connection = duckdb.connect(config={"threads": 1})
    rows = connection.execute(f"select cast({late} as int) from range(1000000) r(i)")  # noqa: S608
    return list(rows.to_arrow_reader(1000))


def ours() -> None:
    try:
        FRAME.select(pl.col("prompt").cast(pl.Int64))
    except pl.exceptions.PolarsError as error:
        msg = "a message of ours"
        raise ChimeraError(msg) from error


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (asked("select prompt::int[] from t"), "to INTEGER[]"),
        (asked("select prompt::decimal(3, 1) from t"), "column prompt cannot be converted to DEC"),
        (asked("select strptime(prompt, '%Y') from t"), "Invalid Input Error: what it says may"),
        (asked("select error(prompt) from t"), "Invalid Input Error: what it says may"),
        (asked("select prompt::json->'a' from t"), "Conversion Error: a value of column prompt"),
        (asked("select now() at time zone prompt from t"), "Not implemented Error: what it says"),
        (asked("select make_timestamptz(1, 1, 1, 1, 1, 1, prompt) from t"), "what it says may"),
        (asked("select nope from t"), 'Referenced column "nope" not found'),
        (broken_off, "Conversion Error: a value cannot be converted to INT32"),
        (lambda: FRAME.select(pl.col("prompt").cast(pl.Int64)), "failed in column 'prompt'"),
        (lambda: FRAME.select("nope"), 'unable to find column "nope"'),
        (lambda: pa.array([MARKER]).cast(pa.int64()), "may quote values of rows"),
        (lambda: int(MARKER), "may quote values of rows"),
        (lambda: {"a": 1}[MARKER], "may quote values of rows"),
        (ours, "a message of ours"),
    ],
)
def test_an_error_names_what_failed_and_not_the_value(
    fails: Callable[[], object], said: str
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        fails()
    safe = without_values(caught.value)
    assert said in str(safe)
    assert type(safe) is type(caught.value)
    chain = "".join(traceback.format_exception_only(safe)) + str(safe.__cause__)
    assert MARKER not in chain
    assert safe.__context__ is None
