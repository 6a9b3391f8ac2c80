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
from tests.site.site import Site, environment, generations, keys

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 200
PUBLISHED, BLOCKED = HOURS = keys("2026-02-21-23:00", 2)  # across midnight


def newcomers(hour: str, count: int) -> list[dict[str, Any]]:
    rows = generations(hour, ROWS)
    return [row | {"provider": "newcomer"} for row in rows[:count]] + rows[count:]


def replay(site: Site, *options: str) -> dict[str, Any]:
    reported = subprocess.run(
        warm.chimera("quarantine", "replay", "--json", *options),
        env=environment(site.home, **site.settings),
        cwd=site.home,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert reported.returncode == 0, reported.stderr
    found: dict[str, Any] = json.loads(reported.stdout)
    return found


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an hour of which two rows were rejected, and one that was blocked."""
    site = Site(tmp_path_factory.mktemp("replay") / "home")
    rows = newcomers(PUBLISHED, 2)
    rows[1]["tokens_used"] = -1
    site.source.insert("generations", rows + newcomers(BLOCKED, 10))
    ran = site.run(PUBLISHED, BLOCKED)
    assert not ran.success
    assert site.count("marts/fact_generations", *HOURS) == ROWS - 2
    site.close()
    return site.home


def test_rows_of_a_provider_that_is_known_by_now_are_published(newcomer: Path) -> None:
    site = Site(newcomer)
    nothing = replay(site)
    assert [row["passing"] for row in nothing["prospects"]] == [0, 0]
    assert site.count("marts/fact_generations", *HOURS) == ROWS - 2

    # Nothing is extracted again: the source may have forgotten the rows.
    site.source.execute("DELETE FROM generations")
    site.source.execute(
        "INSERT INTO providers (provider_id, provider_name, enabled, models)"
        " VALUES ('newcomer', 'Newcomer', true, '{}')"
    )
    reported = replay(site, "--from", PUBLISHED.replace("-23:00", "T23"))

    done = {(row["hour"], row["waiting"], row["rejected_again"]) for row in reported["replayed"]}
    assert done == {(23, 2, 1), (0, 10, 0)}
    assert site.count("marts/fact_generations", *HOURS) == 2 * ROWS - 1
    assert site.count("raw/generations", *HOURS) == 2 * ROWS
    left = site.rows("quarantine/generations", *HOURS)
    assert left["reasons"].to_list() == [["tokens_used_range"]]
    assert left["replay_state"].to_list() == ["replayed"]
    trace = site.rows("quality/replays").filter(pl.col("stream") == "generations")
    assert trace.height == 2
    assert trace["by"].null_count() == 0
    settings = Settings(home=site.home, database_url=None, source_database_url=None)
    with closing(PlatformDatabase(settings)) as database:
        said = newest(database, Wanted(action="quarantine.replay"), 10)
    assert {one.run_id for one in said} == set(trace["run_id"])
    assert {one.actor.name for one in said} == set(trace["by"]) == {os_user()}
    site.close()
