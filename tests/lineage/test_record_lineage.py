"""The life of a record: where it came from, what was judged of it, what counts it, what changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.hours import HourRange
from chimera_assets.lake import open_lake
from chimera_assets.lake.removal import remove_rows
from chimera_assets.system_tables.replays import REPLAYS, append_replays
from tests.cli.conftest import one_line
from tests.lineage.conftest import FIRST, SECOND, THIRD
from tests.site.site import generations

if TYPE_CHECKING:
    from tests.cli.conftest import Chimera
    from tests.lineage.conftest import Works
    from tests.site.site import Site

SUBJECT = "user-3@example.com"


@pytest.fixture(scope="module", autouse=True)
def story(site: Site, works: Works) -> dict[str, str]:
    """What happened to rows of three hours, by the run that did it."""
    rows = generations(FIRST, 300)
    for number, changes in {
        1: {"event_id": "l-corrected"},
        2: {"event_id": "l-deleted"},
        3: {"event_id": "l-moved"},
        4: {"event_id": "l-wrong", "latency_ms": -1.0},
        5: {"event_id": "l-replayed", "provider": "lineage-ai"},
        6: {"event_id": "l-twin"},
        8: {"event_id": "l-revised"},
    }.items():
        rows[number] |= changes
    site.source.insert("generations", rows)
    site.source.insert("generations", generations(SECOND, 20))
    landed = [rows[6] | {"tokens_used": 1, "created_at": rows[6]["timestamp"]}]
    landed.append(generations(THIRD, 1)[0] | {"event_id": "l-landed"})
    done = {"land": works.land("lineage.jsonl", landed)}
    works.say_lineage()
    done["first"] = works.run(FIRST, SECOND, THIRD)

    site.source.insert("providers", [{"provider_id": "lineage-ai", "provider_name": "An example"}])
    replay = works.context()
    works.stage(replay, FIRST, replay=True)
    hour = HourRange.from_keys(FIRST, FIRST)
    noted = {"run_id": replay.run_id, "at": replay.now, "stream": "generations", "hour": 5}
    noted |= {"hour_partition": hour.start.date(), "by": "alice", "contract_version": "1.1.0"}
    append_replays(works.lake, pl.DataFrame([noted], schema=REPLAYS), run_id=replay.run_id)
    done["replay"] = replay.run_id

    site.source.execute("UPDATE generations SET tokens_used = 7 WHERE event_id = 'l-corrected'")
    site.source.execute("DELETE FROM generations WHERE event_id = 'l-deleted'")
    site.source.execute(
        "UPDATE generations SET timestamp = timestamp + interval '1 hour',"
        " created_at = created_at + interval '1 hour' WHERE event_id = 'l-moved'"
    )
    done["late"] = works.run(FIRST, SECOND)
    return done


def told(chimera: Chimera, *words: str) -> dict[str, Any]:
    said = chimera("lineage", "generations", *words, "--json")
    assert said.code == 0, said.err
    document: dict[str, Any] = json.loads(said.out)
    return document


def only_hour(chimera: Chimera, *words: str) -> dict[str, Any]:
    (hour,) = told(chimera, *words)["hours"]
    return hour


def happened(hour: dict[str, Any], layer: str) -> list[tuple[str, str]]:
    """What happened in a layer, and by which run."""
    events = (one for one in hour["history"] if one["table"].startswith(layer))
    return [(one["what"], one["run"]) for one in events]


def test_a_row_of_the_source_is_followed_to_the_figures_that_count_it(
    chimera: Chimera, works: Works, story: dict[str, str]
) -> None:
    hour = only_hour(chimera, "2024-11-11T06-0007")
    assert hour["hour"] == SECOND
    assert hour["origins"] == [
        {"kind": "table", "name": "generations", "line": None, "is_there": True}
    ]
    (row,) = hour["rows"]
    assert row["verdict"] == "staged"
    assert row["batch"].endswith("Z-generations")
    for place in (hour["raw"], hour["staged"], *hour["facts"]):
        table = works.lake.table(*place["table"].split("/"))
        assert place["version"] is not None
        assert table.delta(place["version"]).version() == place["version"]
        (file,) = place["files"]
        found = pl.read_parquet(f"{table.uri}/{file}", hive_partitioning=False)
        assert "2024-11-11T06-0007" in found["event_id"]
        assert place["run"] == story["late"]
    assert hour["staged"]["contract"] == works.contract.version
    costs = next(one for one in hour["counted"] if one["stored"]["table"].endswith("agg_costs"))
    assert costs["grouping"] == {
        "tenant_id": "globex", "provider": "openai", "model": "m-2", "api_key_id": "",
    }  # fmt: skip
    assert costs["adds"]["requests"] == 1
    kept = works.lake.table("aggregates", "agg_costs").read(HourRange.from_keys(SECOND, SECOND))
    total = kept.filter(tenant_id="globex", provider="openai", model="m-2").collect()
    assert costs["totals"]["requests"] == total["requests"].item() > 1


def test_a_row_of_a_file_names_file_and_line(chimera: Chimera, story: dict[str, str]) -> None:
    hour = only_hour(chimera, "l-landed")
    (origin,) = hour["origins"]
    assert origin["kind"] == "file"
    assert origin["name"].endswith("generations/lineage.jsonl")
    assert origin["line"] == 2
    assert happened(hour, "landing") == [("landed", story["land"])]
    assert hour["rows"][0]["verdict"] == "staged"


def test_of_twins_in_one_hour_the_later_one_is_published(chimera: Chimera) -> None:
    hour = only_hour(chimera, "l-twin")
    assert {origin["kind"] for origin in hour["origins"]} == {"file", "table"}
    verdicts = {row["values"]["tokens_used"]: row["verdict"] for row in hour["rows"]}
    assert verdicts == {1: "duplicate", 86: "staged"}


def test_a_correction_names_what_changed_and_no_value(
    chimera: Chimera, story: dict[str, str]
) -> None:
    hour = only_hour(chimera, "l-corrected")
    assert happened(hour, "raw") == [("extracted", story["first"]), ("changed", story["late"])]
    assert {tuple(one["columns"]) for one in hour["history"] if one["what"] == "changed"} == {
        ("tokens_used",)
    }
    assert hour["rows"][0]["values"]["tokens_used"] == 7


def test_a_row_that_moved_is_told_in_both_hours(chimera: Chimera, story: dict[str, str]) -> None:
    before, after = told(chimera, "l-moved")["hours"]
    assert (before["hour"], after["hour"]) == (FIRST, SECOND)
    assert happened(before, "raw") == [("extracted", story["first"]), ("moved", story["late"])]
    moved = next(one for one in before["history"] if one["what"] == "moved")
    assert moved["detail"] == f"to {SECOND}"
    assert before["raw"] is None
    assert happened(after, "raw") == [("extracted", story["late"])]


def test_a_row_that_the_source_deleted_is_found_in_what_older_versions_left(
    chimera: Chimera, story: dict[str, str]
) -> None:
    document = told(chimera, "l-deleted")
    assert document["looked"]["source"] == "generations does not have the key"
    assert document["looked"]["files"] > 0
    (hour,) = document["hours"]
    assert happened(hour, "raw") == [("extracted", story["first"]), ("gone", story["late"])]
    assert happened(hour, "staged") == [("published", story["first"]), ("withdrawn", story["late"])]
    assert hour["origins"][0]["is_there"] is False


def test_a_rejected_row_has_its_reasons_and_the_contract_that_judged(
    chimera: Chimera, works: Works
) -> None:
    hour = only_hour(chimera, "l-wrong")
    (row,) = hour["rows"]
    assert (row["verdict"], row["reasons"]) == ("rejected", ["latency_ms_range"])
    assert hour["quarantine"]["contract"] == works.contract.version
    assert hour["staged"] is None
    assert hour["counted"] == []


def test_a_replayed_row_was_rejected_first(chimera: Chimera, story: dict[str, str]) -> None:
    hour = only_hour(chimera, "l-replayed")
    states = [("rejected", story["first"]), ("replayed", story["replay"])]
    assert happened(hour, "quarantine") == states
    assert happened(hour, "staged")[0] == ("published", story["replay"])
    assert hour["rows"][0]["verdict"] == "staged"


def test_personal_values_are_masked_and_shown_on_the_record(chimera: Chimera) -> None:
    said = chimera("lineage", "generations", "2024-11-11T06-0003")
    assert SUBJECT not in said.out
    assert "--reveal" in said.err
    said = chimera("lineage", "generations", "2024-11-11T06-0003", "--reveal")
    assert SUBJECT in said.out
    entries = json.loads(chimera("audit", "list", "--action", "rows.reveal", "--json").out)
    shown = {entry["resource"]: entry["after"]["columns"] for entry in entries}
    assert shown["raw/generations"] == ["user_id"]


def test_tables_for_people_tell_the_same(chimera: Chimera) -> None:
    said = chimera("lineage", "generations", "l-moved").out
    assert f"generations event_id=l-moved, hour {FIRST}" in said
    assert f"to {SECOND}" in said
    assert "Counted in" in said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("generation", "k"), "did you mean generations?"),
        (("generations", "a", "b"), "expected 1 value, EVENT_ID or event_id=...; found 2: a b"),
        (("generations", "l-nobody"), "expected the key of a row, found none in any hour"),
        (("generations", "l-landed", "--hour", FIRST), f"found none in hours {FIRST}"),
        (("generations", "user_id=x"), "expected one of event_id, found user_id"),
        (("invoices", "a|b|c"), "line: expected a value of type integer, found 'c'"),
        (("invoices", "a"), "expected 3 values, PROVIDER INVOICE_ID LINE"),
    ],
)
def test_a_mistake_costs_one_line(chimera: Chimera, words: tuple[str, ...], expected: str) -> None:
    assert expected in one_line(chimera("lineage", *words))


def test_a_source_that_cannot_be_asked_is_no_error(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    document = told(chimera, "event_id=l-corrected")
    assert document["looked"]["source"].startswith("could not be asked")
    assert document["hours"][0]["origins"][0]["is_there"] is None
    assert len(document["hours"][0]["history"]) > 3


@pytest.mark.parametrize(
    ("table", "account"),
    [
        ("raw/generations", "batches has judged hours of its stream"),
        ("staged/generations", "batches has published hours of its stream"),
        ("marts/fact_generations", "column_lineage has runs of its model"),
        ("aggregates/agg_costs", "column_lineage has runs of its model"),
    ],
)
def test_a_table_that_was_taken_away_is_noted(
    chimera: Chimera, works: Works, table: str, account: str
) -> None:
    assert only_hour(chimera, "l-twin")["notes"] == []
    there, away = Path(works.lake.uri, table), Path(works.lake.uri, "away")
    there.rename(away)
    open_lake.cache_clear()  # a command has a lake of its own
    try:
        gone = f"{table}: it is gone, though quality/{account}"
        (note,) = only_hour(chimera, "l-twin")["notes"]
        assert note == f"{gone}: what it had of the record cannot be said"
        assert gone in one_line(chimera("lineage", "generations", "l-nobody"))
    finally:
        away.rename(there)
        open_lake.cache_clear()


def test_deleted_rows_compaction_and_files_that_are_gone_are_said_so(
    chimera: Chimera, works: Works
) -> None:
    """Last, as it takes the past from the tables of the other stories."""
    hour = HourRange.from_keys(FIRST, FIRST)
    raw = works.lake.table("raw", "generations")
    remove_rows(
        raw,
        hour,
        pl.col("event_id") != "l-revised",
        metadata={"run": "old", "chimera.retention_days": "400"},
    )
    found = only_hour(chimera, "l-revised")
    gone = next(one for one in found["history"] if one["run"] == "old")
    assert (gone["what"], gone["detail"]) == (
        "deleted",
        "by retention, as it was older than 400 days",
    )
    assert found["rows"][0]["verdict"] == "staged"
    raw.vacuum(0)
    found = only_hour(chimera, "l-corrected")
    lost = found["history"][0]
    assert lost["what"] == "unknown"
    assert "are gone (vacuum)" in lost["detail"]
    assert [what for what, _ in happened(found, "raw")] == ["unknown", "extracted"]
