"""Findings as OSCAL: only what was evaluated is one, and nothing refers to what is not there."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.reports.evidence.checks import Outcome
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.oscal import Finding, assessment_results
from chimera_assets.reports.evidence.oscal_references import check_references
from tests.reports.evidence.bundles import WEEK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AT = datetime(2026, 2, 2, 1, tzinfo=UTC)
FINDINGS = (
    Finding(
        "promise.conservation",
        "Nothing is lost",
        Outcome.SATISFIED,
        "168 hours compared.",
        ("report.json", "tables/hours.csv"),
    ),
    Finding(
        "promise.keys", "Keys are unique", Outcome.NOT_SATISFIED, "2 keys twice.", ("report.json",)
    ),
    Finding("access", "Reads are logged", Outcome.NOT_EVALUATED, "There is no access log."),
)


def results(findings: Sequence[Finding] = FINDINGS, **changes: Any) -> dict[str, Any]:
    data = assessment_results(replace(WEEK, **changes), findings, title="Usage", at=AT)
    return json.loads(data)["assessment-results"]  # type: ignore[no-any-return]


def test_what_was_not_evaluated_is_an_observation_and_never_a_finding() -> None:
    (result,) = results()["results"]
    found = {each["target"]["target-id"]: each for each in result["findings"]}
    states = {name: each["target"]["status"]["state"] for name, each in found.items()}
    assert states == {"promise.conservation": "satisfied", "promise.keys": "not-satisfied"}
    observed = {each["uuid"]: each for each in result["observations"]}
    assert [each["props"][0]["value"] for each in result["observations"]] == [
        "satisfied",
        "not-satisfied",
        "not-evaluated",
    ]
    assert result["observations"][2]["description"] == "Not evaluated. There is no access log."
    for each in found.values():
        (related,) = each["related-observations"]
        assert observed[related["observation-uuid"]]["title"] == each["title"]
    assert (result["start"], result["end"]) == ("2026-01-26T00:00:00Z", "2026-02-02T00:00:00Z")
    objectives = result["reviewed-controls"]["control-objective-selections"][0]
    assert [each["objective-id"] for each in objectives["include-objectives"]] == [
        each.objective for each in FINDINGS
    ]
    (nothing,) = results(FINDINGS[2:])["results"]
    assert "findings" not in nothing


def test_the_same_findings_give_the_same_bytes_and_others_other_identifiers() -> None:
    one = assessment_results(WEEK, FINDINGS, title="Usage", at=AT)
    assert one == assessment_results(WEEK, FINDINGS, title="Usage", at=AT)
    assert results(revision=2)["uuid"] != results()["uuid"] != results(id="x")["uuid"]


def test_findings_without_or_with_odd_objectives_are_refused() -> None:
    for findings, said in (
        ((), "found none"),
        ((FINDINGS[0], FINDINGS[0]), "each of another objective"),
        ((replace(FINDINGS[0], objective="CC6.1 a"),), "an OSCAL token, found 'CC6.1 a'"),
        ((replace(FINDINGS[0], objective="1st"),), "an OSCAL token"),
    ):
        with pytest.raises(EvidenceError) as caught:
            results(findings)
        assert said in str(caught.value)


def test_a_reference_that_leads_nowhere_is_found() -> None:
    good = {"assessment-results": results()}
    check_references(good)
    plan = good["assessment-results"]["back-matter"]["resources"][0]["uuid"]
    result = good["assessment-results"]["results"][0]
    for old, new, said in (
        (result["findings"][0]["related-observations"][0]["observation-uuid"], plan[::-1], "uuid"),
        (
            f'"#{plan}"',
            f'"#{plan[:-1]}x"',
            "OSCAL#/assessment-results/import-ap/href",
        ),
        (f'"uuid": "{plan}"', '"uuid": "plan"', "back-matter/resources/0/uuid"),
        (f'"uuid": "{result["uuid"]}"', f'"uuid": "{plan}"', "results/0/uuid"),
    ):
        text = json.dumps(deepcopy(good))
        assert old in text
        with pytest.raises(EvidenceError) as caught:
            check_references(json.loads(text.replace(old, new, 1)))
        assert said in str(caught.value)


def test_another_tool_reads_it(tmp_path: Path) -> None:
    """compliance-trestle, where it is installed: it brings 17 packages with it."""
    results_of = pytest.importorskip("trestle.oscal.assessment_results")
    path = tmp_path / "oscal.json"
    path.write_bytes(assessment_results(WEEK, FINDINGS, title="Usage", at=AT))
    read = results_of.AssessmentResults.oscal_read(path)
    assert read.metadata.title == "Usage"
    assert len(read.results[0].findings) == 2
