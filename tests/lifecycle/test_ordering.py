"""Z-order pays: a query for one value of a column reads less of an ordered hour's file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.lake.new_files import ROW_GROUP_ROWS
from chimera_assets.lifecycle.maintenance import maintain_lake
from tests.acting import acting, leave

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from chimera_assets.lake import Table

HOUR = datetime(2026, 1, 31, 4, tzinfo=UTC)
ROW_GROUPS = 5
ROWS = ROW_GROUPS * 131_072

#: As in the demo's traffic: tenants with their shares of a hundred rows, models with theirs.
TENANTS = {"atlas": 38, "borealis": 24, "cobalt": 18, "default": 12, "dune": 8}
MODELS = {
    ("northwind", "nw-large"): 16,
    ("northwind", "nw-small"): 18,
    ("helios", "helios-3"): 14,
    ("helios", "helios-3-mini"): 12,
    ("meridian", "meridian-pro"): 10,
    ("meridian", "meridian-flash"): 10,
    ("skylark", "skylark-70b"): 12,
    ("onprem", "local-8b"): 8,
}


def an_hour() -> pl.DataFrame:
    """An hour's rows as they come: any value may be anywhere in it."""
    providers, models = zip(*MODELS, strict=True)
    model = spread(MODELS.values(), seed=1)
    return pl.select(
        event_id=pl.int_range(ROWS),
        timestamp=pl.lit(HOUR) + timedelta(minutes=1),
        tenant_id=pl.lit(pl.Series(list(TENANTS))).gather(spread(TENANTS.values(), seed=2)),
        provider=pl.lit(pl.Series(providers)).gather(model),
        model=pl.lit(pl.Series(models)).gather(model),
        hour_partition=pl.lit(HOUR.date()),
        hour=pl.lit(HOUR.hour, pl.Int32),
    )


def spread(shares: Iterable[int], seed: int) -> pl.Series:
    """For each row the number of a share, as often as the share of a hundred says."""
    hundred = pl.Series([number for number, share in enumerate(shares) for _ in range(share)])
    return hundred.gather(pl.select(pl.int_range(ROWS).shuffle(seed) % 100).to_series())


def row_groups_read(table: Table, column: str, value: str) -> int:
    """How many row groups are left to read once Parquet's own statistics were looked at."""
    asked = ds.field(column) == value
    fragments = table.delta().to_pyarrow_dataset().get_fragments(asked)
    return sum(len(fragment.split_by_row_group(asked)) for fragment in fragments)


@pytest.mark.criterion("AC-003.3")
def test_a_filter_reads_fewer_row_groups_of_an_ordered_hour(tmp_path: Path) -> None:
    """By any of the three columns, on average a fifth of the row groups is spared at least.

    The order compares bytes: of names that begin alike, `tenant-01` and `tenant-02` for instance,
    the first bytes are spent on what they have in common, and less is spared.
    """
    lake = Lake(str(tmp_path / "lake"))
    table = lake.table("marts", "fact_generations")
    rows = an_hour()
    table.write_hours(rows, HourRange.single(HOUR))
    columns = ("tenant_id", "provider", "model")
    asked = [(column, value) for column in columns for value in rows[column].unique()]
    assert {row_groups_read(table, *one) for one in asked} == {ROWS // ROW_GROUP_ROWS}

    night = acting(tmp_path / "home", lake, HOUR + timedelta(days=1), run_id="night")
    (tended,) = maintain_lake(night)
    leave(tmp_path / "home")

    assert (tended.error, tended.hours_ordered) == (None, 1)
    (file,) = table.delta().file_uris()
    assert pq.ParquetFile(file).metadata.num_row_groups == ROW_GROUPS
    read = {one: row_groups_read(table, *one) for one in asked}
    for column in columns:
        each = [groups for (of, _), groups in read.items() if of == column]
        assert sum(each) / len(each) <= 0.8 * ROW_GROUPS, read
    kept = table.read(columns=["event_id", *columns]).collect().sort("event_id")
    assert kept.equals(rows.select(kept.columns))
