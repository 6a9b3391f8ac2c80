"""A model's rows leave DuckDB in batches of few bytes, however wide they are."""

from __future__ import annotations

import duckdb
import pytest

from chimera_assets.lake import bounded
from chimera_assets.warehouse import dbt_plugin


@pytest.mark.parametrize(("width", "rows"), [(10, 20_000), (10_000, 5_000)])
def test_batches_are_as_many_rows_as_their_width_allows(
    monkeypatch: pytest.MonkeyPatch, width: int, rows: int
) -> None:
    for module in (bounded, dbt_plugin):
        monkeypatch.setattr(module, "MOST_BYTES", 1_000_000)
    with duckdb.connect() as connection:
        sql = f"select range as number, repeat('x', {width}) as text from range({rows})"  # noqa: S608
        replay = dbt_plugin._replay(connection, sql)
        for _ in range(2):  # a commit that meets a conflict asks again
            batches = list(replay.batches())
            assert sorted(n for one in batches for n in one["number"].to_pylist()) == [*range(rows)]
            assert all(batch.nbytes <= 1_000_000 for batch in batches)
            assert len(batches) < 2.5 * rows * (width + 12) / 1_000_000 + 1
