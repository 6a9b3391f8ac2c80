"""Exactly once: a run killed at any instant leaves nothing that the next one cannot mend."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from .house import Died, generations, keys

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from .house import House

ROWS = 300
CALM, *KILLED = keys("2026-01-16-00:00", 4)
TABLES = (
    "raw/generations",
    "staged/generations",
    "quarantine/generations",
    "marts/fact_generations",
    "aggregates/agg_provider_metrics",
    "aggregates/agg_technique_effectiveness",
)
#: The steps in which the kills fall, each at a random instant of what it took when undisturbed.
STEPS = ("raw/generations", "stage_generations", "warehouse")
SEED = 20260116


def rows_of(hour: str) -> list[dict[str, Any]]:
    rows = generations(hour, ROWS)
    rows[5]["tokens_used"] = -1
    return rows


def content(house: House, table: str, hour: str) -> pl.DataFrame:
    """An hour's rows, without what tells one hour or run from another."""
    frame = house.content(table, hour)
    stamp = f"{hour[:10]}T{hour[11:13]}"
    times = [n for n, kind in frame.schema.items() if kind.is_temporal()]
    frame = frame.drop("hour_partition", "hour", "batch_id", "record", *times, strict=False)
    keyed = [name for name in ("event_id", "row_key") if name in frame.columns]
    return frame.with_columns(frame[name].str.strip_prefix(f"{stamp}-") for name in keyed)


def timed(begun: dict[str, float], took: dict[str, float]) -> Callable[[dict[str, Any]], None]:
    def note(said: dict[str, Any]) -> None:
        if said["outcome"] == "started":
            begun[said["step"]] = time.monotonic()
        else:
            took[said["step"]] = time.monotonic() - begun[said["step"]]

    return note


def kill_in(house: House, hour: str, step: str, delay: float) -> None:
    """Run an hour in a process that is killed (SIGKILL) so long after a step's start."""
    process = house.process

    def on_step(said: dict[str, Any]) -> None:
        if (said["step"], said["outcome"]) == (step, "started"):
            threading.Timer(delay, process.child.kill).start()

    with pytest.raises(Died):
        process.ask("run", on_step=on_step, first=hour, last=hour)


def test_killed_runs_leave_no_trace_once_the_hours_are_run_again(house: House) -> None:
    for hour in (CALM, *KILLED):
        house.source.insert("generations", rows_of(hour))
    begun: dict[str, float] = {}
    took: dict[str, float] = {}
    ran = house.process.ask("run", on_step=timed(begun, took), first=CALM, last=CALM)
    assert ran["success"], ran["failed"]

    chance = random.Random(SEED)  # noqa: S311 - no secret
    for hour, step in zip(KILLED, STEPS, strict=True):
        kill_in(house, hour, step, chance.uniform(0, took[step]))
        # Readers see whole hours: all of one, or nothing.
        assert house.count("staged/generations", hour) in {0, ROWS - 1}
        assert house.count("marts/fact_generations", hour) in {0, ROWS - 1}
    again = house.run(KILLED[0], KILLED[-1])

    assert again.success, again.failed
    assert not again.broken_checks
    for table in TABLES:
        expected = content(house, table, CALM)
        assert not expected.is_empty()
        for hour in KILLED:
            assert content(house, table, hour).equals(expected), (table, hour, SEED)
