"""That a report was built is in the log, and its bundle proves it to whoever never saw the lake."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chimera_assets.access.principal import Kind, Principal
from chimera_assets.audit.catch_up import catch_up
from chimera_assets.audit.log import NewEntry
from chimera_assets.audit.proofs import Prover
from chimera_assets.audit.publishing import FOLDER
from chimera_assets.audit.reading import Wanted, whole_entries
from chimera_assets.audit.signing_keys import load_keys
from chimera_assets.lake.objects import Objects
from chimera_assets.reports.evidence.bundle import subjects_of
from chimera_assets.reports.evidence.checks import Outcome
from chimera_assets.reports.evidence.log_checks import Trust
from chimera_assets.reports.evidence.predicate import Logged
from chimera_assets.reports.evidence.statement import ACTION, entry_details
from chimera_assets.reports.evidence.verification import verify_bundle
from tests.reports import stranger
from tests.reports.evidence.bundles import FILES, SIGNER, WEEK, bundle, wrong

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.audit import AuditLog
    from chimera_assets.lake import Lake
    from chimera_assets.settings import Settings

ALICE = Principal(Kind.PERSON, "Ålice \u20ac", "chimera report build", "root")


@pytest.mark.parametrize("revision", [1, 2])
def test_a_bundle_proves_its_own_entry(
    log: AuditLog, lake: Lake, logins: Settings, tmp_path: Path, revision: int
) -> None:
    report = replace(WEEK, revision=revision)
    details = entry_details(report, subjects_of(FILES))
    with log.database.transaction() as session:
        said = [NewEntry("hold.add", f"hold-{n}", ALICE, reason="case 7") for n in range(5)]
        log.write_all(session, said)
    with log.change(ACTION, f"reports/{WEEK.id}", actor=ALICE, after=details, reason="weekly"):
        pass
    catch_up(log, lake, logins, ALICE)

    (whole,) = whole_entries(log.database, Wanted(action=ACTION))
    assert whole.details is not None
    assert whole.salt is not None
    proof = Prover(Objects(lake, FOLDER)).prove(whole.entry.sequence, whole.leaf.encode())
    made = Logged.of(whole.leaf, whole.details, whole.salt, proof)
    bundle(tmp_path / "week", report=report, logged=made)

    keys = load_keys(logins)
    assert keys is not None
    found = verify_bundle(tmp_path / "week", Trust((SIGNER.verifier,), keys.verifiers))
    assert (found.sound, wrong(found)) == (True, {})
    outcomes = {each.name: each.outcome for each in found.checks}
    assert outcomes["log checkpoint"] is Outcome.SATISFIED
    theirs = stranger.Verifier([str(SIGNER.verifier)], list(map(str, keys.verifiers)), [], 0)
    assert theirs.verify(tmp_path / "week")
    assert theirs.outcomes["log inclusion"] == stranger.SATISFIED

    # The same entry proves no other files.
    other = {**FILES, "report.pdf": b"%PDF-1.7 another page"}
    bundle(tmp_path / "other", other, report, logged=made)
    found = verify_bundle(tmp_path / "other", Trust((SIGNER.verifier,), keys.verifiers))
    assert set(wrong(found)) == {"log entry"}
    assert not theirs.verify(tmp_path / "other")
