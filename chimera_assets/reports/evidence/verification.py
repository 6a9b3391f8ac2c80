"""Verifying a bundle, offline, with nothing but public keys.

    result = verify_bundle(path, Trust(signers=[key]))
    for check in result.checks: ...

Every problem is named, and what is sound is verified all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from chimera_assets.reports.evidence import dsse
from chimera_assets.reports.evidence.bundle import MANIFEST, REPORT
from chimera_assets.reports.evidence.bundle_files import bundle_files
from chimera_assets.reports.evidence.canonical_json import digest
from chimera_assets.reports.evidence.checks import Checks, Outcome
from chimera_assets.reports.evidence.dsse import Envelope, keyid
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.log_checks import check_log, check_timestamps
from chimera_assets.reports.evidence.statement import PAYLOAD_TYPE, Statement
from chimera_assets.reports.evidence.strict_json import at, loads

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.reports.evidence.bundle_files import BundleFiles
    from chimera_assets.reports.evidence.checks import Check
    from chimera_assets.reports.evidence.log_checks import Trust
    from chimera_assets.reports.evidence.predicate import Figure
    from chimera_assets.reports.evidence.statement import Subject
    from chimera_assets.reports.evidence.strict_json import Json

_BUNDLE, _ENVELOPE, _SIGNATURE, _STATEMENT = (
    "bundle",
    "manifest envelope",
    "manifest signature",
    "manifest statement",
)
_NO_MANIFEST = "there is no manifest that says what is to be there"


@dataclass(frozen=True, slots=True)
class Verification:
    """What the verification of a bundle found.

    Attributes:
        statement: What the manifest says; None if it cannot be read. Only what is `sound` can be
            believed.
        checks: Each check, in the order in which they were made.
    """

    statement: Statement | None
    checks: tuple[Check, ...]

    @property
    def sound(self) -> bool:
        """Whether a trusted key signed the manifest, and nothing that was evaluated is wrong."""
        signed = any(
            each.name == _SIGNATURE and each.outcome is Outcome.SATISFIED for each in self.checks
        )
        return signed and all(each.outcome is not Outcome.NOT_SATISFIED for each in self.checks)


def verify_bundle(path: Path, trust: Trust) -> Verification:
    """Verify a bundle.

    Args:
        path: Its folder, or a ZIP file of it.
        trust: Whose signatures count.
    """
    checks = Checks()
    try:
        with bundle_files(path) as files:
            statement = _verify(files, trust, checks)
    except EvidenceError as error:
        checks.fail(_BUNDLE, error)
        return Verification(None, tuple(checks.made))
    return Verification(statement, tuple(checks.made))


def _verify(files: BundleFiles, trust: Trust, checks: Checks) -> Statement | None:
    for problem in files.problems:
        checks.fail(_BUNDLE, problem)
    statement = _manifest(files, trust, checks)
    if statement is None:
        for name in ("files", "figures", "log", "timestamps"):
            checks.skip(name, _NO_MANIFEST)
        return None
    _check_files(files, statement, checks)
    _check_report(files, statement, checks)
    check_log(statement, trust, checks)
    check_timestamps(files, statement, trust, checks)
    return statement


def _manifest(files: BundleFiles, trust: Trust, checks: Checks) -> Statement | None:
    """What the manifest says, after what can be said of itself."""
    envelope = checks.check(_ENVELOPE, partial(_envelope, files), found="in its one form")
    if envelope is None:
        return None
    checks.check(
        _SIGNATURE,
        partial(dsse.verify, envelope, PAYLOAD_TYPE, trust.signers),
        found=lambda keys: f"by {', '.join(map(keyid, keys))}, which is trusted",
    )
    statement = checks.check(
        _STATEMENT,
        partial(Statement.parse, envelope.payload),
        found=lambda read: f"{read.predicate.report.id}, revision {read.predicate.report.revision}",
    )
    if statement is not None:
        signers = statement.predicate.signers
        checks.check(
            "manifest signers",
            partial(_check_signers, envelope, signers),
            found=f"signed by each key that it names, {len(signers)}",
        )
    return statement


def _envelope(files: BundleFiles) -> Envelope:
    """The manifest's envelope, in the one form that it has, so that no byte can be changed."""
    data = files.read(MANIFEST)
    envelope = Envelope.parse(data, MANIFEST)
    if envelope.encode() != data:
        expected = "canonical JSON, as it is written"
        raise EvidenceError(MANIFEST, expected=expected, found="another form of the same")
    return envelope


def _check_signers(envelope: Envelope, signers: tuple[VerifierKey, ...]) -> None:
    """Check that just the keys signed that the statement names: none was dropped or put in."""
    expected = [keyid(key) for key in signers]
    found = [one.keyid for one in envelope.signatures]
    if found != expected:
        where = f"{MANIFEST}#/signatures"
        raise EvidenceError(where, expected=", ".join(expected), found=", ".join(found))
    dsse.verify(envelope, PAYLOAD_TYPE, signers)


def _check_files(files: BundleFiles, statement: Statement, checks: Checks) -> None:
    for subject in statement.subjects:
        checks.check(
            f"file {subject.name}",
            partial(_check_file, files, subject),
            found=f"{subject.bytes:,} bytes, SHA-256 {subject.sha256}",
        )
    named = {MANIFEST, *(each.name for each in statement.subjects)}
    for name in sorted(files.sizes.keys() - named):
        expected = "only files that the manifest names"
        checks.fail(f"file {name}", EvidenceError(name, expected=expected, found="this one"))


def _check_file(files: BundleFiles, subject: Subject) -> None:
    size = files.sizes.get(subject.name)
    if size is None:
        raise EvidenceError(subject.name, expected="the file", found="none")
    if size != subject.bytes:
        expected = f"{subject.bytes:,} bytes"
        raise EvidenceError(subject.name, expected=expected, found=f"{size:,}")
    if (found := files.sha256(subject.name)) != subject.sha256:
        raise EvidenceError(subject.name, expected=f"SHA-256 {subject.sha256}", found=found)


def _check_report(files: BundleFiles, statement: Statement, checks: Checks) -> None:
    """Check that each figure's values are those that the manifest has the hash of."""
    read = checks.check(REPORT, partial(_read_report, files), found="strict JSON")
    for figure in statement.predicate.figures:
        name = f"figure {figure.name}"
        if read is None:
            checks.skip(name, f"{REPORT} cannot be read")
            continue
        tables = ", ".join(f"{one.table} version {one.version}" for one in figure.tables)
        found = f"{figure.metric}, from {tables or 'no table'}"
        checks.check(name, partial(_check_figure, read[0], figure), found=found)


def _read_report(files: BundleFiles) -> tuple[Json]:
    return (loads(files.read(REPORT), REPORT),)


def _check_figure(report: Json, figure: Figure) -> None:
    found = digest(at(report, figure.pointer, REPORT))
    if found != figure.sha256:
        where = f"{REPORT}#{figure.pointer}"
        raise EvidenceError(where, expected=f"values of SHA-256 {figure.sha256}", found=found)
