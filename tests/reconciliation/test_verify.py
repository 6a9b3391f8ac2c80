"""`verify` on what the real job made: green when whole, and every kind of damage named by hour."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.hours import HourRange, parse_key
from chimera_assets.lake import Lake
from chimera_assets.lake.removal import remove_rows
from chimera_assets.lifecycle.legal_holds import place, release
from chimera_assets.lifecycle.maintenance import maintain_lake
from chimera_assets.lifecycle.purge import purge
from chimera_assets.reconciliation.row_conservation import row_conservation
from chimera_assets.reconciliation.verify import verify
from tests.acting import acting, leave
from tests.shipped import SHIPPED
from tests.site.site import Site, generations, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.reconciliation.verify import Verification

ROWS = 120
FIRST, SECOND, THIRD = HOURS = keys("2026-01-22-22:00", 3)  # across midnight
RANGE = HourRange.from_keys(FIRST, THIRD)
FACTS = {"generations", "jailbreak_tests", "provider_health"}
CONTRACTS = load_contracts([SHIPPED])


def attacks(hour: str, count: int) -> list[dict[str, Any]]:
    stamp = f"{parse_key(hour):%Y-%m-%dT%H}"
    return [
        {
            "test_id": f"t-{stamp}-{number}",
            "timestamp": f"{stamp}:{number:02d}:00Z",
            "tenant_id": "acme",
            "test_type": ("pair", "gcg")[number % 2],
            "target_provider": "openai",
            "target_model": "m-1",
            "iterations": 10,
            "successful_mutations": number % 4,
            "asr_rate": number % 4 / 10,
            "created_at": f"{stamp}:{number:02d}:30Z",
        }
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def made(site: Site) -> Site:
    """Three hours by the real job, a rejected row in each."""
    for hour in HOURS:
        rows = generations(hour, ROWS)
        rows[5]["tokens_used"] = -1
        site.source.insert("generations", rows)
        site.source.insert("jailbreak_tests", attacks(hour, 12))
    ran = site.run(FIRST, THIRD)
    assert ran.success, ran.failed
    return site


@pytest.fixture
def lake(made: Site, tmp_path: Path) -> Lake:
    """A copy, to be damaged."""
    shutil.copytree(made.home / "lake", tmp_path / "lake")
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def by(made: Site, lake: Lake) -> Iterator[Callable[..., AuditedContext]]:
    """A context of a run at some time."""

    def context(run_id: str, now: datetime) -> AuditedContext:
        return acting(made.home, lake, now, run_id=run_id, contracts=CONTRACTS, name="counsel")

    yield context
    leave(made.home)


def reported(lake: Lake) -> Verification:
    return verify(lake, CONTRACTS, RANGE, with_facts=FACTS)


def broken(lake: Lake) -> set[tuple[str, str, str | None]]:
    return {(f.promise, f.table, f.hour) for f in reported(lake).failures}


def test_what_the_job_made_holds_every_promise(lake: Lake) -> None:
    found = reported(lake)
    assert found.failures == ()
    assert (found.hours, found.first, found.last) == (3, FIRST, THIRD)
    assert min(found.checked.values()) >= 3
    # raw, staged and facts of both streams
    assert found.rows == 3 * (ROWS + 2 * (ROWS - 1)) + 3 * 3 * 12


def hour(key: str) -> HourRange:
    return HourRange.from_keys(key, key)


def fewer_facts(lake: Lake) -> None:
    kept = pl.col("event_id") > "2026-01-22T23-0010"
    remove_rows(lake.table("marts", "fact_generations"), hour(SECOND), kept, metadata={})


def a_key_in_two_hours(lake: Lake) -> None:
    table = lake.table("staged", "generations")
    rows = table.read(hour(SECOND)).collect().sort("event_id")
    first = table.read(hour(FIRST)).collect()["event_id"].min()
    twin = pl.when(pl.int_range(pl.len()) == 3).then(pl.lit(first)).otherwise("event_id")
    table.write_hours(rows.with_columns(event_id=twin), hour(SECOND))


def a_key_twice_in_an_hour(lake: Lake) -> None:
    table = lake.table("marts", "fact_generations")
    rows = table.read(hour(THIRD)).collect().sort("event_id")
    table.write_hours(pl.concat([rows.head(1), rows.head(rows.height - 1)]), hour(THIRD))


def another_sum(lake: Lake) -> None:
    table = lake.table("aggregates", "agg_provider_metrics")
    rows = table.read(hour(FIRST)).collect()
    table.write_hours(rows.with_columns(pl.col("total_tokens") + 1), hour(FIRST))


def an_attempt_too_many(lake: Lake) -> None:
    table = lake.table("aggregates", "agg_technique_effectiveness")
    rows = table.read(hour(THIRD)).collect()
    more = pl.when(pl.col("technique") == "gcg").then(pl.col("attempts") + 1)
    table.write_hours(rows.with_columns(attempts=more.otherwise("attempts")), hour(THIRD))


def no_aggregate(lake: Lake) -> None:
    lake.table("aggregates", "agg_provider_metrics").write_hours(None, hour(SECOND))


def file_of(lake: Lake, table: str, key: str) -> Path:
    place = f"hour_partition={key[:10]}/hour={int(key[11:13])}/"
    (path,) = (
        path for path in lake.table(*table.split("/")).delta().file_uris() if place in path
    )  # not every file there: another story may have written the hour again
    return Path(path)


def a_file_less(lake: Lake) -> None:
    file_of(lake, "marts/fact_generations", SECOND).unlink()


def a_file_cut(lake: Lake) -> None:
    path = file_of(lake, "raw/generations", FIRST)
    path.write_bytes(path.read_bytes()[:-20])


def a_file_spoilt(lake: Lake) -> None:
    path = file_of(lake, "staged/generations", FIRST)
    path.write_bytes(b"x" * path.stat().st_size)


def a_bit_flipped(lake: Lake) -> None:
    """Within a value: every reader takes it for another one."""
    path = file_of(lake, "staged/generations", SECOND)
    content = bytearray(path.read_bytes())
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    content[content.rindex(b"acme", 0, footer)] ^= 1  # what comes before are statistics
    path.write_bytes(content)
    rows = lake.table("staged", "generations").read(hour(SECOND)).collect()
    assert "`cme" in rows["tenant_id"].to_list()


def a_row_in_another_hour(lake: Lake) -> None:
    table = lake.table("staged", "generations")
    rows = table.read(hour(SECOND)).collect().sort("event_id")
    moved = pl.when(pl.int_range(pl.len()) == 0).then(pl.col("timestamp").dt.offset_by("-1h"))
    table.write_hours(rows.with_columns(timestamp=moved.otherwise("timestamp")), hour(SECOND))


def an_hour_less(lake: Lake) -> None:
    for layer, name in (("raw", "generations"), ("staged", "generations")):
        lake.table(layer, name).write_hours(None, hour(THIRD))
    lake.table("marts", "fact_generations").write_hours(None, hour(THIRD))
    lake.table("aggregates", "agg_provider_metrics").write_hours(None, hour(THIRD))
    lake.table("aggregates", "agg_technique_effectiveness").write_hours(None, hour(THIRD))


def no_quarantine(lake: Lake) -> None:
    lake.table("quarantine", "generations").write_hours(None, hour(FIRST))


def facts_of_other_rows(lake: Lake) -> None:
    table = lake.table("marts", "fact_generations")
    rows = table.read(hour(FIRST)).collect()
    table.write_hours(rows.with_columns(_batch_id=pl.lit("20200101T000000.000000Z-x")), hour(FIRST))


def no_facts_at_all(lake: Lake) -> None:
    shutil.rmtree(Path(lake.uri) / "marts" / "fact_jailbreak_tests")


def no_table_of_an_aggregate(lake: Lake) -> None:
    shutil.rmtree(Path(lake.uri) / "aggregates" / "agg_provider_metrics")


RAW, STAGED, FACT = "raw/generations", "staged/generations", "marts/fact_generations"
COSTS = "aggregates/agg_costs"
METRICS = "aggregates/agg_provider_metrics"
TECHNIQUES = "aggregates/agg_technique_effectiveness"


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (
            fewer_facts,
            {
                ("facts", FACT, SECOND),
                ("aggregates", COSTS, SECOND),
                ("aggregates", METRICS, SECOND),
                ("aggregates", TECHNIQUES, SECOND),
            },
        ),
        (a_key_in_two_hours, {("keys", STAGED, FIRST), ("keys", STAGED, SECOND)}),
        (
            a_key_twice_in_an_hour,
            {
                ("keys", FACT, THIRD),
                ("aggregates", COSTS, THIRD),
                ("aggregates", METRICS, THIRD),
            },
        ),
        (another_sum, {("aggregates", METRICS, FIRST)}),
        (an_attempt_too_many, {("aggregates", TECHNIQUES, THIRD)}),
        (no_aggregate, {("aggregates", METRICS, SECOND)}),
        (a_file_less, {("files", FACT, SECOND)}),
        (a_file_cut, {("files", RAW, FIRST)}),
        (a_file_spoilt, {("files", STAGED, FIRST)}),
        (a_bit_flipped, {("files", STAGED, SECOND)}),
        (a_row_in_another_hour, {("placement", STAGED, SECOND)}),
        (
            an_hour_less,
            {
                ("conservation", RAW, THIRD),
                ("conservation", STAGED, THIRD),
                ("aggregates", COSTS, THIRD),
                ("aggregates", TECHNIQUES, THIRD),  # attacks on that hour are still there
            },
        ),
        (no_quarantine, {("conservation", "quarantine/generations", FIRST)}),
        (facts_of_other_rows, {("batches", FACT, FIRST)}),
        (
            no_facts_at_all,
            {
                (promise, table, key)
                for promise, table in (
                    ("facts", "marts/fact_jailbreak_tests"),
                    ("aggregates", TECHNIQUES),
                )
                for key in HOURS
            },
        ),
        (no_table_of_an_aggregate, {("aggregates", METRICS, None)}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_damage_is_named_by_promise_table_and_hour(
    lake: Lake,
    damage: Callable[[Lake], None],
    expected: set[tuple[str, str, str | None]],
) -> None:
    damage(lake)
    damaged = Lake(lake.uri)
    found = broken(damaged)
    if damage is a_key_twice_in_an_hour:  # which totals differ depends on the row that is doubled
        found -= {("aggregates", TECHNIQUES, THIRD)}
    assert found == expected
    for failure in reported(damaged).failures:
        assert failure.expected
        assert failure.found
        assert "example.com" not in failure.expected + failure.found


def test_retention_is_no_loss_and_a_hold_is_stronger(
    lake: Lake, by: Callable[..., AuditedContext]
) -> None:
    """Long after, a night's upkeep: one tenant's rows of one hour are held, the rest goes."""
    now = datetime.now(UTC) + timedelta(days=200)
    hold = place(
        by("hold", datetime.now(UTC)),
        stream="generations",
        tenant_id="acme",
        start=parse_key(SECOND),
        end=parse_key(THIRD),
        reason="case 7",
    )
    before = {name: lake.table(*name.split("/")).count(RANGE) for name in (METRICS, TECHNIQUES)}
    acme = lake.table("staged", "generations").read(hour(SECOND))
    acme_rows = acme.filter(pl.col("tenant_id") == "acme").collect().height

    done = {one.table: one for one in maintain_lake(by("night", now))}

    assert not [one.error for one in done.values() if one.error]
    assert lake.table("staged", "generations").count(RANGE) == acme_rows
    assert lake.table("marts", "fact_generations").count(RANGE) == acme_rows
    assert done[FACT].hours_held == 1
    assert lake.table("quarantine", "generations").count(RANGE) == 0  # globex's, each of them
    assert before == {
        name: lake.table(*name.split("/")).count(RANGE) for name in (METRICS, TECHNIQUES)
    }
    assert reported(lake).failures == ()
    assert row_conservation(lake, CONTRACTS["generations"], RANGE).lost.is_empty()

    # Nothing changes on the second night, nor is held data rewritten.
    version = lake.table("staged", "generations").version()
    again = {one.table: one for one in maintain_lake(by("next", now))}
    assert again[STAGED].rows_dropped == 0
    assert lake.table("staged", "generations").version() == version

    release(by("release", now), hold.hold_id, reason="settled")
    list(maintain_lake(by("last", now)))
    assert lake.table("staged", "generations").count(RANGE) == 0
    assert reported(lake).failures == ()


def test_a_purged_hour_still_adds_up(lake: Lake, by: Callable[..., AuditedContext]) -> None:
    later = datetime.now(UTC) + timedelta(days=8)
    rejected = lake.table("quarantine", "generations").count(RANGE)
    assert rejected == 3
    done = purge(by("night", later), "generations", 7)
    assert done.rows >= rejected
    assert done.reasons["tokens_used_range"] >= rejected
    assert lake.table("quarantine", "generations").count(RANGE) == 0
    assert reported(lake).failures == ()
    assert row_conservation(lake, CONTRACTS["generations"], RANGE).lost.is_empty()
    kept = lake.table("quality", "dropped").read().filter(pl.col("cause") == "purge").collect()
    assert kept["rows"].sum() == done.rows
    # Rows that vanish without a trace are another matter.
    lake.table("quality", "dropped").overwrite(kept.head(0))
    assert {f.promise for f in reported(Lake(lake.uri)).failures} == {"conservation"}


def test_restore_and_backfill_heal_a_table_from_the_one_below(made: Site) -> None:
    """Staged rows and facts are taken back to before the hours came; a backfill brings them."""
    for layer, name in (("staged", "generations"), ("marts", "fact_generations")):
        table = made.lake.table(layer, name)
        filled = next(one for one in table.history() if one.get("chimera.hours") == str(RANGE))
        table.restore(filled["version"] - 1)
    found = {(f.promise, f.table, f.hour) for f in reported(made.lake).failures}
    assert {("conservation", STAGED, key) for key in HOURS} <= found
    assert {("aggregates", METRICS, key) for key in HOURS} <= found

    ran = made.run(FIRST, THIRD)

    assert ran.success, ran.failed
    assert reported(made.lake).failures == ()
