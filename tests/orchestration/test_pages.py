"""What the pages do and show: hours asked for there reach every layer, and each tells its own."""

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

JOB = "chimera_etl_hourly"

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
    """All assets of hours, as "Materialize all" of the lineage page names them."""
    return sorted(one for one in site.process.ask("describe")["assets"] if not of_days(one))


def of_days(asset: str) -> bool:
    return asset.startswith("reports/")


@pytest.fixture(scope="module")
def made_of_generations(site: Site) -> list[str]:
    """The raw stream and all that is made of it, as the selection `key:"raw/generations"+`."""
    deps = {key: one["deps"] for key, one in site.process.ask("describe")["assets"].items()}
    found = {"raw/generations"}
    while more := {key for key in deps if found & set(deps[key])} - found:
        found |= more
    return sorted(asset for asset in found if not of_days(asset))


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
    assert set(chosen) <= full_hours(site)
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


def test_a_backfill_from_the_page_of_the_job_is_one_run_too(site: Site) -> None:
    place = {"repositoryLocationName": "chimera_assets", "repositoryName": "__repository__"}
    selector = {"partitionSetName": f"{JOB}_partition_set", "repositorySelector": place}
    asked = {"selector": selector, "partitionNames": HOURS[:3], "tags": []}

    runs = site.process.ask("backfill", parameters=asked)

    ranges = [run["tags"].get("dagster/asset_partition_range_end") for run in runs]
    assert ranges == [HOURS[2]]


NODE = """query($key: AssetKeyInput!, $hours: [String!], $hour: String!) {
  assetNodeOrError(assetKey: $key) { ... on AssetNode {
    staleStatus(partition: $hour)
    assetMaterializations(partitions: $hours) { partition metadataEntries {
      label ... on IntMetadataEntry { intRepr } ... on MarkdownMetadataEntry { mdStr }
      ... on TextMetadataEntry { text } ... on PathMetadataEntry { path }
      ... on TableColumnLineageMetadataEntry { lineage { columnName columnDeps { columnName } } }
    } } } } }"""
