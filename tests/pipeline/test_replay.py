"""Rejected rows that today's rules let pass are published, without asking the source again."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.access.principal import os_user
from chimera_assets.audit import Wanted, newest
from chimera_assets.postgres.platform.database import PlatformDatabase
from chimera_assets.settings import Settings
from tests import warm

from .house import House, environment, generations, keys

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 200
PUBLISHED, BLOCKED = HOURS = keys("2026-02-21-23:00", 2)  # across midnight


def newcomers(hour: str, count: int) -> list[dict[str, Any]]:
    rows = generations(hour, ROWS)
    return [row | {"provider": "newcomer"} for row in rows[:count]] + rows[count:]


def replay(house: House, *options: str) -> dict[str, Any]:
    told = subprocess.run(
        warm.chimera("quarantine", "replay", "--json", *options),
        env=environment(house.home, **house.settings),
        cwd=house.home,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an hour of which two rows were rejected, and one that was blocked."""
    house = House(tmp_path_factory.mktemp("replay") / "home")
    rows = newcomers(PUBLISHED, 2)
    rows[1]["tokens_used"] = -1
    house.source.insert("generations", rows + newcomers(BLOCKED, 10))
    ran = house.run(PUBLISHED, BLOCKED)
    assert not ran.success
    assert house.count("marts/fact_generations", *HOURS) == ROWS - 2
    house.close()
    return house.home


def test_rows_of_a_provider_that_is_known_by_now_are_published(newcomer: Path) -> None:
    house = House(newcomer)
    nothing = replay(house)
    assert [row["passing"] for row in nothing["prospects"]] == [0, 0]
    assert house.count("marts/fact_generations", *HOURS) == ROWS - 2

    # Nothing is extracted again: the source may have forgotten the rows.
    house.source.execute("DELETE FROM generations")
    house.source.execute(
        "INSERT INTO providers (provider_id, provider_name, enabled, models)"
        " VALUES ('newcomer', 'Newcomer', true, '{}')"
    )
    told = replay(house, "--from", PUBLISHED.replace("-23:00", "T23"))

    done = {(row["hour"], row["waiting"], row["rejected_again"]) for row in told["replayed"]}
    assert done == {(23, 2, 1), (0, 10, 0)}
    assert house.count("marts/fact_generations", *HOURS) == 2 * ROWS - 1
    assert house.count("raw/generations", *HOURS) == 2 * ROWS
    left = house.rows("quarantine/generations", *HOURS)
    assert left["reasons"].to_list() == [["tokens_used_range"]]
    assert left["replay_state"].to_list() == ["replayed"]
    trace = house.rows("quality/replays").filter(pl.col("stream") == "generations")
    assert trace.height == 2
    assert trace["by"].null_count() == 0
    settings = Settings(home=house.home, database_url=None, source_database_url=None)
    with closing(PlatformDatabase(settings)) as database:
        said = newest(database, Wanted(action="quarantine.replay"), 10)
    assert {one.run_id for one in said} == set(trace["run_id"])
    assert {one.actor.name for one in said} == set(trace["by"]) == {os_user()}
    house.close()
