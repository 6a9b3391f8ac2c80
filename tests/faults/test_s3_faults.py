"""An S3 that fails in every way it has: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.lake import Lake, StorageUnavailable
from tests.faults.conftest import SEED, SOAK
from tests.faults.content import differences
from tests.lake.conftest import events, hours
from tests.lake.test_writing import counted
from tests.site.site import generations, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from tests.faults.conftest import Survived
    from tests.faults.disposable_site import DisposableSite

PROXY = Path(__file__).with_name("s3_proxy.py")
WRITES = 100 if SOAK else 12
RUNS = 10
#: A fault's share of all requests.
RATES = {"error": 0.02, "slow down": 0.02, "reset": 0.02, "lose": 0.02, "cut": 0.02}
HANGS = {"hang": 0.004}
#: Less than a request hangs for.
PATIENCE = {"timeout": "2s"}


@contextmanager
def proxy(folder: Path, upstream: str, rates: dict[str, float]) -> Iterator[str]:
    """The URL of a proxy before `upstream` that does harm at these rates."""
    folder.mkdir(parents=True)
    command = [sys.executable, str(PROXY), upstream, str(folder), str(SEED), json.dumps(rates)]
    process = subprocess.Popen(command)
    port = folder / "port"
    while not port.exists():
        assert process.poll() is None
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port.read_text()}"
    finally:
        process.terminate()
        process.wait(10)


def faults(folder: Path) -> Counter[str]:
    log = folder / "faults"
    return Counter(log.read_text().splitlines() if log.exists() else ())


def until_done(action: Callable[[], object]) -> None:
    """What whoever is on call does: again, if the error says that it may pass."""
    for _ in range(20):
        try:
            action()
        except StorageUnavailable as error:
            assert "\n" not in str(error)  # noqa: PT017
            assert error.transient  # noqa: PT017
        else:
            return
    pytest.fail("twenty times in a row")


@pytest.mark.timeout(3600 if SOAK else 300)
def test_writes_through_a_failing_s3(  # noqa: PLR0913, PLR0917
    bucket: str,
    aws: str,
    tmp_path: Path,
    dice: Random,
    survived: Survived,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hours replaced, rows appended and merged: each is there once, with its last value."""
    lake = Lake(f"s3://{bucket}/lake", PATIENCE)
    expected: dict[int, int] = {}
    merged: dict[str, int] = {}
    appended = 0
    with proxy(tmp_path / "proxy", aws, RATES | HANGS) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        for number in range(WRITES):
            if number % 12 == 0:  # a process that has just started
                lake = Lake(f"s3://{bucket}/lake", PATIENCE)
            hour = dice.randrange(12)
            match dice.randrange(4):
                case 0:
                    lake.table("quality", "log").append(pl.DataFrame({"number": [number]}))
                    appended += 1
                case 1:
                    row = pl.DataFrame({"key": [f"k-{hour}"], "value": [number]})
                    until_done(partial(lake.table("marts", "dim").merge, row, ["key"]))
                    merged[f"k-{hour}"] = number
                case _:
                    rows = events(hours(hour), value=number)
                    write = lake.table("staged", "events").write_hours
                    until_done(partial(write, rows, hours(hour)))
                    expected[hour] = number
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    calm = Lake(f"s3://{bucket}/lake")
    found = calm.table("staged", "events").read().collect()
    per_hour = found.group_by("hour").agg(pl.len(), pl.col("value").unique())
    assert {h: (n, v) for h, n, v in per_hour.iter_rows()} == {
        hour: (10, [value]) for hour, value in expected.items()
    }
    assert calm.table("quality", "log").read().collect()["number"].n_unique() == appended
    assert calm.table("quality", "log").count() == appended
    dimension = calm.table("marts", "dim").read().collect()
    assert dict(dimension.iter_rows()) == merged
    assert faults(tmp_path / "proxy")
    for fault, times in faults(tmp_path / "proxy").items():
        survived(f"S3, writes: {fault}", times)


@pytest.mark.skipif(not SOAK, reason="a run on S3 takes long; make soak")
@pytest.mark.timeout(3600)
def test_an_hourly_run_through_a_failing_s3(
    disposable_site: DisposableSite,
    bucket: str,
    aws: str,
    tmp_path: Path,
    survived: Survived,
) -> None:
    """A run that fails says so in one line; run again, the lake is as if nothing had been."""
    site, hours_ = disposable_site, keys("2026-01-17-00:00", RUNS)
    for number, hour in enumerate(hours_):
        site.source.insert("generations", generations(hour, 200 + number))
    calm = Lake(str(tmp_path / "calm"))
    site.ran(hours_[0], hours_[-1], CHIMERA_LAKE_URI=calm.uri)
    place = {
        "CHIMERA_LAKE_URI": f"s3://{bucket}/hourly",
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_REGION": "us-east-1",
    }
    with proxy(tmp_path / "proxy", aws, {k: v / 4 for k, v in RATES.items()}) as url:
        for hour in hours_:
            for _ in range(10):
                ran = site.attempt(hour, AWS_ENDPOINT_URL=url, **place)
                assert ran is not None
                if ran.success:
                    break
                print(ran.failed)  # noqa: T201
                assert all("\n" not in cause for cause in ran.failed.values())
            else:
                pytest.fail(f"ten runs in a row: {ran.failed}")
    assert differences(Lake(f"s3://{bucket}/hourly"), calm) == []
    for fault, times in faults(tmp_path / "proxy").items():
        survived(f"S3, hourly runs: {fault}", times)


@pytest.fixture
def lossy(bucket: str, aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    with proxy(tmp_path / "proxy", aws, {}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield Lake(f"s3://{bucket}/lake")


def test_a_commit_whose_answer_was_lost_is_found_and_not_made_twice(
    lossy: Lake, tmp_path: Path
) -> None:
    table, lose = lossy.table("staged", "generations"), tmp_path / "proxy" / "lose"
    lose.touch()  # the answer to the creation
    table.write_hours(events(hours(0), value=1), hours(0))
    for hour in range(3):
        lose.touch()
        rows = events(hours(hour), value=2).lazy()
        before = table.version()
        commit = table.write_hours(rows, hours(hour), carry=counted)
        assert not lose.exists()
        assert commit.version == before + 1 == table.version()
    before = table.version()
    lose.touch()
    table.append(events(hours(9)))
    assert not lose.exists()
    lose.touch()
    table.merge(events(hours(9), value=4), ["event_id"], hours(9))
    assert table.rows_by_hour()["rows"].to_list() == [10] * 4
    assert table.version() == before + 2
    assert table.transaction_version("watermark") == 3
