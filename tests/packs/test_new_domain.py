"""A domain that nobody here thought of is one folder of YAML and SQL, and works without Python.

The folder is `library`: loans of books, with a reference table of branches, in a schema of its own.
"""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.hours import HourRange
from tests import warm
from tests.site.site import FOUR_STREAMS, ROOT, Ran, Site, environment, generations, parse_key

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
HOUR, MISSING, OFF = "2026-01-18-09:00", "2026-01-18-10:00", "2026-01-18-11:00"
SIMULATED = "2026-01-18-12:00"
PACKS = {
    "CHIMERA_PACKS": "ai,library",
    "CHIMERA_PACKS_DIR": str(HERE),
    "CHIMERA_STREAMS": f"{FOUR_STREAMS},loans,branches",
}


def chimera(site: Site, *arguments: str) -> dict[str, Any]:
    """What a command prints as JSON, if it is asked to."""
    printed = chimera_text(site, *arguments)
    found: dict[str, Any] = json.loads(printed) if "--json" in arguments else {}
    return found


def chimera_text(site: Site, *arguments: str) -> str:
    """What a command prints on its standard output."""
    return run_chimera(site, *arguments).stdout


def run_chimera(site: Site, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command, which has to end with the code."""
    done = subprocess.run(
        warm.chimera(*arguments),
        capture_output=True,
        text=True,
        check=False,
        cwd=site.home,
        env=environment(site.home, **site.settings),
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("library") / "home", **PACKS)
    chimera(made, "source", "init")
    made.source.execute(
        "INSERT INTO desk.branches VALUES ('b1', 'Ghent', '1990-05-01'), ('b2', 'Bruges', null)"
    )
    for hour in (HOUR, MISSING, OFF):
        made.source.insert("desk.loans", loans(hour))
        made.source.insert("generations", generations(hour, 20))
    yield made
    made.close()


@pytest.fixture(scope="module")
def simulated(library: Site) -> Ran:
    """The run of an hour whose traffic is made up."""
    hour = parse_key(SIMULATED)
    hours = ("--start", hour.isoformat(), "--end", (hour + timedelta(hours=1)).isoformat())
    # The rows that are there are not the demo's.
    chimera(library, "source", "simulate", *hours, "--rows-per-hour", "60", "--force")
    ran = library.run(SIMULATED)
    assert ran.success, ran.failed
    assert library.count("marts/fact_generations", SIMULATED)  # until upkeep: it is past its time
    return ran


def verified(site: Site, code: int = 0) -> dict[str, Any]:
    """What `verify` says of that hour."""
    hour = parse_key(SIMULATED)
    hours = ("--from", hour.isoformat(), "--to", (hour + timedelta(hours=1)).isoformat())
    found: dict[str, Any] = json.loads(
        run_chimera(site, "verify", "--json", *hours, code=code).stdout
    )
    return found


def loans(hour: str) -> list[dict[str, Any]]:
    """Twenty loans of an hour; one of them for ninety days, which is too long."""
    start = parse_key(hour)
    return [
        {
            "loan_id": f"{hour}-{number}",
            "lent_at": start.replace(minute=number).isoformat(),
            "branch_id": f"b{1 + number % 2}",
            "reader": "alice@example.com",
            "shelfmark": f"QA {number}",
            "days": 90 if number == 3 else 21,
            "stored_at": start.replace(minute=number, second=1).isoformat(),
        }
        for number in range(20)
    ]


def test_its_assets_and_checks_are_there(library: Site) -> None:
    reported = library.process.ask("describe")
    assets = reported["assets"]
    assert {
        *(f"{layer}/loans" for layer in ("landing", "raw", "staged", "quarantine")),
        *(f"{layer}/branches" for layer in ("raw", "staged", "quarantine")),
        "staging/stg_loans",
        "staging/stg_branches",
        "marts/fact_loans",
        "aggregates/agg_loans",
    } <= set(assets)
    assert assets["marts/fact_loans"]["owners"] == ["team:lending-desk"]
    assert assets["marts/fact_generations"]["owners"] == ["team:data-platform"]
    assert assets["staged/loans"]["deps"] == ["raw/loans", "staged/branches"]
    assert assets["aggregates/agg_loans"]["deps"] == ["marts/fact_loans", "staging/stg_branches"]
    assert "marts/fact_loans:conservation" in reported["checks"]
    assert "aggregates/agg_loans:agg_loans_reconciles_with_facts" in reported["checks"]


def test_its_hours_are_extracted_validated_and_counted(library: Site) -> None:
    ran = library.run(HOUR)

    assert ran.success, ran.failed
    assert library.count("raw/loans", HOUR) == 20
    assert library.count("staged/loans", HOUR) == 19
    assert library.count("marts/fact_loans", HOUR) == 19
    bad = library.rows("quarantine/loans", HOUR).row(0, named=True)
    assert bad["reasons"] == ["days_range"]
    counted = library.rows("aggregates/agg_loans", HOUR).sort("town")
    towns = counted.select("town", "loans", "days").rows()
    assert towns == [("Bruges", 9, 189), ("Ghent", 10, 210)]
    assert ran.check("marts/fact_loans", "conservation", HOUR)["passed"]


@pytest.mark.usefixtures("simulated")
def test_its_traffic_is_made_up_and_goes_through_all_layers(library: Site) -> None:
    assert library.count("raw/loans", SIMULATED) == 60
    late = library.rows("quarantine/loans", SIMULATED)["reasons"].to_list()
    assert late == [["days_range"]] * 3
    counted = library.rows("aggregates/agg_loans", SIMULATED)
    assert set(counted["town"]) == {"Bruges", "Ghent"}
    assert counted["loans"].sum() == library.count("marts/fact_loans", SIMULATED) == 57


@pytest.mark.usefixtures("simulated")
def test_its_figures_are_metrics(library: Site) -> None:
    counted = library.rows("aggregates/agg_loans", SIMULATED)
    printed = chimera_text(library, "metrics")
    assert "# HELP library_loans Loans of the newest hour that has any." in printed
    for branch, loans in counted.select("branch_id", "loans").rows():
        assert f'library_loans{{branch="{branch}"}} {loans}.0' in printed


@pytest.mark.usefixtures("simulated")
def test_its_facts_are_kept_in_its_order(library: Site) -> None:
    hours = HourRange.single(parse_key(SIMULATED))

    def branches() -> list[str]:
        table = library.lake.table("marts", "fact_loans")
        return table.read(hours).collect()["branch_id"].to_list()

    library.run(SIMULATED)  # upkeep may have put what was there in order
    assert branches() != sorted(branches())
    chimera(library, "upkeep", "--json")
    assert branches() == sorted(branches())


@pytest.mark.usefixtures("simulated")
def test_its_aggregate_is_made_again_from_its_facts(library: Site) -> None:
    hours = HourRange.single(parse_key(SIMULATED))
    table = library.lake.table("aggregates", "agg_loans")
    kept = library.rows("aggregates/agg_loans", SIMULATED)
    assert verified(library)["holds"]
    table.write_hours(kept.with_columns(days=pl.col("days") + 1), hours)

    damaged = verified(library, code=1)

    (failure,) = damaged["failures"]
    named = {key: failure[key] for key in ("promise", "table", "hour")}
    assert named == {"promise": "aggregates", "table": "aggregates/agg_loans", "hour": SIMULATED}
    assert failure["expected"] == f"days {kept['days'].sum():,}, from the facts"
    table.write_hours(kept, hours)


@pytest.mark.usefixtures("simulated")
def test_they_are_verified_and_maintained(library: Site) -> None:
    found = verified(library)
    assert found["holds"], found["failures"]
    assert found["checked"]["facts"] >= 2
    done: Any = chimera(library, "upkeep", "--json")
    tended = {one["table"]: one["error"] for one in done}
    assert {tended[f"{layer}/loans"] for layer in ("raw", "staged", "quarantine")} == {None}
    assert tended["marts/fact_loans"] is tended["aggregates/agg_loans"] is None


@pytest.mark.usefixtures("simulated")
def test_the_models_of_a_pack_are_left_as_they_are(library: Site) -> None:
    assert library.count("marts/fact_loans", SIMULATED)
    model = HERE / "library" / "models" / "marts" / "fact_loans.sql"
    assert "ref('stg_loans')" in model.read_text()


def test_a_missing_source_table_stops_only_what_is_made_of_it(library: Site) -> None:
    library.source.execute("ALTER TABLE jailbreak_tests RENAME TO elsewhere")
    try:
        ran = library.run(MISSING)
    finally:
        library.source.execute("ALTER TABLE elsewhere RENAME TO jailbreak_tests")

    assert not ran.success
    assert set(ran.failed) == {"raw/jailbreak_tests"}
    assert "expected a table jailbreak_tests, found none" in ran.failed["raw/jailbreak_tests"]
    assert library.count("marts/fact_loans", MISSING) == 19
    assert library.count("aggregates/agg_loans", MISSING) == 2
    assert library.count("marts/fact_generations", MISSING) == 20
    assert library.rows("aggregates/agg_provider_metrics", MISSING)["total_requests"].sum() == 20
    made = {asset for asset, _ in ran.materialized}
    assert not made & {"marts/fact_jailbreak_tests", "aggregates/agg_technique_effectiveness"}
    facts = ("marts/fact_loans", "marts/fact_generations", "marts/fact_provider_health")
    assert len({start_of_dbt(library, table) for table in facts}) == 1

    mended = library.run(MISSING)
    assert mended.success, mended.failed
    made_by = {start_of_dbt(library, f"marts/fact_{name}") for name in ("jailbreak_tests", "loans")}
    assert made_by == {start_of_dbt(library, "aggregates/agg_technique_effectiveness")}


def start_of_dbt(site: Site, table: str) -> str:
    """Which start of dbt wrote the newest version of a table."""
    started: str = site.lake.table(*table.split("/")).history(1)[0]["dbt_invocation_id"]
    return started


@pytest.mark.parametrize(
    ("table", "step", "others"),
    [
        ("fact_loans", "warehouse_loans", {"marts/fact_provider_health"}),
        # dbt cannot even begin together with a table that it is to merge into.
        (
            "dim_providers",
            "warehouse_provider_health",
            {"marts/fact_loans", "aggregates/agg_loans"},
        ),
    ],
)
def test_a_table_that_cannot_be_written_stops_no_others(
    library: Site, table: str, step: str, others: set[str]
) -> None:
    there = Path(library.lake.uri) / "marts" / table
    aside = there.rename(there.with_name("aside"))
    there.write_text("no table")
    try:
        ran = library.run(MISSING)
    finally:
        there.unlink()
        aside.rename(there)

    assert not ran.success
    assert set(ran.failed) == {step}, ran.failed
    made = {asset for asset, _ in ran.materialized}
    others |= {"marts/fact_generations", "aggregates/agg_technique_effectiveness"}
    assert others <= made
    assert f"marts/{table}" not in made


def test_a_stream_that_is_off_is_not_there_and_holds_up_nothing(library: Site) -> None:
    without = library.beside(CHIMERA_STREAMS="loans,branches,generations,providers")
    try:
        reported = without.process.ask("describe")
        off = {key for key in reported["assets"] if "jailbreak" in key or "health" in key}
        assert off == set()
        assert not [name for name in reported["checks"] if "jailbreak" in name or "health" in name]

        ran = without.run(OFF)

        assert ran.success, ran.failed
        assert without.count("marts/fact_generations", OFF) == 20
        assert without.count("aggregates/agg_technique_effectiveness", OFF) > 0
        assert without.count("aggregates/agg_loans", OFF) == 2
    finally:
        without.close()


def test_dbt_alone_builds_what_is_shipped(library: Site, tmp_path: Path) -> None:
    done = subprocess.run(
        warm.dbt("ls", "--resource-type", "model"),
        cwd=ROOT / "dbt_project",
        env={
            **environment(library.home, CHIMERA_PACKS="ai,library"),
            "DBT_TARGET_PATH": str(tmp_path),
            "DBT_LOG_PATH": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("chimera.") == 24
