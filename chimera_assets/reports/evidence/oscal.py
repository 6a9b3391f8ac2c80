"""Findings as OSCAL assessment results 1.2: a document of NIST's own format, for other tools.

OSCAL knows satisfied and not satisfied. What was not evaluated is an observation, never a finding.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.reports.evidence.canonical_json import canonical
from chimera_assets.reports.evidence.checks import Outcome
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.oscal_references import TOKEN, check_references

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from chimera_assets.reports.evidence.predicate import Report

OSCAL_VERSION = "1.2.0"

_NAMES = "urn:chimera:evidence:oscal:v1"

#: What makes our identifiers ours: of the same report they are always the same.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, _NAMES)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one objective.

    Attributes:
        objective: Its id: `promise.conservation`; letters, digits, `.`, `-` and `_`.
        title: What it asks for, in a line.
        outcome: What was found.
        description: What was looked at and found, in words.
        evidence: Files of the bundle that show it.
    """

    objective: str
    title: str
    outcome: Outcome
    description: str
    evidence: tuple[str, ...] = ()


def assessment_results(
    report: Report, findings: Sequence[Finding], *, title: str, at: datetime
) -> bytes:
    """An assessment-results document, canonical JSON: of the same findings always the same bytes.

    Args:
        report: The report whose findings they are.
        findings: The findings, each of another objective.
        title: What the report is called.
        at: When they were found.

    Raises:
        EvidenceError: There is none, an objective is there twice or no token.
    """
    objectives = [each.objective for each in findings]
    if not findings or len(set(objectives)) < len(objectives):
        expected = "findings, each of another objective"
        raise EvidenceError("OSCAL", expected=expected, found=", ".join(objectives) or "none")
    for objective in objectives:
        if TOKEN.fullmatch(objective) is None:
            where = "OSCAL, objective"
            raise EvidenceError(where, expected="an OSCAL token", found=repr(objective))
    names = _Names(f"{report.id}/{report.revision}")
    document = {
        "assessment-results": {
            "uuid": names("document"),
            "metadata": {
                "title": title,
                "last-modified": at,
                "version": str(report.revision),
                "oscal-version": OSCAL_VERSION,
            },
            "import-ap": {"href": f"#{names('plan')}"},
            "results": [_result(report, findings, title, at, names)],
            "back-matter": {"resources": [_plan(names), *_resources(findings, names)]},
        }
    }
    check_references(document)
    return canonical(document, "OSCAL")


class _Names:
    """Identifiers (RFC 9562, version 5) of the parts of one document."""

    def __init__(self, document: str) -> None:
        self._namespace = uuid.uuid5(_NAMESPACE, document)

    def __call__(self, part: str) -> str:
        return str(uuid.uuid5(self._namespace, part))


def _result(
    report: Report, findings: Sequence[Finding], title: str, at: datetime, names: _Names
) -> dict[str, Any]:
    result = {
        "uuid": names("result"),
        "title": title,
        "description": "What the report's checks found of its period.",
        "start": report.start,
        "end": report.end,
        "reviewed-controls": _reviewed(findings),
        "observations": [_observation(each, at, names) for each in findings],
    }
    judged = [each for each in findings if each.outcome is not Outcome.NOT_EVALUATED]
    return {**result, "findings": [_finding(each, names) for each in judged]} if judged else result


def _reviewed(findings: Sequence[Finding]) -> dict[str, Any]:
    """The objectives; of which controls they speak is not for this document to say."""
    listed = [{"objective-id": each.objective} for each in findings]
    nothing = "There is no catalogue to choose controls from: the objectives stand for themselves."
    return {
        "control-selections": [{"description": nothing, "include-all": {}}],
        "control-objective-selections": [{"include-objectives": listed}],
    }


def _observation(finding: Finding, at: datetime, names: _Names) -> dict[str, Any]:
    observed: dict[str, Any] = {
        "uuid": names(f"observation {finding.objective}"),
        "title": finding.title,
        "description": f"{finding.outcome.capitalize()}. {finding.description}",
        "props": [
            {
                "name": "outcome",
                "ns": "urn:chimera:evidence:oscal:v1",
                "value": finding.outcome.replace(" ", "-"),
            }
        ],
        "methods": ["TEST"],
        "collected": at,
    }
    if finding.evidence:
        observed["relevant-evidence"] = [
            {"href": f"#{names(f'file {file}')}", "description": file} for file in finding.evidence
        ]
    return observed


def _finding(finding: Finding, names: _Names) -> dict[str, Any]:
    state = "satisfied" if finding.outcome is Outcome.SATISFIED else "not-satisfied"
    return {
        "uuid": names(f"finding {finding.objective}"),
        "title": finding.title,
        "description": finding.description,
        "target": {
            "type": "objective-id",
            "target-id": finding.objective,
            "status": {"state": state},
        },
        "related-observations": [{"observation-uuid": names(f"observation {finding.objective}")}],
    }


def _plan(names: _Names) -> dict[str, Any]:
    said = (
        "There is no assessment plan apart: each objective's observation says what was looked at."
    )
    return {"uuid": names("plan"), "title": "Plan", "description": said}


def _resources(findings: Sequence[Finding], names: _Names) -> Iterator[dict[str, Any]]:
    for file in sorted({file for each in findings for file in each.evidence}):
        yield {"uuid": names(f"file {file}"), "title": file, "rlinks": [{"href": file}]}
