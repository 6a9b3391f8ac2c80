"""How old the newest rows are, whatever was run last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import chimera_assets
from chimera_assets.commands.status import _stream
from chimera_assets.contracts import load_contracts
from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.monitoring.alerts.messages import MessageWriter
from chimera_assets.monitoring.metrics.lake_metrics import LakeMetrics
from chimera_assets.orchestration.lag_metadata import lag_from_metadata, lag_metadata
from chimera_assets.quality.event_lag import event_lag, in_words, lag_of
from chimera_assets.runs.facts import Freshness
from chimera_assets.system_tables.batches import BATCHES, newest_batches
from tests.shipped import SHIPPED

CONTRACT = load_contracts([SHIPPED])["provider_health"]  # two hours, says its contract
NOW = datetime(2026, 1, 31, 12, 35, tzinfo=UTC)


class Stream:
    """A lake with one stream, whose hours are published as reported."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(str(folder / "lake"))

    def publish(self, hour: datetime, rows: int, *, passed: bool = True) -> None:
        lits = {"hour_partition": hour.date(), "hour": hour.hour}
        times = [hour + timedelta(minutes=n) for n in range(rows)]
        frame = pl.DataFrame(
            {"timestamp": times}, schema={"timestamp": pl.Datetime("us", "UTC")}
        ).with_columns(
            pl.lit(lits["hour_partition"]).alias("hour_partition"),
            pl.lit(lits["hour"], dtype=pl.Int32).alias("hour"),
        )
        if passed:
            staged = self.lake.table("staged", CONTRACT.stream)
            staged.write_hours(frame, HourRange.single(hour), schema=frame.to_arrow().schema)
        batch = pl.DataFrame(
            [{**lits, "stream": CONTRACT.stream, "published": passed}], schema=BATCHES
        )
        self.lake.table("quality", "batches").append(batch, partition_by=["hour_partition"])


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    return Stream(tmp_path)


def hour(number: int, day: int = 31) -> datetime:
    return datetime(2026, 1, day, number, tzinfo=UTC)


def test_a_stream_is_fresh_as_long_as_its_contract_allows(stream: Stream) -> None:
    assert event_lag(stream.lake, CONTRACT, NOW).fresh  # nothing was promised yet
    stream.publish(hour(9), 5)
    stream.publish(hour(10), 5)
    lag = event_lag(stream.lake, CONTRACT, NOW)
    assert lag.newest_hour == hour(10)
    assert lag.newest_event == hour(10) + timedelta(minutes=4)
    assert lag.lag == timedelta(hours=1, minutes=35)
    assert lag.fresh
    assert event_lag(stream.lake, CONTRACT, hour(13)).fresh
    assert not event_lag(stream.lake, CONTRACT, hour(13) + timedelta(seconds=1)).fresh


def test_an_old_hour_taken_again_does_not_make_it_fresh(stream: Stream) -> None:
    stream.publish(hour(3), 5)
    stream.publish(hour(2, day=1), 5)
    lag = event_lag(stream.lake, CONTRACT, NOW)
    assert (lag.newest_hour, lag.fresh) == (hour(3), False)
    assert "03:00 UTC, which ended 8 h 35 min ago; the contract allows 2 h" in in_words(lag, NOW)
    assert "does the hourly job run" in in_words(lag, NOW)


def test_an_alert_words_what_the_check_measured(stream: Stream) -> None:
    stream.publish(hour(3), 5)
    measured = event_lag(stream.lake, CONTRACT, NOW)
    recorded = lag_from_metadata(lag_metadata(measured))
    assert recorded == measured
    message = MessageWriter().stale(
        Freshness("generations", fresh=False, checked=NOW, lag=recorded)
    )
    assert message.body.startswith(in_words(measured, NOW))


def test_a_check_of_an_earlier_release_gives_an_alert_without_its_lag(stream: Stream) -> None:
    stream.publish(hour(3), 5)
    metadata = lag_metadata(event_lag(stream.lake, CONTRACT, NOW))
    metadata.pop("allowed in seconds")
    assert lag_from_metadata(metadata) is None
    message = MessageWriter().stale(
        Freshness("generations", fresh=False, checked=NOW, lag=lag_from_metadata(metadata))
    )
    assert message.body == "Look: chimera status"


def test_a_job_that_stopped_weeks_ago_is_noticed(stream: Stream) -> None:
    stream.publish(hour(23, day=2), 5)
    lag = event_lag(stream.lake, CONTRACT, NOW)
    assert (lag.newest_hour, lag.published) == (hour(23, day=2), None)
    assert "which ended 684 h 35 min ago" in in_words(lag, NOW)


def test_hours_without_rows_point_at_the_source_and_blocked_ones_at_the_job(
    stream: Stream,
) -> None:
    stream.publish(hour(6), 5)
    stream.publish(hour(11), 0, passed=False)
    assert "does the hourly job run" in in_words(event_lag(stream.lake, CONTRACT, NOW), NOW)
    stream.publish(hour(11), 0)
    lag = event_lag(stream.lake, CONTRACT, NOW)
    assert (lag.newest_hour, lag.published, lag.fresh) == (hour(6), hour(11), False)
    assert "does the source still get events" in in_words(lag, NOW)


def test_one_lag_whoever_asks(stream: Stream) -> None:
    """The check, `chimera status` and the metrics say the same of one hour."""
    stream.publish(hour(9), rows=3)
    reported = _stream(stream.lake, CONTRACT, newest_batches(stream.lake), NOW)
    samples = LakeMetrics(stream.lake, [CONTRACT]).samples(NOW)
    measured = next(one.value for one in samples if one.name == "chimera_event_lag_seconds")
    lag = timedelta(hours=2, minutes=35)
    assert lag_of(hour(9), NOW) == lag
    assert event_lag(stream.lake, CONTRACT, NOW).lag == lag
    assert (reported["lag_minutes"], reported["late"]) == (155, True)
    assert measured == lag.total_seconds()
    # An hour that is not over yet has no negative lag, and one that is not there has none.
    assert lag_of(hour(12), NOW) == timedelta(0)
    assert lag_of(None, NOW) is None


def test_the_lag_is_computed_in_one_place() -> None:
    package = Path(chimera_assets.__file__).parent
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if "freshness_hours" in path.read_text() and path.parent.name not in {"contracts", "odcs"}
    }
    # Besides, the description of the check shows the contract's number.
    assert found == {"quality/event_lag.py", "orchestration/checks/event_lag.py"}


def test_of_a_stream_without_rows_it_is_said_that_nothing_was_published(tmp_path: Path) -> None:
    lag = event_lag(Lake(str(tmp_path / "lake")), CONTRACT, NOW)
    assert in_words(lag, NOW) == "Nothing has been published yet."