TOLD = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  description metadataEntries { label ... on TextMetadataEntry { text } } } } }"""
RUNS = """query($id: ID!) { runOrError(runId: $id) { ... on Run {
  jobName repositoryOrigin { repositoryName repositoryLocationName } } } }"""


def ask(site: Site, query: str, **variables: Any) -> Any:
    now = datetime.now(UTC).isoformat()
    answer = site.process.ask("pages", query=query, variables=variables, at=now)
    (found,) = answer.values()
    return found


def node(site: Site, asset: str, hours: Sequence[str]) -> dict[str, Any]:
    shown: dict[str, Any] = ask(
        site, NODE, key={"path": asset.split("/")}, hours=hours, hour=HOURS[0]
    )
    return shown


def said(materialization: dict[str, Any]) -> dict[str, Any]:
    """Label -> what a materialization shows."""
    return {
        entry["label"]: next((v for k, v in entry.items() if k != "label"), None)
        for entry in materialization["metadataEntries"]
    }


def test_after_a_range_each_hour_tells_its_rows_and_the_last_one_what_the_catalogue_shows(
    site: Site,
) -> None:
    extra = [row | {"event_id": f"more-{n}"} for n, row in enumerate(generations(HOURS[2], 5))]
    site.source.insert("generations", extra)
    ran = site.run(HOURS[0], HOURS[-1])
    assert ran.success

    for layer in ("raw/", "staged/", "marts/fact_"):
        asset = f"{layer}generations"
        shown = {
            one["partition"]: said(one)
            for one in reversed(node(site, asset, HOURS)["assetMaterializations"])
        }
        rows = {hour: shown[hour]["dagster/partition_row_count"] for hour in HOURS}
        assert rows == dict.fromkeys(HOURS, "20") | {HOURS[2]: "25"}, asset
        assert {one["dagster/row_count"] for one in shown.values()} == {"145"}
        assert {one["dagster/uri"] for one in shown.values()} == {str(site.home / "lake" / asset)}
        assert len({one["bytes"] for one in shown.values()}) > 1
        assert "| --- |" in shown[HOURS[-1]]["preview"]
        assert "openai" in shown[HOURS[-1]]["preview"]  # public, in what models make of it, too
        assert "preview" not in shown[HOURS[0]]  # the log stays small
        if layer != "raw/":
            names = [one["columnName"] for one in shown[HOURS[-1]]["dagster/column_lineage"]]
            assert "event_id" in names
    counts = said(node(site, "staged/generations", [HOURS[2]])["assetMaterializations"][0])
    assert (counts["extracted"], counts["staged"]) == ("25", "25")
    assert "| provider | string | 0 | 2 |" in counts["column profile"]
    assert "@" not in counts["column profile"]
    lineage = said(
        node(site, "aggregates/agg_provider_metrics", HOURS[-1:])["assetMaterializations"][0]
    )["dagster/column_lineage"]
    assert lineage

    origin = ask(site, RUNS, id=ran.run_id)
    assert origin == {
        "jobName": JOB,
        "repositoryOrigin": {
            "repositoryName": "__repository__",
            "repositoryLocationName": "chimera_assets",
        },
    }


def test_each_hour_of_the_quarantine_tells_why_its_own_rows_are_there(site: Site) -> None:
    bad = [row | {"tokens_used": -1} for row in generations(HOURS[2], 2)]
    more = [row | {"latency_ms": -1} for row in generations(HOURS[4], 1)]
    rows = [row | {"event_id": f"bad-{n}"} for n, row in enumerate(bad + more)]
    site.source.insert("generations", rows)
    site.run(HOURS[0], HOURS[-1])

    quarantined = node(site, "quarantine/generations", HOURS)["assetMaterializations"]
    shown = {one["partition"]: said(one) for one in reversed(quarantined)}
    head = "| rule | rows |\n| --- | ---: |\n"
    assert {hour: one.get("rows by reason") for hour, one in shown.items()} == {
        **dict.fromkeys(HOURS),
        HOURS[2]: head + "| tokens_used_range | 2 |",
        HOURS[4]: head + "| latency_ms_range | 1 |",
    }
    assert {hour: one["dagster/partition_row_count"] for hour, one in shown.items()} == {
        **dict.fromkeys(HOURS, "0"),
        HOURS[2]: "2",
        HOURS[4]: "1",
    }
    site.source.execute("DELETE FROM generations WHERE event_id LIKE 'bad-%'")


LAG = """query($key: AssetKeyInput!) { assetChecksOrError: assetNodeOrError(assetKey: $key) {
  ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks { name
    executionForLatestMaterialization { status } } } } } } }"""


def lag_on_the_pages(site: Site) -> str | None:
    """The state of `event_lag`; None is "Not evaluated"."""
    shown = ask(site, LAG, key={"path": ["staged", "generations"]})["assetChecksOrError"]["checks"]
    (latest,) = [
        one["executionForLatestMaterialization"] for one in shown if one["name"] == "event_lag"
    ]
    return latest and latest["status"]


def test_the_lag_is_seen_between_the_schedule_and_the_next_run(site: Site) -> None:
    ran = site.run(HOURS[-1])
    assert lag_on_the_pages(site) == "SUCCEEDED"
    assert len([one for one in ran.checks if one["name"] == "event_lag"]) == 1

    site.process.ask("freshness")
    ran = site.run(HOURS[0])  # whose hour is over for long, and the stream is as fresh as before
    assert ran.success
    assert lag_on_the_pages(site) == "SUCCEEDED"


def test_a_reference_table_that_is_read_again_makes_nothing_out_of_date(site: Site) -> None:
    assert site.run(HOURS[-1]).success
    for asset in ("staged/generations", "marts/fact_generations"):
        assert node(site, asset, HOURS[:1])["staleStatus"] == "FRESH"

    site.source.execute("UPDATE providers SET models = '{m-1,m-2,m-3}'")
    assert site.run(HOURS[-1]).success
    assert node(site, "staged/generations", HOURS[:1])["staleStatus"] == "STALE"


def test_nothing_unserializable_and_no_markup_in_what_an_asset_says_of_itself(
    site: Site, everything: list[str]
) -> None:
    for asset in everything:
        shown = ask(site, TOLD, key={"path": asset.split("/")})
        assert "#" not in shown["description"]
        assert "unserializable" not in str(shown["metadataEntries"])
