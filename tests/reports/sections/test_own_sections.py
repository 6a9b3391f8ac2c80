"""The platform's own sections of a report, against what a small installation really has."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
import yaml

from chimera_assets.access.principal import Kind, Principal
from chimera_assets.contracts import contracts
from chimera_assets.hours import HourRange
from chimera_assets.ingest.watermark_commits import WATERMARK_KEY, current_watermark
from chimera_assets.lake import Lake
from chimera_assets.layers import QUALITY
from chimera_assets.lifecycle.purge import purge
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.packs.sections import Section
from chimera_assets.privacy.origins import ModelLineage
from chimera_assets.reconciliation.aggregates import from_facts
from chimera_assets.reports import document as doc
from chimera_assets.reports.answers import Answer
from chimera_assets.reports.build import inputs_of
from chimera_assets.reports.draft import ReportDraft
from chimera_assets.reports.order import Order
from chimera_assets.reports.periods import parse_period
from chimera_assets.reports.queries import Scope
from chimera_assets.reports.rendering.machines import scalar
from chimera_assets.reports.reproduce import reproduce
from chimera_assets.reports.sections import trace_gaps
from chimera_assets.reports.sections.draft import Draft, section
from chimera_assets.reports.sections.from_pack import pack_sections
from chimera_assets.reports.sections.own import OWN_SECTIONS
from chimera_assets.reports.sections.plain_values import plain
from chimera_assets.reports.sections.reliability import reliability
from chimera_assets.runs.job_runs import JobRuns
from chimera_assets.settings import get_settings
from chimera_assets.system_tables.column_lineage import append_lineages
from chimera_assets.system_tables.replays import REPLAYS, append_replays
from tests.reports.sections.installation import BUILT, DAY, ROWS, START, TODAY, WRONG, Told, hour

if TYPE_CHECKING:
    from chimera_assets.reports.inputs import Inputs
    from tests.reports.sections.installation import Installation

SATISFIED, NOT_SATISFIED, NOT_EVALUATED = doc.Status
#: Long before anything ran.
BEFORE = "2026-01-01"
DIM_TIME = ("marts", "dim_time")


def test_rows_and_rules_are_what_was_judged(installation: Installation) -> None:
    told = installation.section("data_quality")
    wrong = sum(WRONG.values())
    assert told.figures["Rows extracted"] == 3 * ROWS + 2  # two providers
    assert told.figures["Rows rejected"] == wrong
    generations, providers = told.rows("quality_streams")
    assert (generations["hours"], generations["blocked"]) == (3, 1)
    assert generations["extracted"] == 3 * ROWS == generations["staged"] + generations["rejected"]
    assert generations["passed"] == pytest.approx(1 - wrong / (3 * ROWS))
    assert (providers["stream"], providers["rejected"]) == ("providers", 0)
    broken = [row for row in told.rows("quality_rules") if row["failed"]]
    assert [(row["rule"], row["failed"], row["hours_failed"], row["counts"]) for row in broken] == [
        ("latency_ms_range", wrong, 3, "rows")
    ]
    assert broken[0] == told.rows("quality_rules")[0]
    (quarantine,) = told.rows("quality_quarantine")
    assert quarantine == {
        "stream": "generations", "waiting": wrong, "rejected_again": 0, "replays": 0,
        "accepted": 0, "purged": 0,
    }  # fmt: skip


def test_hours_that_are_not_there_are_named(installation: Installation) -> None:
    told = installation.section("data_quality")
    lacking = told.rows("missing_hours")
    assert [(row["state"], row["first_hour"], row["hours"]) for row in lacking] == [
        ("missing", hour(2).start, 1),
        ("blocked", hour(3).start, 1),
        ("missing", hour(4).start, 20),
    ]
    assert told.status is NOT_SATISFIED
    notes = installation.inputs().missing.notes()
    assert notes == told.findings["data_quality.hours"].observations
    assert notes[0] == (
        f"generations, {DAY} 02:00 to 03:00 UTC (1 hour): missing, nothing of that time was "
        "published."
    )
    assert notes[1].endswith("held back by the gate, too many rows broke a rule.")


def test_what_waits_for_a_run_is_named_too(installation: Installation, tmp_path: Path) -> None:
    copy = installation.copy(tmp_path)
    raw, mark = copy.lake.table("raw", "generations"), current_watermark(copy.lake, "generations")
    assert mark is not None
    late = replace(mark, pending=frozenset({hour(1).start}))
    rows = raw.read(hour(1)).collect()
    raw.write_hours(rows, hour(1), metadata={WATERMARK_KEY: late.to_json()})
    *_, last = copy.inputs().missing.notes()
    assert last == (
        f"generations, {DAY} 01:00 to 02:00 UTC (1 hour): without what a run has yet to take in or "
        "to finish."
    )


def test_what_became_of_rejected_rows(installation: Installation, tmp_path: Path) -> None:
    copy = installation.copy(tmp_path)
    columns = {"hour_partition": [START.date()], "hour": [0], "stream": ["generations"]}
    counts = {"waiting": [WRONG[0]], "rejected_again": [1]}
    said = {"run_id": ["r"], "at": [BUILT], "by": ["bob"], "contract_version": ["1"]}
    replays = pl.DataFrame(said | columns | counts).select(
        pl.col(name).cast(kind) for name, kind in REPLAYS.items()
    )
    append_replays(copy.lake, replays, run_id="r")
    bob = replace(copy.context(), actor=Principal(Kind.PERSON, "bob", "a test"))
    assert purge(bob, "generations", days=0.5).rows == sum(WRONG.values())
    (row,) = copy.section("data_quality").rows("quality_quarantine")
    assert row == {
        "stream": "generations", "waiting": 0, "rejected_again": 0, "replays": 1,
        "accepted": WRONG[0] - 1, "purged": sum(WRONG.values()),
    }  # fmt: skip


def test_hours_before_the_first_that_was_extracted_are_not_missed(
    installation: Installation,
) -> None:
    told = installation.section("data_quality", BEFORE)
    began = f"generations: of before {DAY} 00:00 UTC nothing was extracted."
    assert installation.inputs(BEFORE).missing.notes() == (began,)
    assert told.status is NOT_EVALUATED
    assert installation.section("reliability", BEFORE).status is NOT_EVALUATED
    # Of a period that has some of them it is said since when the stream is there.
    days = f"{START - timedelta(days=1):%Y-%m-%d}..{START + timedelta(days=1):%Y-%m-%d}"
    assert installation.inputs(days).missing.notes()[-1] == began
    assert told.rows("quality_streams") == []


def test_every_answer_of_sql_is_given_again(installation: Installation) -> None:
    """What a report names as query and versions gives the same rows to whoever asks again."""
    inputs = installation.inputs()
    asked = 0
    for name, build in OWN_SECTIONS.items():
        built = build(inputs)
        json_of = {f"/blocks/{at}": block for at, block in enumerate(built.section.blocks)}
        for place, source in built.sources.items():
            assert source.metric
            assert source.query
            if not source.read:
                continue
            answer = inputs.tables.ask({name: source.query}, Scope(inputs.period.hours))[name]
            assert isinstance(answer, Answer)
            found = [[scalar(plain(value)) for value in row] for row in answer.rows]
            block, _, figure = place.partition("/figures/")
            if figure:
                figures = json_of[block]
                assert isinstance(figures, doc.Figures)
                assert found == [[scalar(figures.figures[int(figure)].value)]]
            else:
                table = json_of[block]
                assert isinstance(table, doc.Table)
                assert found == [[scalar(value) for value in row] for row in table.rows]
            asked += 1
            assert {read.table for read in source.read} <= set(inputs.tables.versions)
    assert asked >= 12


def test_lag_counts_from_the_hours_end_and_unpublished_hours_are_late(
    installation: Installation,
) -> None:
    told = installation.section("reliability")
    (lag,) = told.rows("reliability_lag")
    # Hour 0 three hours and ten minutes after its end, hour 1 five minutes; two hours are allowed.
    assert (lag["allowed_minutes"], lag["hours"], lag["in_time"]) == (120, 2, 1)
    assert (lag["longest_minutes"], lag["median_minutes"]) == (190, (190 + 5) / 2)
    (late,) = told.rows("reliability_late")
    assert (late["hour"], late["minutes"]) == (START, 190)
    finding = told.findings["reliability.lag.generations"]
    assert finding.status is NOT_SATISFIED
    # The last hour has still an hour of its two.
    assert finding.observations == (
        "1 of 2 hours in time",
        "21 hours late and not published at all",
        "1 hour not published yet",
    )
    (chart,) = [one for one in told.built.section.blocks if isinstance(one, doc.Chart)]
    assert (chart.x, chart.series[0].values) == ((hour(0).start, hour(1).start), (190, 5))
    assert "only Dagster's own storage knows" in told.words


def test_runs_and_their_failures_are_those_of_the_log(installation: Installation) -> None:
    told = installation.section("reliability", TODAY)
    runs = {row["action"]: (row["started"], row["failed"]) for row in told.rows("reliability_runs")}
    assert runs == {"hours.run": (2, 1), "hours.backfill": (1, 0), "run.start": (3, 0)}
    (failure,) = told.rows("reliability_failures")
    assert (failure["resource"], failure["kind"]) == ("hours of a test", "TimeoutError")


def test_what_dagster_knows_is_told_if_it_was_asked(installation: Installation) -> None:
    inputs = installation.inputs()
    asked = []

    def runs(hours: HourRange) -> list[JobRuns]:
        asked.append(hours)
        return [JobRuns("chimera_etl_hourly", 23, 1, 0, 2, 8.5, 30.0)]

    told = Told(reliability(replace(inputs, runs=runs)))
    assert asked == [inputs.period.hours]
    assert told.rows("reliability_jobs")[0]["retries"] == 2
    assert told.words == ""


def test_who_did_what_and_whether_the_log_is_whole(installation: Installation) -> None:
    told = installation.section("audit_trail", TODAY)
    acted = {(row["actor"], row["action"]): row for row in told.rows("audit_actors")}
    assert acted["alice", "hours.backfill"]["entries"] == 1
    assert acted["the schedule", "hours.run"]["failed"] == 1
    newest = told.rows("audit_newest")
    assert [row["action"] for row in newest if row["actor"] == "alice"] == ["hours.backfill"]
    assert not {"table.commit", "hours.run"} & {row["action"] for row in newest}
    committed = {row["table"]: row for row in told.rows("audit_commits")}
    table = installation.lake.table("raw", "generations")
    assert committed["raw/generations"]["commits"] == table.version() + 1
    assert committed["raw/generations"]["rows"] == 3 * ROWS
    entries = sum(row["entries"] + row["failed"] for row in acted.values())
    assert told.figures["Entries"] == entries
    assert told.figures["Changes that failed"] == 1
    by_id = {name: one.status for name, one in told.findings.items()}
    assert by_id["audit.entries"] is by_id["audit.tables"] is SATISFIED
    others = ("audit.seen", "audit.witnesses", "audit.timestamps", "audit.reports")
    assert {by_id[name] for name in others} == {NOT_EVALUATED}
    for name in (name for name, status in by_id.items() if status is NOT_EVALUATED):
        assert told.findings[name].observations, f"{name} says why"
    assert by_id["audit.checkpoints"] is told.status is NOT_EVALUATED
    installation.context().catch_up()  # signs the log, and puts it beside the lake
    assert installation.section("audit_trail", TODAY).status is SATISFIED


@pytest.mark.parametrize(
    ("seen", "files", "status"),
    [
        (NOT_EVALUATED, SATISFIED, SATISFIED),
        (SATISFIED, NOT_EVALUATED, NOT_EVALUATED),
        (NOT_SATISFIED, SATISFIED, NOT_SATISFIED),
        (NOT_EVALUATED, None, NOT_EVALUATED),
    ],
)
def test_what_nobody_asked_for_leaves_the_status_to_the_rest(
    installation: Installation, seen: doc.Status, files: doc.Status | None, status: doc.Status
) -> None:
    draft = Draft(installation.inputs(), "audit_trail", "Audit trail", "")
    found = {"audit.seen": seen} | ({"audit.files": files} if files is not None else {})
    draft.add_findings(
        [doc.Finding(name, "what it says", one) for name, one in found.items()],
        optional={"audit.seen"},
    )
    assert draft.built().section.status is status


def test_a_day_in_which_nothing_was_written_down(installation: Installation) -> None:
    told = installation.section("audit_trail", BEFORE)
    assert told.rows("audit_newest") == told.rows("audit_commits") == []
    assert told.figures["Entries"] == 0


def test_promises_are_found_kept_broken_or_not_evaluated(installation: Installation) -> None:
    told = installation.section("compliance")
    status = {name: one.status for name, one in told.findings.items()}
    assert status["compliance.conservation"] is status["compliance.keys"] is SATISFIED
    assert status["compliance.facts"] is SATISFIED
    # No model has run here, so that there are facts without aggregates.
    assert status["compliance.aggregates"] is told.status is NOT_SATISFIED
    assert any("found none" in seen for seen in told.findings["compliance.aggregates"].observations)
    assert {row["promise"] for row in told.rows("compliance_failures")} == {"aggregates"}
    (held,) = told.rows("compliance_held_back")
    assert (held["hours"], held["rejected_rows"]) == (1, WRONG[3])
    before = installation.section("compliance", BEFORE)
    assert before.findings["compliance.keys"].status is NOT_EVALUATED


def test_the_source_is_compared_by_hour(installation: Installation, tmp_path: Path) -> None:
    told = installation.section("source_compared")
    (row,) = told.rows("source_compared")
    assert (row["hours"], row["equal"], row["source_rows"]) == (3, 3, 3 * ROWS)
    assert told.status is SATISFIED
    copy = installation.copy(tmp_path)
    raw = copy.lake.table("raw", "generations")
    rows = raw.read(hour(0)).collect().sort("event_id")
    other = pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("m-9")).otherwise("model")
    raw.write_hours(rows.with_columns(model=other), hour(0))
    told = copy.section("source_compared")
    (differs,) = told.rows("source_differs")
    assert (differs["changed"], differs["missing"], differs["columns"]) == (1, 0, "model")
    assert told.rows("source_compared")[0]["equal"] == 2
    assert told.status is NOT_SATISFIED
    assert rows["event_id"][3] not in repr(told.built)


def test_a_source_that_cannot_be_reached_is_no_pass(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = "postgresql://someone:secret@127.0.0.1:1/operational"
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", nobody)
    get_settings.cache_clear()
    told = installation.section("source_compared")
    get_settings.cache_clear()
    assert told.status is NOT_EVALUATED
    assert told.words.startswith("Not evaluated: ")
    assert "secret" not in told.words


def test_retention_is_computed_from_the_tables(installation: Installation) -> None:
    told = installation.section("retention")
    kept = {row["table"]: row for row in told.rows("retention")}
    raw = kept["raw/generations"]
    assert (raw["state"], raw["oldest"], raw["newest"]) == ("compliant", START, hour(3).start)
    assert told.status is SATISFIED
    assert kept["quarantine/generations"]["counted_from"] == "first rejected"
    later = replace(installation.inputs(), built_at=START + timedelta(days=3_000))
    overdue = Told(OWN_SECTIONS["retention"](later))
    assert overdue.status is NOT_SATISFIED
    said = overdue.findings["retention.tables"].observations
    assert any(one.startswith(f"raw/generations: {3 * ROWS} rows overdue") for one in said)


@pytest.mark.parametrize(
    ("lost", "table"),
    [
        ("raw/generations/_delta_log", "raw/generations"),
        ("staged/generations", "staged/generations"),
        ("quarantine/providers", "quarantine/providers"),
        ("marts/fact_generations", "marts/fact_generations"),
        ("marts/dim_time", "marts/dim_time"),  # which no aggregate is made of
    ],
)
def test_a_table_that_was_taken_away_is_named(
    installation: Installation, tmp_path: Path, lost: str, table: str
) -> None:
    copy = installation.copy(tmp_path)
    model = {"1": ModelLineage({}, frozenset({("staged", "generations")}))}
    append_lineages(copy.lake, dict.fromkeys((("marts", "fact_generations"), DIM_TIME), model))
    copy.lake.table(*DIM_TIME).overwrite(pl.DataFrame({"hour": [0]}))
    assert copy.section("retention").status is SATISFIED
    shutil.rmtree(Path(copy.lake.uri, lost))
    told = replace(copy, lake=Lake(copy.lake.uri)).section("retention")
    finding = told.findings["retention.tables"]
    assert finding.status is told.status is NOT_SATISFIED
    (seen,) = finding.observations
    assert seen.startswith(f"{table}: it is gone, though quality/")
    (other,) = [row for row in told.rows("retention_others") if row["table"] == table]
    assert seen == f"{table}: {other['reason']}"


def test_rejected_rows_whose_quarantine_was_taken_away_are_not_passed_over(
    installation: Installation, tmp_path: Path
) -> None:
    copy = installation.copy(tmp_path)
    assert "data_quality.rejected" not in copy.section("data_quality").findings
    shutil.rmtree(Path(copy.lake.uri, "quarantine/generations"))
    told = replace(copy, lake=Lake(copy.lake.uri)).section("data_quality")
    finding = told.findings["data_quality.rejected"]
    assert finding.status is NOT_SATISFIED
    assert finding.observations == (
        "quarantine/generations: it is gone, though quality/batches has judged hours of its stream",
    )
    assert told.figures["Rows rejected"] == sum(WRONG.values())


def test_a_raw_table_that_was_taken_away_is_not_taken_for_one_to_come(
    installation: Installation, tmp_path: Path
) -> None:
    copy = installation.copy(tmp_path)
    shutil.rmtree(Path(copy.lake.uri, "raw/generations"))
    told = replace(copy, lake=Lake(copy.lake.uri)).section("source_compared")
    assert told.status is NOT_EVALUATED
    (seen,) = told.findings["source_compared.generations"].observations
    assert seen.startswith("raw/generations: expected the table, as its hours were judged, found")
    assert seen.endswith("bring its folder back")


def test_without_an_access_log_nothing_is_said_of_access(installation: Installation) -> None:
    told = installation.section("access")
    assert told.status is NOT_EVALUATED
    assert "no table access/access_log" in told.words


def test_an_access_log_is_read(installation: Installation, tmp_path: Path) -> None:
    one, other = (replace(installation, lake=Lake(str(tmp_path / name))) for name in "ab")
    columns = {"hour_partition": [START.date()] * 3, "hour": [1] * 3, "action": ["read"] * 3}
    by = {"actor": ["alice", "alice", "bob"], "allowed": [True, False, True]}
    rows = pl.DataFrame(columns | by, schema_overrides={"hour": pl.Int32})
    one.lake.table("access", "access_log").write_hours(rows.drop("allowed"), hour(1))
    other.lake.table("access", "access_log").write_hours(rows, hour(1))
    assert "found no allowed" in one.section("access").words
    assert other.section("access").rows("access") == [
        {"actor": "alice", "action": "read", "times": 2, "refused": 1},
        {"actor": "bob", "action": "read", "times": 1, "refused": 0},
    ]
    assert other.section("access", BEFORE).rows("access") == []


def aggregate(lake: Lake) -> None:
    """Make the aggregates of generations, as their pack defines them, and the column they read."""
    day = HourRange(START, START + timedelta(days=1))
    fact = lake.table("marts", "fact_generations")
    rows = fact.read(day).collect()
    fact.write_hours(rows.with_columns(computed_cost_usd="cost_usd"), day)
    for one in active_aggregates():
        if "fact_generations" in one.facts:
            lake.table("aggregates", one.table).write_hours(from_facts(one, lake, [day]), day)


def test_records_are_taken_by_chance_but_the_same_again_and_traced(
    installation: Installation, tmp_path: Path
) -> None:
    copy = installation.copy(tmp_path)
    aggregate(copy.lake)
    told = copy.section("lineage")
    sample = told.rows("lineage_sample")
    assert sample == copy.section("lineage").rows("lineage_sample")
    finding = told.findings["lineage.sample"]
    assert finding.status is SATISFIED
    count = len(sample)
    assert finding.observations == (
        f"{count} of {count} records traced to batch, commit and verdict",
    )
    raw = installation.lake.table("raw", "generations").read().collect()
    for row in sample:
        (batch,) = raw.filter(pl.col("event_id") == row["key"])["_batch_id"]
        assert (row["batch"], row["verdict"]) == (batch, "staged")
        assert row["hour"] in {hour(0).start, hour(1).start}
        assert row["facts"].startswith("marts/fact_generations ")
    assert installation.section("lineage", BEFORE).status is NOT_EVALUATED


@pytest.mark.parametrize(
    ("lost", "lacking"),
    [
        ("raw/generations/_delta_log", "raw/generations"),
        ("marts/fact_generations", "marts/fact_generations"),
        ("aggregates/agg_provider_metrics", "aggregates/agg_provider_metrics"),
    ],
)
def test_a_record_that_a_table_no_longer_has_is_not_traced(
    installation: Installation, tmp_path: Path, lost: str, lacking: str
) -> None:
    copy = installation.copy(tmp_path)
    aggregate(copy.lake)
    shutil.rmtree(Path(copy.lake.uri, lost))
    copy = replace(copy, lake=Lake(copy.lake.uri))
    told = copy.section("lineage")
    sample, finding = told.rows("lineage_sample"), told.findings["lineage.sample"]
    assert finding.status is told.status is NOT_SATISFIED
    count = len(sample)
    assert finding.observations == (
        f"0 of {count} records traced to batch, commit and verdict",
        *(f"generations {row['key']}: not found in {lacking}" for row in sample),
    )


def test_hours_that_no_aggregate_has_are_not_traced_and_expired_rows_need_not_be(
    installation: Installation, tmp_path: Path
) -> None:
    copy = installation.copy(tmp_path)
    aggregate(copy.lake)
    metrics = copy.lake.table("aggregates", "agg_provider_metrics")
    for number in (0, 1):
        metrics.write_hours(metrics.read(hour(number)).collect().clear(), hour(number))
    finding = copy.section("lineage").findings["lineage.sample"]
    assert finding.status is NOT_SATISFIED
    assert "not found in aggregates/agg_provider_metrics" in finding.observations[1]

    copy = installation.copy(tmp_path / "later")
    aggregate(copy.lake)
    shutil.rmtree(Path(copy.lake.uri, "raw/generations"))
    raw = replace(contracts()["generations"], table_retention={"raw/generations": 1})
    inputs = replace(copy.inputs(), built_at=START + timedelta(days=3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace_gaps, "known_contracts", lambda: {"generations": raw})
        finding = Told(OWN_SECTIONS["lineage"](inputs)).findings["lineage.sample"]
    assert finding.status is SATISFIED, finding


def test_a_commit_that_a_log_no_longer_has_is_not_said_to_be_found(
    installation: Installation, tmp_path: Path
) -> None:
    copy = installation.copy(tmp_path)
    aggregate(copy.lake)
    raw = copy.lake.table("raw", "generations")
    raw.delta().create_checkpoint()
    for version in range(raw.version()):
        Path(raw.uri, "_delta_log", f"{version:020}.json").unlink()
    copy = replace(copy, lake=Lake(copy.lake.uri))
    finding = copy.section("lineage").findings["lineage.sample"]
    assert finding.status is NOT_EVALUATED
    assert finding.observations[1].endswith("the log no longer says of raw/generations")


def test_columns_of_the_sections_sql_lead_to_the_source(
    installation: Installation, tmp_path: Path
) -> None:
    copy = installation.copy(tmp_path)
    rows = {"hour_partition": [START.date()], "hour": [0], "provider": ["openai"]}
    metrics = pl.DataFrame(
        rows | {"total_requests": [3]},
        schema_overrides={"hour": pl.Int32, "total_requests": pl.Int64},
    )
    copy.lake.table("aggregates", "agg_provider_metrics").write_hours(metrics, hour(0))
    fact, of_fact = ("marts", "fact_generations"), ("staged", "generations", "provider")
    of_metrics = {"provider": frozenset({(*fact, "provider")}), "total_requests": frozenset()}
    append_lineages(
        copy.lake,
        {
            fact: {"1": ModelLineage({"provider": frozenset({of_fact})}, frozenset({of_fact[:2]}))},
            ("aggregates", "agg_provider_metrics"): {
                "1": ModelLineage(of_metrics, frozenset({fact}))
            },
        },
    )
    told = copy.section("lineage")
    found = {row["column"]: row for row in told.rows("lineage_columns")}
    provider = found["aggregates/agg_provider_metrics.provider"]
    assert provider["made_of"] == "marts/fact_generations.provider"
    assert provider["source"] == "generations.provider"
    requests = found["aggregates/agg_provider_metrics.total_requests"]
    assert "all rows of marts/fact_generations" in requests["made_of"]
    assert requests["source"] == "no single column"
    # No record can be traced into an aggregate that lacks most of its columns.
    assert told.findings["lineage.sample"].status is NOT_SATISFIED
    assert "no column tenant_id" in told.rows("lineage_sample")[0]["origin"]


def test_changes_of_schemas_are_those_of_the_log(installation: Installation) -> None:
    installation.section("audit_trail", TODAY)  # whose verification records what has no entry yet
    rows = installation.section("lineage", TODAY).rows("lineage_schemas")
    mine = [row for row in rows if row["what"] == "quality/notes"]
    assert [(row["version"], row["column"], row["before"], row["after"]) for row in mine] == [
        ("0", None, None, "2 columns"),
        ("2", "a", "long", "double"),
        ("2", "b", "string", None),
        ("2", "c", None, "string"),
    ]


def test_a_report_of_one_tenant_has_no_rows_of_others(installation: Installation) -> None:
    told = {name: installation.section(name, tenant="acme") for name in OWN_SECTIONS}
    for name, one in told.items():
        if name not in {"data_quality", "lineage"}:
            assert one.status is NOT_EVALUATED, name
            assert "a report of one tenant leaves them out" in one.words
            assert not one.tables()
    assert told["data_quality"].tables() == {"missing_hours"}
    assert told["data_quality"].words.startswith("Left out: ")
    assert told["lineage"].tables() == {"lineage_sample", "lineage_columns"}
    keys = [row["key"] for row in told["lineage"].rows("lineage_sample")]
    rows = installation.lake.table("staged", "generations").read().collect()
    assert keys
    assert set(rows.filter(pl.col("event_id").is_in(keys))["tenant_id"]) == {"acme"}


def test_a_section_that_fails_says_so_and_takes_no_other_with_it(
    installation: Installation,
) -> None:
    entry = Path(installation.lake.table(QUALITY, "batches").uri, "_delta_log", f"{0:020}.json")
    kept = entry.read_bytes()
    entry.write_bytes(b"{")
    fresh = replace(installation, lake=Lake(installation.lake.uri))
    try:
        told = {name: fresh.section(name) for name in OWN_SECTIONS}
    finally:
        entry.write_bytes(kept)
    assert told["data_quality"].status is told["reliability"].status is NOT_EVALUATED
    assert "batches" in told["data_quality"].words
    assert told["compliance"].status is NOT_SATISFIED  # a table's log cannot be read
    assert told["source_compared"].status is SATISFIED


def test_a_defect_of_ours_is_told_by_its_kind_alone(installation: Installation) -> None:
    @section("broken", "Broken", "It fails.")
    def broken(inputs: Inputs, draft: Draft) -> None:
        draft.add_text(inputs.period.name)
        raise ValueError("alice@example.com")

    told = Told(broken(installation.inputs()))
    assert (told.status, told.words) == (NOT_EVALUATED, "Not evaluated: it failed with ValueError.")


def test_no_personal_value_is_in_any_section(installation: Installation) -> None:
    said = repr([installation.section(name).built for name in OWN_SECTIONS])
    assert "example.com" not in said


@pytest.mark.criterion("006.4")
def test_what_a_tenants_report_says_of_all_tenants_is_computed_again(
    installation: Installation,
) -> None:
    order = Order(parse_period(DAY), "acme")
    said = OWN_SECTIONS["data_quality"](installation.inputs(tenant="acme"))
    report = ReportDraft(installation.context(), order, 1, [said], ())
    versions = {one.table: one.version for figure in report.figures for one in figure.tables}
    again = inputs_of(installation.context(), order, versions)
    told = {
        one.name: one
        for one in reproduce(
            report.figures, report.json, again.tables, again.scope, again.scope_before
        )
    }
    assert told["data_quality.missing_hours"].outcome == "reproduced", told


@pytest.mark.criterion("006.1", "006.2")
def test_no_pass_and_no_comparison_is_of_hours_that_are_not_all_there(
    installation: Installation,
) -> None:
    figure = "sql: SELECT count(*) FROM staged.generations, compare: true, at_least: 1"
    figures = f"{{few: {{title: Few, {figure}, at_most: {3 * ROWS}}}}}"
    own = Section.model_validate({"title": "Own", **yaml.safe_load(f"figures: {figures}")})
    (found,) = pack_sections(installation.inputs(), [own])
    told = Told(found)
    (finding,) = told.findings.values()
    assert finding.status is told.status is NOT_EVALUATED
    assert finding.observations[0].endswith(", but not all of the period is there")
    assert finding.observations[1].startswith(f"generations, {DAY} 02:00 to 03:00 UTC (1 hour)")
    # Of tomorrow this day, which lacks hours, is the period before.
    tomorrow = f"{START + timedelta(days=1):%Y-%m-%d}"
    (compared,) = pack_sections(installation.inputs(tomorrow), [own])
    ((shown,),) = [one.figures for one in compared.section.blocks if isinstance(one, doc.Figures)]
    assert (shown.before, shown.note.startswith("not compared")) == (None, True)
