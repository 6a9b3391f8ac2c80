"""A table takes the columns and rows of one that was made beside it, in one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.lake import Lake
from chimera_assets.lake.adoption import adopt
from chimera_assets.lake.storage import remove_folder, stored_files
from tests.lake.conftest import events, hours

if TYPE_CHECKING:
    from chimera_assets.lake import Table

TRANSACTION = ("a migration", 7)


def beside(lake: Lake) -> Table:
    """The same hours, and one more, with texts for numbers."""
    made = Lake(f"{lake.uri}/_beside").table("staged", "generations")
    rows = events(hours(0, 3), rows=4).with_columns(pl.col("value").cast(pl.String))
    made.write_hours(rows, hours(0, 3))
    return made


def test_it_is_what_the_other_is_and_can_go_back(lake: Lake) -> None:
    table, made = lake.table("staged", "generations"), beside(lake)
    table.write_hours(events(hours(0, 2)), hours(0, 2))
    version = table.version()

    done = adopt(table, made, lambda: None, transaction=TRANSACTION, metadata={"run": "r"})

    assert (done.version, done.rows, done.files) == (version + 1, 12, 3)
    assert table.transaction_version(TRANSACTION[0]) == TRANSACTION[1]
    assert table.read().collect().sort("event_id").equals(made.read().collect().sort("event_id"))
    assert (table.history(1)[0]["run"], table.history(1)[0]["chimera.write"]) == ("r", "migrate")
    remove_folder(f"{lake.uri}/_beside", lake.storage_options)
    assert stored_files(f"{lake.uri}/_beside", lake.storage_options) == {}
    assert table.read(hours(2)).collect().height == 4
    table.restore(version)
    assert table.read().collect()["value"].dtype == pl.Int64
    assert table.count() == 20


@pytest.mark.parametrize("seen", [False, True])
def test_who_writes_in_between_is_asked_about(local: Lake, *, seen: bool) -> None:
    """Also where this process has seen the other's commit, so that its own would not fail."""
    table, made = local.table("staged", "generations"), beside(local)
    table.write_hours(events(hours(0, 2)), hours(0, 2))
    asked: list[int] = []

    def other_writes() -> None:
        asked.append(table.version() if seen and asked else 0)
        if len(asked) == 1:
            rows = events(hours(1), rows=3)
            Lake(local.uri).table("staged", "generations").write_hours(rows, hours(1))
            if seen:
                table.delta()

    adopt(table, made, other_writes, transaction=TRANSACTION, metadata={})
    assert len(asked) == 2
    assert table.count() == 12


def test_what_was_copied_by_halves_is_copied_again(local: Lake) -> None:
    table, made = local.table("staged", "generations"), beside(local)
    table.write_hours(events(hours(0, 2)), hours(0, 2))

    def dies() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adopt(table, made, dies, transaction=TRANSACTION, metadata={})
    assert table.read().collect()["value"].dtype == pl.Int64
    copied = sorted(set(stored_files(table.uri, {})) & set(stored_files(made.uri, {})))
    half = next(path for path in copied if path.endswith(".parquet"))
    with open(f"{table.uri}/{half}", "r+b") as file:  # noqa: PTH123
        file.truncate(100)
    adopt(table, made, lambda: None, transaction=TRANSACTION, metadata={})
    assert table.read().collect().height == 12
