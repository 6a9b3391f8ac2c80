"""No gap: rows that come late, are corrected, or are gone from the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.postgres.connection import execute
from chimera_assets.sources.database import connect

from .house import House, generations, keys

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE, TWO, THREE, FOUR = keys("2026-02-10-00:00", 4)
LAYERS = ("raw/generations", "staged/generations", "marts/fact_generations")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of its own: what other stories leave behind would be told, or asked for, here."""
    made = House(tmp_path_factory.mktemp("house") / "home")
    yield made
    made.close()


def ids(house: House, table: str, hour: str) -> set[str]:
    return {name.removeprefix("2026-02-10T") for name in house.rows(table, hour)["event_id"]}


@pytest.mark.criterion("AC-002.6")
def test_late_rows_are_in_the_facts_after_the_next_tick(house: House) -> None:
    """A transaction that commits late, a correction, a move, and an hour whose rows were purged."""
    source = house.source
    for hour in (ONE, TWO, THREE):
        source.insert("generations", generations(hour, 40))
    with connect(source.url) as slow:
        late = generations(TWO, 41)[40]
        execute(
            slow,
            "INSERT INTO generations (event_id, timestamp, provider, model, success, tokens_used,"
            " created_at) VALUES ($1, $2::timestamptz, 'openai', 'm-1', true, 1, $2::timestamptz)",
            [late["event_id"], late["timestamp"]],
        )
        assert house.run(ONE, FOUR).success
        assert house.tick()["runs"] == []
        untouched = house.versions("raw/generations")
        slow.commit()

    first = house.tick()

    assert [run["status"] for run in first["runs"]] == ["SUCCESS"]
    tags = first["runs"][0]["tags"]
    assert tags["dagster/partition"] == TWO
    assert tags["chimera/cause"] == "late"
    assert (tags["chimera/late_streams"], tags["chimera/late_rows"]) == ("generations", "1")
    for table in LAYERS:
        assert "01-0040" in ids(house, table, TWO)
        assert house.count(table, ONE) == 40
    assert house.versions("raw/generations") != untouched
    again = house.tick()
    assert again["runs"] == []
    assert "generations: no late rows; extracted up to" in again["skipped"]

    # Corrected: one in its hour, one moved to an hour that is not beside it, and had no rows.
    source.execute(
        "UPDATE generations SET tokens_used = 4711 WHERE event_id = '2026-02-10T00-0001'"
    )
    source.execute(
        "UPDATE generations SET timestamp = '2026-02-10 03:30Z', created_at = now()"
        " WHERE event_id = '2026-02-10T01-0002'"
    )
    moved = house.tick()
    assert {run["status"] for run in moved["runs"]} == {"SUCCESS"}
    facts = house.rows("marts/fact_generations", ONE)
    assert facts.filter(pl.col("tokens_used") == 4711)["event_id"].to_list() == [
        "2026-02-10T00-0001"
    ]
    for table in LAYERS:
        assert "01-0002" in ids(house, table, FOUR)
        assert "01-0002" not in ids(house, table, TWO)
    assert house.tick()["runs"] == []

    # Purged at the source, and then one row comes late: the hour stays, and somebody is told.
    source.execute("DELETE FROM generations WHERE event_id LIKE '2026-02-10T02-%'")
    source.insert("generations", [generations(THREE, 41)[40]])
    held = house.tick()
    assert held["runs"] == []
    assert f"most rows of {THREE} (0 of 40 rows left)" in held["skipped"]
    assert "chimera backfill" in held["skipped"]
    assert house.count("marts/fact_generations", THREE) == 40
    assert house.run(THREE).success
    assert ids(house, "marts/fact_generations", THREE) == {"02-0040"}
    assert house.tick()["runs"] == []
