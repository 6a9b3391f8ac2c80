"""A lake on a folder and one on a real S3 over HTTP, and small made-up events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake, Table

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 1, 31, 0, tzinfo=UTC)


def hours(first: int, count: int = 1) -> HourRange:
    """`count` hours from the `first` hour after the start of the story."""
    begin = START + timedelta(hours=first)
    return HourRange(begin, begin + timedelta(hours=count))


def events(wanted: HourRange, rows: int = 10, value: int = 1) -> pl.DataFrame:
    """`rows` events in each of the hours, `value` in each."""
    moments = [hour + timedelta(minutes=i % 60) for hour in wanted for i in range(rows)]
    frame = pl.DataFrame({"timestamp": moments}, schema={"timestamp": pl.Datetime("us", "UTC")})
    return frame.select(
        event_id=pl.format("e-{}-{}", pl.col("timestamp").dt.epoch("ms"), pl.int_range(pl.len())),
        timestamp="timestamp",
        value=pl.lit(value, pl.Int64),
        hour_partition=pl.col("timestamp").dt.date(),
        hour=pl.col("timestamp").dt.hour(),
    )


@pytest.fixture(params=["folder", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    if request.param == "folder":
        return Lake(str(tmp_path / "a lake's folder"))
    return Lake(f"s3://{request.getfixturevalue('bucket')}/some/prefix")


@pytest.fixture
def local(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def table(lake: Lake) -> Table:
    return lake.table("staged", "generations")
