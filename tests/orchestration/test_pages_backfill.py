"""Hours asked for on the pages by the names of assets: every layer gets them, in one run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.hours import ONE_HOUR, HourRange, floor_hour, partition_key
from chimera_assets.reconciliation.verify import verify
from tests.shipped import SHIPPED
from tests.site.site import Site, generations, keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: "Materialize all" means all hours to the present, so the partitions begin a few hours ago.
START = floor_hour(datetime.now(UTC)) - 7 * ONE_HOUR
HOURS = keys(partition_key(START), 7)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(
        tmp_path_factory.mktemp("site") / "home",
        CHIMERA_START=START.isoformat(),
        CHIMERA_STREAMS="generations,providers",
    )
    for hour in HOURS:
        made.source.insert("generations", generations(hour, 20))
    yield made
    made.close()


@pytest.fixture(scope="module")
def everything(site: Site) -> list[str]:
    """All assets, as "Materialize all" of the lineage page names them."""
    return sorted(site.process.ask("describe")["assets"])


@pytest.fixture(scope="module")
def made_of_generations(site: Site) -> list[str]:
    """The raw stream and all that is made of it, as the selection `key:"raw/generations"+`."""
    deps = {key: one["deps"] for key, one in site.process.ask("describe")["assets"].items()}
    found = {"raw/generations"}
    while more := {key for key in deps if found & set(deps[key])} - found:
        found |= more
    return sorted(found)


def backfill(site: Site, assets: Sequence[str], **partitions: Any) -> list[dict[str, Any]]:
    """A backfill with the variables that the pages send; gives its runs, all of them good."""
    selection = [{"path": name.split("/")} for name in assets]
    asked = {"tags": [], "assetSelection": selection, **partitions}
    runs: list[dict[str, Any]] = site.process.ask("backfill", parameters=asked)  # type: ignore[assignment]
    assert {run["status"] for run in runs} == {"SUCCESS"}
    return runs


def hourly_runs(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs that are for hours; what is made of reference tables alone has none."""
    return [run for run in runs if any("partition" in tag for tag in run["tags"])]


def full_hours(site: Site) -> set[str]:
    """The hours whose facts and aggregates are there."""
    facts, figures = (
        {
            partition_key(datetime(d.year, d.month, d.day, h, tzinfo=UTC))
            for d, h in site.rows(table).select("hour_partition", "hour").iter_rows()
        }
        for table in ("marts/fact_generations", "aggregates/agg_provider_metrics")
    )
    assert facts == figures
    return facts


def every_promise_holds(site: Site) -> bool:
    hours = HourRange(START, START + len(HOURS) * ONE_HOUR)
    facts = frozenset({"generations"})
    return not verify(site.lake, load_contracts([SHIPPED]), hours, with_facts=facts).failures


def test_a_range_of_all_assets_is_one_run_with_facts_and_aggregates(
    site: Site, everything: list[str]
) -> None:
    chosen = HOURS[1:4]

    runs = backfill(site, everything, partitionNames=chosen, fromFailure=False)

    hourly = hourly_runs(runs)
    assert [run["tags"]["dagster/asset_partition_range_start"] for run in hourly] == chosen[:1]
    assert full_hours(site) == set(chosen)
    assert every_promise_holds(site)


def test_one_hour_of_one_stream_reaches_its_aggregates(
    site: Site, made_of_generations: list[str]
) -> None:
    runs = backfill(site, made_of_generations, partitionNames=HOURS[:1], fromFailure=False)

    assert [run["assets"] for run in runs] == [made_of_generations]
    assert HOURS[0] in full_hours(site)
    assert every_promise_holds(site)


def test_materialize_all_takes_every_hour_in_one_run(site: Site, everything: list[str]) -> None:
    runs = backfill(site, everything, allPartitions=True)

    assert len(hourly_runs(runs)) == 1
    assert set(HOURS) <= full_hours(site)
    assert every_promise_holds(site)
