"""A bundle as a report's build makes it: of made-up figures, with a log of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.keys import KeyKind, SigningKey
from chimera_assets.audit.tlog.merkle import inclusion_proof
from chimera_assets.audit.tlog.proof import Proof
from chimera_assets.audit.tlog.signing import sign
from chimera_assets.reports.evidence.bundle import subjects_of, write_bundle
from chimera_assets.reports.evidence.canonical_json import canonical, digest
from chimera_assets.reports.evidence.checks import Outcome
from chimera_assets.reports.evidence.log_checks import Trust
from chimera_assets.reports.evidence.predicate import (
    ContractVersion,
    Figure,
    Logged,
    MadeBy,
    Predicate,
    Report,
    TableVersion,
    Timestamp,
)
from chimera_assets.reports.evidence.statement import entry_details
from tests.audit.tlog.trees import LOG, LOG_PQ, NOW, ORIGIN, WITNESS, hashes_of, root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from chimera_assets.reports.evidence.statement import Statement
    from chimera_assets.reports.evidence.verification import Verification

SIGNER = SigningKey("example.com/evidence", KeyKind.ED25519, b"s" * 32)
SIGNER_PQ = SigningKey("example.com/evidence", KeyKind.ML_DSA_44, b"t" * 32)
TRUST = Trust((SIGNER.verifier,), (LOG.verifier, LOG_PQ.verifier), (WITNESS.verifier,), quorum=1)

WEEK = Report(
    "usage-2026-W05",
    1,
    datetime(2026, 1, 26, tzinfo=UTC),
    datetime(2026, 2, 2, tzinfo=UTC),
    "Europe/Berlin",
    {"tenant": "acme", "sections": ["usage"], "budget": None, "limit": 2.5},
)
REPORT = {
    "title": "Usage of acme",
    "figures": {"requests": 1_200, "cost": "17.4200", "rate": 0.975},
    "tables": [{"rows": [["openai", 700], ["anthropic", 500]], "zone/~": "UTC"}],
}
FILES: dict[str, bytes] = {
    "report.json": canonical(REPORT),
    "report.pdf": b"%PDF-1.7 a made-up page",
    "tables/providers.csv": b"provider,requests\r\nopenai,700\r\nanthropic,500\r\n",
    "oscal.json": b"{}",
}
TOKEN = b"0\x03a made-up token"


def figures() -> tuple[Figure, ...]:
    table = TableVersion("marts/fact_generations", 41, 1_200)
    query = "SELECT count(*) FROM fact_generations"
    return (
        Figure("requests", "requests", query, "/figures", digest(REPORT["figures"]), (table,)),
        Figure("zone", "zone", query, "/tables/0/zone~1~0", digest("UTC"), ()),
    )


def logged(
    details: Mapping[str, Any],
    others: int = 9,
    written: Callable[[dict[str, Any]], bytes] = canonical,
) -> Logged:
    """The report's entry, the one before the last of a log that has it as it is written."""
    said = canonical({"after": details, "reason": None}).decode()
    salt = b"x" * 32
    entry = {
        "action": "report.build",
        "actor": {"kind": "person", "name": "alice", "origin": "a test", "stated_by": None},
        "commitment": sha256(salt + said.encode()).hexdigest(),
        "failure_of": None,
        "resource": "reports/usage-2026-W05",
        "run_id": None,
        "sequence": others,
        "time": "2026-02-02T01:00:00.000000Z",
    }
    leaf = written(entry)
    leaves = [b"%d" % number for number in range(others)] + [leaf, b"later"]
    note = sign(Checkpoint(ORIGIN, len(leaves), root_of(leaves)).text, [LOG, LOG_PQ, WITNESS], NOW)
    path = inclusion_proof(others, len(leaves), hashes_of(leaves))
    proof = Proof(others, tuple(path), note)
    return Logged.of(leaf.decode(), said, salt, proof)


def predicate(files: Mapping[str, bytes], report: Report = WEEK) -> Predicate:
    made_by = MadeBy(
        "0.4.0",
        {"generations": ContractVersion("1.2.0", sha256(b"contract").hexdigest())},
        {"typst": "0.15.0", "polars": "2.1.0"},
    )
    return Predicate(
        report,
        figures(),
        made_by,
        logged(entry_details(report, subjects_of(files))),
        (Timestamp("tsa.example", "timestamps/tsa.tsr", sha256(TOKEN).hexdigest()),),
    )


def bundle(
    folder: Path,
    files: Mapping[str, bytes] = FILES,
    report: Report = WEEK,
    **changes: Any,
) -> Statement:
    """Write a bundle; `changes` are of its predicate."""
    said = replace(predicate(files, report), **changes)
    content = {**files, "timestamps/tsa.tsr": TOKEN}
    return write_bundle(folder, content, said, [SIGNER_PQ, SIGNER])


def wrong(found: Verification) -> dict[str, str]:
    """The checks that are not satisfied, with why."""
    return {
        each.name: each.detail for each in found.checks if each.outcome is Outcome.NOT_SATISFIED
    }
