"""No gap: rows that come late, are corrected, or are gone from the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.hours import parse_key
from chimera_assets.postgres.connection import execute
from chimera_assets.sources.database import connect
from tests.site.site import FOUR_STREAMS, Site, generations, keys

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE, TWO, THREE, FOUR = keys("2026-02-10-00:00", 4)
LAYERS = ("raw/generations", "staged/generations", "marts/fact_generations")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of its own: what other stories leave behind would be reported, or asked for, here."""
    made = Site(tmp_path_factory.mktemp("site") / "home", CHIMERA_STREAMS=FOUR_STREAMS)
    yield made
    made.close()


def ids(site: Site, table: str, hour: str) -> set[str]:
    return {name.removeprefix("2026-02-10T") for name in site.rows(table, hour)["event_id"]}


@pytest.mark.criterion("AC-002.6")
def test_late_rows_are_in_the_facts_after_the_next_tick(site: Site) -> None:
    """A transaction that commits late, a correction, a move, and an hour whose rows were purged."""
    source = site.source
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
        assert site.run(ONE, FOUR).success
        assert site.tick()["runs"] == []
        untouched = site.versions("raw/generations")
        slow.commit()

    first = site.tick()

    assert [run["status"] for run in first["runs"]] == ["SUCCESS"]
    tags = first["runs"][0]["tags"]
    assert tags["dagster/partition"] == TWO
    assert tags["chimera/cause"] == "late"
    assert (tags["chimera/late_streams"], tags["chimera/late_rows"]) == ("generations", "1")
    for table in LAYERS:
        assert "01-0040" in ids(site, table, TWO)
        assert site.count(table, ONE) == 40
    assert site.versions("raw/generations") != untouched
    again = site.tick()
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
    moved = site.tick()
    assert {run["status"] for run in moved["runs"]} == {"SUCCESS"}
    facts = site.rows("marts/fact_generations", ONE)
    assert facts.filter(pl.col("tokens_used") == 4711)["event_id"].to_list() == [
        "2026-02-10T00-0001"
    ]
    for table in LAYERS:
        assert "01-0002" in ids(site, table, FOUR)
        assert "01-0002" not in ids(site, table, TWO)
    assert site.tick()["runs"] == []

    # Purged at the source, and then one row comes late: the hour stays, and somebody is notified.
    source.execute("DELETE FROM generations WHERE event_id LIKE '2026-02-10T02-%'")
    source.insert("generations", [generations(THREE, 41)[40]])
    held = site.tick()
    assert held["runs"] == []
    assert f"most rows of {THREE} (0 of 40 rows left)" in held["skipped"]
    assert "chimera backfill" in held["skipped"]
    assert site.count("marts/fact_generations", THREE) == 40
    assert site.run(THREE).success
    assert ids(site, "marts/fact_generations", THREE) == {"02-0040"}
    assert site.tick()["runs"] == []


def test_a_blocked_hour_of_one_stream_holds_back_no_other_stream(site: Site) -> None:
    source, (good, spoilt) = site.source, keys("2026-02-12-00:00", 2)
    probes = [
        {
            "check_id": f"{hour}-{n}",
            "timestamp": f"{parse_key(hour):%Y-%m-%dT%H}:{n:02d}:00Z",
            "provider_id": "openai",
            "status": "healthy",
            "latency_ms": 100.0,
            "error_rate": 0.0,
            "created_at": f"{parse_key(hour):%Y-%m-%dT%H}:{n:02d}:01Z",
        }
        for hour in (good, spoilt)
        for n in range(5)
    ]
    source.insert("provider_health", probes)
    for hour in (good, spoilt):
        source.insert("generations", generations(hour, 40))
    assert site.run(good, spoilt).success

    def change(table: str, what: str, hour: str) -> None:
        sql = f"UPDATE {table} SET {what} WHERE date_trunc('hour', timestamp) = $1::timestamptz"  # noqa: S608
        source.execute(sql, [parse_key(hour).isoformat()])

    def asked() -> tuple[dict[tuple[str, str], str], str]:
        ticked = site.tick()
        tags = [(run["tags"], run["status"]) for run in ticked["runs"]]
        hours = {
            (one.get("dagster/partition", "both"), one["chimera/late_streams"]): status
            for one, status in tags
        }
        return hours, ticked["skipped"] or ""

    # The gate of generations blocks one of the two hours of a late run for both streams.
    for hour in (good, spoilt):
        change("provider_health", "latency_ms = 200", hour)
        change("generations", f"tokens_used = {-1 if hour == spoilt else 7}", hour)
    assert asked()[0] == {("both", "generations provider_health"): "FAILURE"}
    runs, skipped = asked()
    assert runs == {}
    assert f"generations: {spoilt} failed once" in skipped
    assert "provider_health: 2026-02-12" not in skipped

    # Rows of the other stream, and of the good hour, are in the facts after the next tick; the
    # blocked hour makes its run fail again, and is not at fault for what it did.
    change("provider_health", "latency_ms = 300", spoilt)
    change("generations", "tokens_used = 8", good)

    assert asked()[0] == {
        (good, "generations"): "SUCCESS",
        (spoilt, "provider_health"): "FAILURE",
    }
    facts = site.rows("marts/fact_provider_health", spoilt)
    assert facts["latency_ms"].unique().to_list() == [300]
    assert site.rows("marts/fact_generations", good)["tokens_used"].unique().to_list() == [8]
    runs, skipped = asked()
    assert runs == {}
    assert "provider_health: 2026-02-12" not in skipped
