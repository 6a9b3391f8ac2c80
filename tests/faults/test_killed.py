"""Exactly once: runs killed at any instant leave nothing that the next one cannot mend."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake, TableNotFound
from tests.faults.conftest import SOAK
from tests.faults.content import differences
from tests.site.site import generations, keys

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.faults.conftest import Survived
    from tests.faults.disposable_site import DisposableSite

ROWS = 300
#: In each round so many hours are killed, some of them twice, and then run again.
ROUNDS, HOURS = (10, 18) if SOAK else (1, 2)
HOURLY = ("raw/generations", "staged/generations", "quarantine/generations")
LAYERS = (*HOURLY, "marts/fact_generations", "aggregates/agg_provider_metrics")


def rows_of(hour: str, number: int) -> list[dict[str, Any]]:
    rows = generations(hour, ROWS + number)
    rows[5]["tokens_used"] = -1
    return rows


class Killer:
    """Kills (SIGKILL) a run so far into a step; alone or with its whole process group."""

    def __init__(self, step: str, delay: float, *, group: bool) -> None:
        self._step, self._delay, self._group = step, delay, group
        self._timer: threading.Timer | None = None

    def __call__(self, pid: int, said: dict[str, Any]) -> None:
        if (said["step"], said["outcome"]) == (self._step, "started"):
            kill = os.killpg if self._group else os.kill
            self._timer = threading.Timer(self._delay, _kill, (kill, pid))
            self._timer.start()

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _kill(kill: Any, pid: int) -> None:
    with suppress(ProcessLookupError):
        kill(pid, signal.SIGKILL)


class Stopwatch:
    """How long each step takes."""

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}
        self.took: dict[str, float] = {}

    def __call__(self, _: int, said: dict[str, Any]) -> None:
        if said["outcome"] == "started":
            self._begun[said["step"]] = time.monotonic()
        else:
            self.took[said["step"]] = time.monotonic() - self._begun[said["step"]]


def killed(
    site: DisposableSite, lake: Lake, hour: str, dice: Random, took: dict[str, float]
) -> None:
    """Run an hour until it is killed; the dice choose a step, an instant in it, and who dies."""
    ran: object = "not killed"
    while ran is not None:
        step = dice.choice(list(took))
        delay = dice.uniform(0, took[step])
        group = dice.random() < 0.5
        print(f"{hour}: SIGKILL {delay:.3f} s into {step}, {group=}")  # noqa: T201
        killer = Killer(step, delay, group=group)
        ran = site.attempt(hour, on_step=killer, CHIMERA_LAKE_URI=lake.uri)
        killer.cancel()


def whole_or_nothing(lake: Lake, calm: Lake, hour: str) -> None:
    """What a reader sees of the hour right after the kill."""
    wanted = HourRange.from_keys(hour, hour)
    for name in LAYERS:
        expected = calm.table(*name.split("/")).read(wanted).collect().height
        with suppress(TableNotFound):
            found = lake.table(*name.split("/")).read(wanted).collect().height
            assert found in {0, expected}, (name, hour)


@pytest.mark.criterion("AC-003.1")
@pytest.mark.timeout(7200 if SOAK else 300)
def test_killed_runs_leave_no_trace_once_their_hours_are_run_again(
    disposable_site: DisposableSite, tmp_path: Path, dice: Random, survived: Survived
) -> None:
    site, hours = disposable_site, keys("2026-05-01-00:00", ROUNDS * HOURS)
    for number, hour in enumerate(hours):
        site.source.insert("generations", rows_of(hour, number))
    calm, lake = Lake(str(tmp_path / "calm")), Lake(str(tmp_path / "lake"))
    stopwatch = Stopwatch()
    ran = site.attempt(hours[0], on_step=stopwatch, CHIMERA_LAKE_URI=calm.uri)
    assert ran is not None
    assert ran.success, ran.failed
    site.ran(hours[1], hours[-1], CHIMERA_LAKE_URI=calm.uri)

    for number in range(ROUNDS):
        these = hours[number * HOURS : (number + 1) * HOURS]
        twice = dice.sample(these, max(1, HOURS // 6))
        for hour in [*these, *twice]:
            killed(site, lake, hour, dice, stopwatch.took)
            whole_or_nothing(lake, calm, hour)
            survived("SIGKILL in an hourly run")
        if number % 5 == 4:
            for hour in these:
                site.ran(hour, CHIMERA_LAKE_URI=lake.uri)
        else:
            site.ran(these[0], these[-1], CHIMERA_LAKE_URI=lake.uri)

    assert differences(lake, calm) == []
