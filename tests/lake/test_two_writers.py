"""What comes between a commit's preparation and its making is seen, whoever it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from deltalake.exceptions import CommitFailedError

from chimera_assets.lake import CommitConflict, HoursMismatch, Lake, Replay, Table
from chimera_assets.lake.partitions import predicate
from tests.lake.conftest import events, hours
from tests.lake.test_writing import counted, total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chimera_assets.lake.stream import Data


@pytest.fixture(params=["another process", "the same object"])
def other(request: pytest.FixtureRequest, table: Table, lake: Lake) -> Table:
    """The same table, as another process sees it, or another part of this one."""
    table.create(events(hours(0)).to_arrow().schema)
    if request.param == "the same object":
        return table
    return Lake(lake.uri).table("staged", "generations")


class Interrupted:
    """Rows; when the first of them are on their way into files, something else happens, once."""

    def __init__(self, rows: pl.DataFrame, event: Callable[[], object]) -> None:
        self.rows, self._event = rows.to_arrow(), event
        self.readings = 0

    def replay(self) -> Replay:
        return Replay(self.rows.schema, self._batches)

    def once(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self.rows.schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        self.readings += 1
        yield from self.rows.slice(0, 1).to_batches()
        if self.readings == 1:
            self._event()
        yield from self.rows.slice(1).to_batches()


@pytest.mark.parametrize("again", [True, False], ids=["replay", "one-shot"])
def test_two_writers_of_an_empty_hour_do_not_both_win(
    table: Table, other: Table, *, again: bool
) -> None:
    """The second replaces what the first one wrote, and writes its files only once."""
    rows = Interrupted(
        events(hours(0), value=2), lambda: other.write_hours(events(hours(0), value=1), hours(0))
    )
    data: Data = rows.replay() if again else rows.once()
    commit = table.write_hours(data, hours(0))
    assert commit.version == other.version() == 2
    assert (table.count(), total(table), rows.readings) == (10, 20, 1)


def test_writers_of_other_hours_are_not_in_the_way(table: Table, other: Table) -> None:
    rows = Interrupted(
        events(hours(0), value=2), lambda: other.write_hours(events(hours(1)), hours(1))
    )
    table.write_hours(rows.replay(), hours(0))
    assert (table.count(), total(table), rows.readings) == (20, 30, 1)


def test_the_second_writer_carries_what_follows_from_the_first(table: Table, other: Table) -> None:
    rows = Interrupted(
        events(hours(0)), lambda: other.write_hours(events(hours(1)), hours(1), carry=counted)
    )
    table.write_hours(rows.replay(), hours(0), carry=counted)
    assert table.transaction_version("watermark") == 2
    assert [one["watermark"] for one in table.history(2)] == ["2", "1"]


def test_rows_of_an_hour_that_is_replaced_meanwhile_are_added_to_it(
    table: Table, other: Table
) -> None:
    rows = Interrupted(
        events(hours(0), value=5), lambda: other.write_hours(events(hours(0)), hours(0))
    )
    table.append(rows.replay())
    assert (table.count(), total(table)) == (20, 60)


def test_both_bring_the_same_new_column(table: Table, other: Table) -> None:
    def more(hour: int) -> pl.DataFrame:
        return events(hours(hour)).with_columns(model=pl.lit(f"m-{hour}"))

    rows = Interrupted(more(0), lambda: other.write_hours(more(1), hours(1)))
    table.write_hours(rows.replay(), hours(0))
    assert sorted(set(table.read().collect()["model"])) == ["m-0", "m-1"]
    assert table.count() == 20


def test_rows_in_files_of_other_types_than_another_brings_are_not_committed(local: Lake) -> None:
    """Both bring a new column: rows that come only once are given up, others are written again."""
    table, other = (Lake(local.uri).table("staged", "generations") for _ in range(2))
    table.write_hours(events(hours(0, 2)), hours(0, 2))

    def interrupted(name: str) -> Interrupted:
        column = pl.lit(7, pl.Int64).alias(name)
        wide = events(hours(1)).with_columns(column)
        narrow = events(hours(0), value=2).with_columns(column.cast(pl.Int32))
        return Interrupted(narrow, lambda: other.write_hours(wide, hours(1)))

    with pytest.raises(CommitConflict, match="changed its columns; nothing was written"):
        table.write_hours(interrupted("score").once(), hours(0))
    assert (table.count(), total(table)) == (20, 20)

    rows = interrupted("rank")
    table.write_hours(rows.replay(), hours(0))
    assert (table.count(), total(table), rows.readings) == (20, 30, 2)
    assert table.read(columns=["rank"]).collect()["rank"].to_list() == [7] * 20


def by_deltalake(table: Table, hour: int, value: int) -> None:
    """An hour replaced as any tool of deltalake's replaces it."""
    write_deltalake(
        table.delta(),
        events(hours(hour), value=value).cast({"hour": pl.Int32}),
        mode="overwrite",
        predicate=predicate(hours(hour)),
    )


def test_another_tool_writes_the_hour_meanwhile(table: Table, other: Table) -> None:
    rows = Interrupted(events(hours(0), value=2), lambda: by_deltalake(other, 0, 1))
    table.write_hours(rows.replay(), hours(0))
    assert (table.count(), total(table)) == (10, 20)


@pytest.mark.parametrize("before", [True, False], ids=["an hour with rows", "an empty hour"])
def test_another_tool_that_has_not_seen_our_rows_is_refused(
    table: Table, other: Table, *, before: bool
) -> None:
    """Whether it replaces the hour or merges into it."""
    if before:
        table.write_hours(events(hours(0), value=1), hours(0))
    stale = other.fresh()
    merging = other.fresh()
    table.write_hours(events(hours(0), value=2), hours(0))
    rows = events(hours(0), value=3).cast({"hour": pl.Int32})
    with pytest.raises(CommitFailedError):
        write_deltalake(stale, rows, mode="overwrite", predicate=predicate(hours(0)))
    merger = merging.merge(
        rows,
        f"target.event_id = source.event_id AND ({predicate(hours(0), 'target.')})",
        source_alias="source",
        target_alias="target",
    )
    with pytest.raises(CommitFailedError):
        merger.when_matched_update_all().when_not_matched_insert_all().execute()
    assert (table.count(), total(table)) == (10, 20)


def test_files_are_merged_meanwhile(table: Table, other: Table) -> None:
    for value in (1, 2):
        table.append(events(hours(0), value=value))
    rows = Interrupted(events(hours(0), value=3), other.optimize)
    table.write_hours(rows.replay(), hours(0))
    assert (table.count(), total(table)) == (10, 30)


def test_a_table_with_rules_of_its_own_is_written_by_them(local: Lake) -> None:
    """Another tool has given it a constraint, which deltalake holds each row against."""
    table = local.table("staged", "ruled")
    table.write_hours(events(hours(0)), hours(0))
    table.delta().alter.add_constraint({"small": "value < 5"})
    table.write_hours(events(hours(1), value=4), hours(1))
    with pytest.raises(Exception, match="10 rows failed validation"):
        table.write_hours(events(hours(1), value=9), hours(1))
    with pytest.raises(HoursMismatch, match=r"only 2026-01-31-01:00, found the hour .*-02:00"):
        table.write_hours(events(hours(1, 2)), hours(1))
    assert (table.count(), total(table)) == (20, 50)
