"""Rows of some hours, and of none, are replaced by others; all else stays as it was."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.lake import Lake, Replay
from chimera_assets.lake.partitions import blocks, expression, predicate
from chimera_assets.lake.replacement import replace_rows
from tests.lake.conftest import events, hours
from tests.lake.test_writing import counted

if TYPE_CHECKING:
    from chimera_assets.lake import Table

DAY, NEXT = date(2026, 1, 31), date(2026, 2, 1)


def rows(*names: str, **more: object) -> pl.DataFrame:
    """Rows `22-a` of a day's hour and `0+a` of the next day's; `-a` are of no hour."""
    made = []
    for name in names:
        place, _, _ = name.replace("+", "-").partition("-")
        day = None if not place else NEXT if "+" in name else DAY
        made.append(
            {"name": name, "hour_partition": day, "hour": int(place) if place else None, **more}
        )
    kinds = {"hour_partition": pl.Date, "hour": pl.Int32}
    return pl.DataFrame(made, schema_overrides=kinds)


@pytest.fixture
def table(local: Lake) -> Table:
    made = local.table("landing", "events")
    first = rows("22-a", "22-b", "23-a", "23-b", "0+a", "0+b", "23+a", "-a", "-b")
    made.append(first, partition_by=("hour_partition", "hour"))
    return made


def replaced(table: Table, places: list[tuple[date, int]], fresh: pl.DataFrame) -> set[str]:
    """All names, once the rows `a` of the places are replaced."""
    arrow = fresh.to_arrow()
    replace_rows(
        table,
        places,
        pl.col("name").str.ends_with("b"),
        Replay(arrow.schema, arrow.to_batches),
        metadata={},
        carry=counted,
    )
    return set(table.read().collect()["name"])


ALWAYS = {"22-b", "23-b", "0+b", "-b"}


@pytest.mark.parametrize(
    ("places", "stay"),
    [
        ([], {"22-a", "23-a", "0+a", "23+a"}),
        ([(DAY, 22)], {"23-a", "0+a", "23+a"}),
        ([(NEXT, 0), (DAY, 23), (DAY, 22)], {"23+a"}),
        ([(NEXT, 23), (DAY, 22), (NEXT, 0)], {"23-a"}),
    ],
)
def test_rows_of_chosen_hours_go_and_those_of_no_hour(
    table: Table, places: list[tuple[date, int]], stay: set[str]
) -> None:
    """23 of one day is not 23 of the other."""
    fresh = rows("22-c", "-c") if places else rows("-c")
    assert replaced(table, places, fresh) == ALWAYS | stay | set(fresh["name"])
    assert table.transaction_version("watermark") == 1
    assert table.history(1)[0]["watermark"] == "1"


def test_fresh_rows_may_bring_a_column_and_lack_one(table: Table) -> None:
    """What stays keeps what it has."""
    before = rows("22-x", "22-xb", model="m-1")
    table.append(before, partition_by=("hour_partition", "hour"))
    replaced(table, [(DAY, 22)], rows("22-c", tags=["t"]))
    found = table.read(hours(22)).select("name", "model", "tags").collect()
    assert sorted(found.rows()) == [
        ("22-b", None, None),
        ("22-c", None, ["t"]),
        ("22-xb", "m-1", None),
    ]


@pytest.mark.parametrize("fresh", [("22-d",), ()], ids=["something comes", "nothing comes"])
def test_an_hour_of_which_nothing_stays(local: Lake, fresh: tuple[str, ...]) -> None:
    table = local.table("landing", "events")
    table.append(rows("22-a", "23-a"), partition_by=("hour_partition", "hour"))
    comes = rows("22-d").filter(pl.col("name").is_in(fresh))
    assert replaced(table, [(DAY, 22)], comes) == {"23-a", *fresh}


@pytest.mark.parametrize("count", [1, 2, 3, 25, 26, 27, 49, 50, 51, 74])
@pytest.mark.parametrize("first", [0, 1, 22, 23])
def test_a_range_is_as_few_blocks_as_hold_just_its_hours(first: int, count: int) -> None:
    """As Polars and as SQL have it, on a week around it."""
    wanted = hours(24 + first, count)
    week = events(hours(0, 7 * 24), 1)
    expected = [hour for hour in hours(0, 7 * 24) if hour in wanted]
    assert week.filter(expression(wanted))["timestamp"].to_list() == expected
    sql = pl.SQLContext(t=week).execute(
        f"SELECT timestamp FROM t WHERE {predicate(wanted)}",  # noqa: S608
        eager=True,
    )
    assert sql["timestamp"].to_list() == expected
    aliased = predicate(wanted, "t.")
    assert (
        pl.SQLContext(t=week)
        .execute(
            f"SELECT timestamp FROM t WHERE {aliased}",  # noqa: S608
            eager=True,
        )
        .equals(sql)
    )
    by_filters = week.filter(
        pl.any_horizontal(
            (
                pl.col("hour_partition")
                .cast(pl.String)
                .is_between(pl.lit(found[0][2]), pl.lit(found[1][2]))
            )
            & pl.col("hour").is_between(int(found[2][2]), int(found[3][2]))
            for found in (block.filters() for block in blocks(wanted))
        )
    )
    assert by_filters["timestamp"].to_list() == expected
    days = {hour.date() for hour in expected}
    assert len(blocks(wanted)) <= min(3, len(days))
