"""What goes and what comes back: rows removed or replaced, versions restored, files deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from deltalake import DeltaTable

from chimera_assets.lake import Lake, LakeError, Replay
from chimera_assets.lake.removal import remove_rows
from chimera_assets.lake.replacement import replace_rows
from tests.lake.conftest import START, events, hours
from tests.lake.test_writing import counted, total

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.lake import Table

FIRST_OF_TEN = pl.col("event_id").str.ends_with("-0")


def disturbed(keep: pl.Expr, meanwhile: Callable[[], object]) -> tuple[pl.Expr, list[int]]:
    """The same, but that something happens when it is first asked; and how often it was asked."""
    asked: list[int] = []

    def judge(ids: pl.Series) -> pl.Series:
        asked.append(len(ids))
        if len(asked) == 1:
            meanwhile()
        return ids.to_frame().select(keep).to_series()

    return pl.col("event_id").map_batches(judge, return_dtype=pl.Boolean), asked


def test_what_is_removed_beside_a_writer_of_another_hour_is_judged_once(
    table: Table, lake: Lake
) -> None:
    table.write_hours(events(hours(0, 2)), hours(0, 2))
    other = Lake(lake.uri).table("staged", "generations")
    keep, asked = disturbed(
        FIRST_OF_TEN, lambda: other.write_hours(events(hours(1), value=7), hours(1))
    )

    remove_rows(table, hours(0), keep, metadata={})

    assert asked == [10]
    assert (table.count(hours(0)), table.count(hours(1)), total(table)) == (1, 10, 71)


def test_a_row_that_comes_while_others_are_removed_is_judged_too(table: Table, lake: Lake) -> None:
    table.write_hours(events(hours(0)), hours(0))
    other = Lake(lake.uri).table("staged", "generations")
    late = events(hours(0), rows=2, value=7)
    keep, asked = disturbed(FIRST_OF_TEN, lambda: other.append(late))

    remove_rows(table, hours(0), keep, metadata={})

    assert sum(asked) == 10 + 12
    assert sorted(table.read().collect()["value"]) == [1, 7]


def test_hours_of_which_no_row_stays_have_only_those_that_come(table: Table) -> None:
    table.write_hours(events(hours(0, 3)), hours(0, 3))
    fresh = events(hours(1), rows=3, value=5).to_arrow()

    replace_rows(
        table,
        {(START.date(), 1)},
        pl.lit(value=False),
        Replay(fresh.schema, lambda: iter(fresh.to_batches())),
        metadata={"run": "r"},
        carry=counted,
    )

    assert table.rows_by_hour()["rows"].to_list() == [10, 3, 10]
    assert table.read(hours(1)).collect()["value"].to_list() == [5] * 3
    assert table.history(1)[0]["chimera.write"] == "replace rows"
    assert table.transaction_version("watermark") == 1


def test_a_version_whose_files_were_deleted_is_not_restored_by_half(table: Table) -> None:
    table.write_hours(events(hours(0, 2), value=1), hours(0, 2))
    table.write_hours(events(hours(1), value=2), hours(1))
    assert len(table.vacuum(0)) == 1
    newest = table.version()

    with pytest.raises(LakeError, match=r"version 1 cannot be restored.*choose a newer") as caught:
        table.restore(1)

    assert not caught.value.transient
    assert (table.version(), total(table)) == (newest, 30)


def test_what_a_writer_brings_during_a_restore_is_in_the_history(
    table: Table, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.write_hours(events(hours(0), value=1), hours(0))
    table.write_hours(events(hours(0), value=2), hours(0))
    other = Lake(lake.uri).table("staged", "generations")
    go_back, tries = DeltaTable.restore, []

    def disturbed_restore(delta: DeltaTable, *given: Any, **named: Any) -> dict[str, Any]:
        tries.append(delta.version())
        if len(tries) == 1:
            other.write_hours(events(hours(0), value=3), hours(0))
        return go_back(delta, *given, **named)

    monkeypatch.setattr(DeltaTable, "restore", disturbed_restore)
    done = table.restore(1)

    assert (tries, done.version, total(table)) == ([2, 3], 4, 10)
    assert table.read(version=3).collect()["value"].sum() == 30
