"""`chimera upkeep`, `hold`, `verify` and `quarantine purge`, as somebody types them."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.lake import open_lake
from chimera_assets.lifecycle.legal_holds import holds
from tests.cli.conftest import HOURS, NEGATIVE, ROWS, one_line

if TYPE_CHECKING:
    from chimera_assets.lake import Lake
    from tests.cli.conftest import Chimera

pytestmark = pytest.mark.usefixtures("lake_of_four_hours")

#: 22 rows of 4 hours are rejected; the first of them is of acme, like all others.
REJECTED = 22


def seen(lake: Lake, days: float) -> None:
    """Make the rejected rows as old as if they had been quarantined so many days ago."""
    table = lake.table("quarantine", "generations")
    moment = datetime.now(UTC) - timedelta(days=days)
    table.write_hours(table.read().collect().with_columns(first_seen=pl.lit(moment)), HOURS)


def purged(chimera: Chimera, *options: str) -> dict[str, int]:
    reported = json.loads(chimera("quarantine", "purge", "--json", *options).out)
    return {each["stream"]: each["rows"] for each in reported}


def test_rejected_rows_are_purged_when_they_waited_long_enough(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    seen(lake_of_four_hours, days=6.9)
    assert purged(chimera)["generations"] == 0
    assert purged(chimera, "--older-than-days", "6", "--dry-run")["generations"] == REJECTED
    seen(lake_of_four_hours, days=7.1)
    assert purged(chimera, "--stream", "providers") == {"providers": 0}
    said = chimera("quarantine", "purge", "--stream", "generations")
    assert said.code == 0
    assert "tokens_used_range 20" in said.out
    assert "latency_ms_range 2" in said.out
    quarantine = lake_of_four_hours.table("quarantine", "generations")
    assert quarantine.count() == 0
    trace = lake_of_four_hours.table("quality", "dropped").read().sort("hour").collect()
    assert trace.select("hour", "rows", "cause").rows() == [
        (0, 1, "purge"),
        (1, 1, "purge"),
        (3, 20, "purge"),
    ]
    assert json.loads(trace["reasons"][2]) == {"tokens_used_range": 20}
    assert quarantine.history(1)[0]["run"] == trace["run_id"][0]
    assert purged(chimera)["generations"] == 0
    assert "expected" in one_line(chimera("quarantine", "purge", "--stream", "generation"))


def test_a_legal_hold_keeps_rows_until_it_is_released(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    seen(lake_of_four_hours, days=30)
    assert chimera("hold", "list").out == "No legal holds.\n"
    said = chimera(
        *("hold", "add", "--stream", "generations", "--tenant", "acme", "--to", "2026-01-31T01"),
        *("--reason", "case 7", "--by", "counsel"),
    )
    assert said.code == 0, said.err
    name = said.out.split(":")[0]
    assert json.loads(chimera("hold", "list", "--json").out)[0]["by"] == "counsel"
    assert "case 7" in chimera("hold", "list").out

    assert purged(chimera)["generations"] == REJECTED - 1
    assert lake_of_four_hours.table("quarantine", "generations").read().collect()[
        "row_key"
    ].to_list() == [NEGATIVE]
    did = json.loads(chimera("upkeep", "--json").out)
    raw = next(each for each in did if each["table"] == "raw/generations")
    assert (raw["rows_dropped"], raw["hours_held"]) == (3 * ROWS, 1)
    assert lake_of_four_hours.table("raw", "generations").count() == ROWS

    assert chimera("hold", "release", name, "--reason", "settled").code == 0
    assert chimera("hold", "list").out == "No legal holds.\n"
    (hold,) = holds(lake_of_four_hours)
    assert (hold.reason, hold.release_reason) == ("case 7", "settled")
    listed = chimera("hold", "list", "--all").out
    assert "settled" in listed
    headings = re.split(r"\s{2,}", listed.splitlines()[0].strip())
    assert len(set(headings)) == len(headings) == 11
    again = one_line(chimera("hold", "release", name, "--reason", "again"))
    assert "one that was released" in again
    assert chimera("upkeep").code == 0
    assert lake_of_four_hours.table("raw", "generations").count() == 0
    assert purged(chimera)["generations"] == 0


def test_a_hold_on_a_tenant_without_rows_is_made_and_says_so(chimera: Chimera) -> None:
    """A name mistyped would hold nothing; one that is right may have its rows later."""
    for tenant, said in (("acme", False), ("acmee", True)):
        made = chimera("hold", "add", "--tenant", tenant, "--reason", "case 7")
        assert made.code == 0
        assert ("did you mean acme?" in made.err) == said
    assert {one["tenant_id"] for one in json.loads(chimera("hold", "list", "--json").out)} == {
        "acme",
        "acmee",
    }


def test_a_hold_needs_a_reason_and_hours_that_make_sense(chimera: Chimera) -> None:
    assert "--reason" in one_line(chimera("hold", "add"))
    assert "expected words" in one_line(chimera("hold", "add", "--all", "--reason", " "))
    long = one_line(chimera("hold", "add", "--all", "--reason", "x" * 2_001))
    assert "expected at most 2,000 characters, found 2,001" in long
    for which, found in (((), "none of these"), (("--all", "--tenant", "acme"), "--all with one")):
        said = one_line(chimera("hold", "add", *which, "--reason", "case 7"))
        assert "or --all alone to hold every row" in said
        assert found in said
    mistaken = ("--reason", "r", "--from", "2026-02-01", "--to", "2026-01-01")
    assert "expected a time after" in one_line(chimera("hold", "add", *mistaken))
    part = ("--reason", "r", "--from", "2026-02-01T00:30")
    assert "expected a whole hour" in one_line(chimera("hold", "add", *part))
    nobody = ("--reason", "r", "--tenant", "")
    assert "expected the name of a tenant, found ''" in one_line(chimera("hold", "add", *nobody))
    wrong = ("--reason", "r", "--stream", "generation")
    assert "generations" in one_line(chimera("hold", "add", *wrong))


def test_upkeep_tells_what_it_would_do_and_then_does_it(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    staged = lake_of_four_hours.table("staged", "generations")
    rows = staged.count()
    lake_of_four_hours.table("quality", "batches").append(
        lake_of_four_hours.table("quality", "batches").read().collect()
    )
    plan = chimera("upkeep", "--dry-run", "--json")
    assert plan.code == 0
    reported = {each["table"]: each for each in json.loads(plan.out)}
    assert reported["staged/generations"]["rows_dropped"] == rows
    assert reported["quality/batches"]["hours_merged"] == 1
    assert staged.count() == rows
    assert not lake_of_four_hours.table("quality", "upkeep").exists()

    one = json.loads(chimera("upkeep", "--table", "quality/batches", "--json").out)
    assert [each["table"] for each in one] == ["quality/batches"]
    assert staged.count() == rows
    assert chimera("upkeep").code == 0
    assert staged.count() == 0
    kept = lake_of_four_hours.table("quality", "upkeep").read().collect()
    assert kept.filter(pl.col("table") == "staged/generations")["rows_dropped"].sum() == rows
    assert "no such table" in one_line(chimera("upkeep", "--table", "staged/generation"))


def test_a_table_that_cannot_be_tended_keeps_no_other_from_it(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    log = Path(lake_of_four_hours.uri) / "raw" / "providers" / "_delta_log"
    (log / "00000000000000000001.json").write_text('{"add": {"pa')
    said = chimera("upkeep")
    assert said.code == 1
    assert "raw/providers: " in said.err
    assert "Traceback" not in said.err
    assert lake_of_four_hours.table("staged", "generations").count() == 0


def test_verify_names_what_does_not_hold(chimera: Chimera, lake_of_four_hours: Lake) -> None:
    """Facts are what is missing here: nothing was transformed yet."""
    hours = ("--from", "2026-01-31T00", "--to", "2026-01-31T02")
    said = chimera("verify", *hours, "--json")
    assert said.code == 1
    reported = json.loads(said.out)
    assert (reported["holds"], reported["hours"]) == (False, 2)
    assert {failure["promise"] for failure in reported["failures"]} == {"facts"}
    assert [failure["hour"] for failure in reported["failures"]] == [
        "2026-01-31-00:00",
        "2026-01-31-01:00",
    ]
    table = lake_of_four_hours.table("staged", "generations")
    lake_of_four_hours.table("marts", "fact_generations").overwrite(
        table.read().collect(), partition_by=["hour_partition", "hour"]
    )
    said = chimera("verify", "--json")
    assert said.code == 1
    missing = [(one["table"], one["found"]) for one in json.loads(said.out)["failures"]]
    names = ("agg_costs", "agg_provider_metrics", "agg_technique_effectiveness")
    assert missing == [(f"aggregates/{name}", "none") for name in names]
    assert "expected" in one_line(chimera("verify", "--from", "yesterday"))


def test_verify_names_a_table_whose_log_is_broken(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    log = Path(lake_of_four_hours.uri) / "staged" / "generations" / "_delta_log"
    entry = log / "00000000000000000001.json"
    entry.write_bytes(entry.read_bytes()[:-30])
    said = chimera("verify", "--json")
    assert said.code == 1
    (failure,) = json.loads(said.out)["failures"]
    assert (failure["promise"], failure["table"]) == ("files", "staged/generations")
    assert "cut or damaged" in failure["found"]


def test_verify_of_an_empty_lake(chimera: Chimera, home: Path) -> None:
    shutil.rmtree(home / "lake")
    said = chimera("verify")
    assert said.code == 0
    assert said.out == "Nothing to verify yet: nothing has been extracted.\n"
    said = chimera("verify", "--from", "2025-01-01", "--to", "2025-01-02")
    assert (said.code, said.out) == (0, "Nothing to verify in these hours.\n")
    assert "(CHIMERA_START) or later" in one_line(chimera("verify", "--from", "1999-01-01"))


def test_retention_status_names_what_is_overdue_and_who_holds_what(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    seen(lake_of_four_hours, days=7.5)  # since the last purge
    assert chimera("retention", "status", "--table", "quarantine/generations").code == 0
    seen(lake_of_four_hours, days=9)

    said = chimera("retention", "status")

    assert said.code == 1
    assert re.search(r"quarantine/generations +overdue +7 +first rejected", said.out)
    assert "no retention is said of it: its rows are kept" in said.err
    assert chimera("hold", "add", "--all", "--reason", "case 9").code == 0
    said = chimera("retention", "status", "--table", "quarantine/generations", "--json")
    (told,) = json.loads(said.out)
    assert said.code == 0
    assert (told["state"], told["rows_due"], told["rows_held"]) == ("on hold", REJECTED, REJECTED)
    assert [(hold["reason"], hold["rows"]) for hold in told["holds"]] == [("case 9", REJECTED)]
    assert told["next_purge"].endswith("T02:37:00Z")
    assert "case 9" in chimera("retention", "status").out
    said = chimera("retention", "status", "--table", "quarantine/generation")
    assert "did you mean quarantine/generations?" in one_line(said)


def test_retention_status_names_a_table_that_was_taken_away(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    taken = Path(lake_of_four_hours.uri, "quarantine", "generations")
    seen(lake_of_four_hours, days=1)
    words = "it is gone, though quality/batches has judged hours of its stream"
    assert words not in chimera("retention", "status").err
    taken.rename(taken.with_name("elsewhere"))
    open_lake.cache_clear()  # a command has a lake of its own
    assert f"{words} (quarantine/generations)" in chimera("retention", "status").err
    said = chimera("retention", "status", "--table", "quarantine/generations", "--json")
    (told,) = json.loads(said.out)
    assert (said.code, told["state"]) == (1, "gone")
