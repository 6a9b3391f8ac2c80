"""The runs that ended within a period, counted from Dagster's records for its report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from chimera_assets.hours import ONE_HOUR, HourRange, floor_hour
from chimera_assets.orchestration.runs.ended_runs import runs_within

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: This hour and the next, which it may be by the end of the test.
NOW = floor_hour(datetime.now(UTC))
HOURS = HourRange(NOW, NOW + 2 * ONE_HOUR)


TRIES = count(1)


@dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
def at_every_third_try() -> None:
    if next(TRIES) % 3:
        msg = "not yet"
        raise ConnectionError(msg)


@dg.op
def never() -> None:
    msg = "no"
    raise ConnectionError(msg)


@dg.job
def patient() -> None:
    at_every_third_try()


@dg.job
def broken() -> None:
    never()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


@pytest.mark.criterion("006.1")
def test_runs_are_counted_by_how_they_ended_with_what_was_tried_again(
    instance: dg.DagsterInstance,
) -> None:
    for tags in ({}, {}, {"dagster/retry_number": "1"}):
        assert patient.execute_in_process(instance=instance, tags=tags).success
    assert not broken.execute_in_process(instance=instance, raise_on_error=False).success
    instance.create_run_for_job(broken)  # which never begins

    failing, well = runs_within(instance, HOURS)

    assert (failing.job, failing.succeeded, failing.failed, failing.retries) == ("broken", 0, 1, 0)
    assert (failing.median_seconds, failing.longest_seconds) == (None, None)
    assert (well.job, well.succeeded, well.failed, well.canceled) == ("patient", 3, 0, 0)
    assert well.retries == 3 * 2 + 1
    assert 0 <= (well.median_seconds or -1) <= (well.longest_seconds or -1)
    # Of another period they are none.
    before = HourRange(NOW - timedelta(days=7), NOW - ONE_HOUR)
    assert runs_within(instance, before) == ()
