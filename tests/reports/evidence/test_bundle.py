"""Bundles: written whole or not at all; what is wrong with one is named, the rest verified."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import struct
import zipfile
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.audit.tlog.keys import VerifierKey
from chimera_assets.errors import ArgumentError, ChimeraError
from chimera_assets.reports.evidence import bundle_files, containers
from chimera_assets.reports.evidence.bundle import subjects_of, write_bundle, zip_bundle
from chimera_assets.reports.evidence.canonical_json import canonical
from chimera_assets.reports.evidence.checks import Outcome
from chimera_assets.reports.evidence.dsse import keyid, sign
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.log_checks import Trust
from chimera_assets.reports.evidence.predicate import Timestamp
from chimera_assets.reports.evidence.statement import PAYLOAD_TYPE, Statement, entry_details
from chimera_assets.reports.evidence.verification import verify_bundle
from tests.audit.tlog.trees import LOG, STRANGER, WITNESS_TWO
from tests.reports.evidence.bundles import (
    FILES,
    SIGNER,
    SIGNER_PQ,
    TOKEN,
    TRUST,
    WEEK,
    bundle,
    figures,
    logged,
    predicate,
    wrong,
)

if TYPE_CHECKING:
    from chimera_assets.reports.evidence.verification import Verification


@pytest.fixture
def made(tmp_path: Path) -> Path:
    bundle(tmp_path / "reports/week")
    return tmp_path / "reports/week"


def outcomes(found: Verification) -> dict[str, Outcome]:
    return {each.name: each.outcome for each in found.checks}


def test_a_bundle_verifies_with_nothing_but_public_keys(made: Path) -> None:
    found = verify_bundle(made, TRUST)
    assert (found.sound, wrong(found)) == (True, {})
    unsaid = [name for name, outcome in outcomes(found).items() if outcome != Outcome.SATISFIED]
    assert unsaid == ["timestamp timestamps/tsa.tsr"]  # whose authority nobody asked
    details = {each.name: each.detail for each in found.checks}
    assert details["manifest signature"] == f"by {keyid(SIGNER.verifier)}, which is trusted"
    assert details["figure requests"] == "requests, from marts/fact_generations version 41"
    assert details["log inclusion"] == "in the log example.com/log of 11 entries"
    assert details["log checkpoint"] == "signed by example.com/log, example.com/log"
    assert found.statement is not None
    assert found.statement.predicate.report == WEEK
    assert found.statement.predicate.signers == tuple(
        sorted((SIGNER.verifier, SIGNER_PQ.verifier), key=keyid)
    )


def test_the_same_inputs_give_the_same_bytes_that_only_the_owner_reads(
    made: Path, tmp_path: Path
) -> None:
    said = verify_bundle(made, TRUST).statement
    assert said is not None
    bundle(tmp_path / "again", logged=said.predicate.logged)
    files = sorted(path for path in made.rglob("*") if path.is_file())
    assert len(files) == len(FILES) + 2
    for path in files:
        again = tmp_path / "again" / path.relative_to(made)
        # Signatures of ML-DSA are not the same twice.
        if path.name == "manifest.json":
            payloads = [json.loads(each.read_bytes())["payload"] for each in (path, again)]
            assert payloads[0] == payloads[1]
        else:
            assert path.read_bytes() == again.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert os.listdir(made.parent) == ["week"]  # noqa: PTH208


def test_the_manifest_is_an_in_toto_statement_of_every_file(made: Path) -> None:
    envelope = json.loads((made / "manifest.json").read_bytes())
    statement = json.loads(b64decode(envelope["payload"]))
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "urn:chimera:evidence:report:v1"
    content = {**FILES, "timestamps/tsa.tsr": TOKEN}
    assert {each["name"]: each["digest"]["sha256"] for each in statement["subject"]} == {
        name: sha256(data).hexdigest() for name, data in content.items()
    }
    assert statement["predicate"]["report"] == {
        "id": "usage-2026-W05",
        "revision": 1,
        "start": "2026-01-26T00:00:00Z",
        "end": "2026-02-02T00:00:00Z",
        "zone": "Europe/Berlin",
        "parameters": {"tenant": "acme", "sections": ["usage"], "budget": None, "limit": 2.5},
    }


def test_nothing_is_overwritten_and_nothing_half_written_is_left(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (made / "manifest.json").read_bytes()
    with pytest.raises(EvidenceError, match="no bundle is overwritten"):
        bundle(made)
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvidenceError, match="no bundle is overwritten"):
        bundle(tmp_path / "empty")
    assert (made / "manifest.json").read_bytes() == before

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        bundle(tmp_path / "reports/other")
    with pytest.raises(OSError, match="No space left"):
        zip_bundle(made, tmp_path / "reports/week.zip")
    assert os.listdir(made.parent) == ["week"]  # noqa: PTH208


def test_a_file_that_changes_while_it_is_written_makes_no_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "report.pdf"
    source.write_bytes(FILES["report.pdf"])
    content = {**FILES, "report.pdf": source}
    sync = os.fsync

    def grow(file: int) -> None:
        source.write_bytes(b"another page")
        sync(file)

    monkeypatch.setattr(os, "fsync", grow)
    with pytest.raises(EvidenceError, match=r"report.pdf: expected a file that stays"):
        write_bundle(tmp_path / "week", content, predicate(FILES), [SIGNER])
    assert os.listdir(tmp_path) == ["report.pdf"]  # noqa: PTH208


@pytest.mark.parametrize(
    "name",
    [
        "../x", "/x", "a//b", ".hidden", "a/./b", "", "x.", "con", "tables/NUL.txt", "ü.csv",
        "a\\b", "a b", "x\x00", "MANIFEST.json", "Report.JSON", "report.json/x", "a/b/c/d/e/f",
        "x" * 201, "C:x", "~/x", "Report.json/x", "REPORT.JSON/a", "Tables/PROVIDERS.csv/x",
        "TABLES",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_or_are_two_things_are_refused(name: str) -> None:
    with pytest.raises(EvidenceError):
        subjects_of({**FILES, name: b""})


def test_a_folder_named_as_a_file_but_for_case_is_found(made: Path, tmp_path: Path) -> None:
    zipped = _zipped(made, tmp_path / "week.zip", {"Report.json/x": b""})
    (made / "REPORT.JSON").mkdir()
    (made / "REPORT.JSON/a").write_bytes(b"")
    for path, name in ((made, "REPORT.JSON/a"), (zipped, "Report.json/x")):
        said = wrong(verify_bundle(path, TRUST))["bundle"]
        assert (
            said
            == f"{name}: expected one file, whatever the case of letters, found also report.json"
        )


def test_a_bundle_has_files_and_signers(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="1 to 999 files"):
        subjects_of({})
    with pytest.raises(ArgumentError, match="1 to 16 keys"):
        write_bundle(tmp_path / "week", FILES, predicate(FILES), [])
    assert not list(tmp_path.iterdir())


def test_each_thing_that_is_wrong_is_named_and_all_else_verified(made: Path) -> None:
    (made / "tables/providers.csv").write_bytes(b"provider,requests\r\nopenai,701\r\n")
    (made / "oscal.json").unlink()
    (made / "extra.txt").write_bytes(b"x")
    (made / "link.pdf").symlink_to(made / "report.pdf")
    (made / "REPORT.pdf").write_bytes(FILES["report.pdf"])
    os.mkfifo(made / "pipe")
    (made / "odd name").mkdir()
    found = verify_bundle(made, TRUST)
    assert not found.sound
    problems = [each for each in found.checks if each.outcome is Outcome.NOT_SATISFIED]
    assert sorted(each.name for each in problems) == [
        *["bundle"] * 4,
        "file REPORT.pdf",
        "file extra.txt",
        "file oscal.json",
        "file tables/providers.csv",
    ]
    said = " ".join(each.detail for each in problems)
    for expected in (
        "'link.pdf': expected a plain file, found a link",
        "'pipe': expected a plain file, found something else",
        "'odd name': expected a plain file, found a folder of an odd name",
        "found also REPORT.pdf",
        f"expected {len(FILES['tables/providers.csv'])} bytes, found 31",
        "oscal.json: expected the file, found none",
    ):
        assert expected in said
    good = {name for name, outcome in outcomes(found).items() if outcome == Outcome.SATISFIED}
    assert {"manifest signature", "file report.pdf", "figure requests", "log inclusion"} <= good


def test_files_swapped_with_each_other_or_another_bundle_are_found(
    made: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    bundle(other, {**FILES, "report.pdf": b"%PDF-1.7 another week"}, replace(WEEK, revision=2))
    assert verify_bundle(other, TRUST).sound
    shutil.copy(other / "report.pdf", made / "report.pdf")
    assert set(wrong(verify_bundle(made, TRUST))) == {"file report.pdf"}
    shutil.copy(other / "manifest.json", made / "manifest.json")
    assert verify_bundle(made, TRUST).sound  # it is the other bundle now
    pdf, csv = made / "report.pdf", made / "tables/providers.csv"
    pdf.rename(tmp_path / "x")
    csv.rename(pdf)
    (tmp_path / "x").rename(csv)
    assert set(wrong(verify_bundle(made, TRUST))) == {
        "file report.pdf",
        "file tables/providers.csv",
    }


def test_a_file_that_changes_while_it_is_read_is_named(made: Path) -> None:
    with bundle_files.bundle_files(made) as files:
        for data, said in ((FILES["report.pdf"] + b"x", "found more"), (b"%PDF", "found fewer")):
            (made / "report.pdf").write_bytes(data)
            with pytest.raises(EvidenceError, match=said):
                files.sha256("report.pdf")


def test_whose_signature_counts_is_for_the_verifier_to_say(made: Path) -> None:
    found = verify_bundle(made, Trust((STRANGER.verifier,)))
    assert not found.sound
    assert set(wrong(found)) == {"manifest signature"}
    assert outcomes(found)["log checkpoint"] is Outcome.NOT_EVALUATED
    assert verify_bundle(made, Trust((SIGNER_PQ.verifier,))).sound
    assert not verify_bundle(made, Trust(())).sound
    found = verify_bundle(made, replace(TRUST, logs=(STRANGER.verifier,)))
    assert "a trusted log (stranger.example)" in wrong(found)["log checkpoint"]
    found = verify_bundle(made, replace(TRUST, witnesses=(WITNESS_TWO.verifier,)))
    assert set(wrong(found)) == {"log witnesses"}
    found = verify_bundle(made, replace(TRUST, quorum=2))
    assert "expected signatures by 2 of the trusted witnesses" in wrong(found)["log witnesses"]
    imposter = VerifierKey(LOG.verifier.name, LOG.verifier.kind, STRANGER.verifier.public)
    found = verify_bundle(made, replace(TRUST, logs=(imposter,)))
    assert set(wrong(found)) == {"log checkpoint"}


def _signed_anew(folder: Path, payload: bytes, *, kind: str = PAYLOAD_TYPE) -> None:
    envelope = sign(kind, payload, [SIGNER, SIGNER_PQ])
    (folder / "manifest.json").write_bytes(envelope.encode())


def _payload(folder: Path) -> bytes:
    return b64decode(json.loads((folder / "manifest.json").read_bytes())["payload"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"in-toto.io/Statement/v1", b"in-toto.io/Statement/v2", "statement#/_type: expected"),
        (b"evidence:report:v1", b"evidence:report:v9", "statement#/predicateType: expected"),
        (b'"revision":1', b'"revision":1,"revision":2', "each name once"),
        (b'"revision":1', b'"revision":-1', "a whole number from 0 on"),
        (b'"revision":1', b'"revision":true', "a whole number from 0 on"),
        (b'"revision":1', b'"revision":0', "a whole number from 1 on, found 0"),
        (b'"zone":"Europe/Berlin"', b'"zone":"UTC","more":1', "besides more"),
        (b'"start":"2026-01-26T00:00:00Z"', b'"start":"2026-01-26"', "a time in ISO 8601"),
        (b'"start":"2026-01-26T00:00:00Z"', b'"start":"last week"', "a time in ISO 8601"),
        (b'"bytes":23', b'"bytes":2.5', "a whole number"),
        (b'"sha256":"', b'"sha256":"X', "64 small hexadecimal digits"),
        (b'"subject":[', b'"subject":[{"annotations":{"bytes":1},"digest":{"sha256":"' + b"a" * 64
         + b'"},"name":"z"},', "in the order of their names"),
        (b'"signers":["', b'"signers":["x', "verifier key"),
    ],
)  # fmt: skip
def test_a_statement_that_is_none_is_named_though_it_is_signed(
    made: Path, old: bytes, new: bytes, said: str
) -> None:
    payload = _payload(made)
    assert payload.count(old) >= 1
    _signed_anew(made, payload.replace(old, new, 1))
    found = verify_bundle(made, TRUST)
    assert not found.sound
    assert said in wrong(found)["manifest statement"]
    assert outcomes(found)["files"] is Outcome.NOT_EVALUATED


def test_a_manifest_is_refused_in_another_form_or_without_one_of_its_signatures(
    made: Path,
) -> None:
    manifest = made / "manifest.json"
    data = manifest.read_bytes()
    document = json.loads(data)
    manifest.write_bytes(json.dumps(document, indent=1).encode())
    assert "another form of the same" in wrong(verify_bundle(made, TRUST))["manifest envelope"]
    for kept in document["signatures"]:
        one = json.dumps({**document, "signatures": [kept]}, separators=(",", ":"))
        manifest.write_bytes(one.encode())
        assert "manifest signers" in wrong(verify_bundle(made, TRUST))
    manifest.write_bytes(data)
    _signed_anew(made, _payload(made) + b" ")
    assert "another form of the same" in wrong(verify_bundle(made, TRUST))["manifest statement"]
    _signed_anew(made, _payload(made)[:-1], kind="text/plain")
    assert "application/vnd.in-toto+json" in wrong(verify_bundle(made, TRUST))["manifest signature"]
    manifest.unlink()
    assert "manifest.json: expected the file" in str(wrong(verify_bundle(made, TRUST)))


def test_a_bundle_without_signed_log_says_so(tmp_path: Path) -> None:
    bundle(tmp_path / "week", logged=None)
    found = verify_bundle(tmp_path / "week", TRUST)
    assert found.sound
    assert outcomes(found)["log entry"] is Outcome.NOT_EVALUATED


def test_an_entry_of_another_report_or_in_no_log_is_found(tmp_path: Path) -> None:
    details = entry_details(WEEK, subjects_of(FILES))
    good = logged(details)
    other = logged(details, others=5)
    for number, (changed, check, said) in enumerate(
        [
            (logged({**details, "files": "0" * 64}), "log entry", "details#/after/files"),
            (logged({**details, "revision": 2}), "log entry", "details#/after/revision"),
            (logged({**details, "revision": True}), "log entry", "expected 1, found True"),
            (replace(good, salt=b"y" * 32), "log entry", "that of the details"),
            (replace(good, details=good.details + " "), "log entry", "that of the details"),
            (replace(good, entry=good.entry.replace("report.build", "x")), "log entry", "found x"),
            (replace(good, entry="[]"), "log entry", "an object, found a list"),
            (replace(good, proof=other.proof), "log inclusion", "checkpoint: expected that of"),
            (replace(other, entry=good.entry), "log inclusion", "index: expected 9, found 5"),
            (
                replace(good, entry=good.entry.replace("alice", "mallory")),
                "log inclusion",
                "inclusion proof, root",
            ),
            (replace(good, proof="x"), "log inclusion", "tlog-proof"),
        ]
    ):
        folder = tmp_path / f"week-{number}"
        bundle(folder, logged=changed)
        found = verify_bundle(folder, TRUST)
        assert said in wrong(found)[check], (number, wrong(found))
        assert outcomes(found)["file report.pdf"] is Outcome.SATISFIED


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"more": None}, "besides more"),
        ({"resource": "x" * 65_535}, "at most 65,535 bytes, found 65,"),
        ({"actor": "alice"}, "#/actor: expected an object"),
        ({"actor": {"kind": "person", "name": "alice", "origin": "x"}}, "lacking stated_by"),
        ({"actor": {"kind": "p", "name": "a", "origin": "x", "stated_by": None}}, "#/actor/kind"),
        ({"action": None}, "#/action: expected a text"),
        ({"resource": 1}, "#/resource: expected a text"),
        ({"run_id": True}, "#/run_id: expected a text"),
        ({"failure_of": False}, "#/failure_of: expected a whole number"),
        ({"sequence": True}, "#/sequence: expected a whole number"),
        ({"commitment": "A" * 64}, "#/commitment: expected 64 small"),
        ({"time": "2026-02-02T01:00:00Z"}, "#/time: expected a time in UTC, with six digits"),
        ({"time": "2026-13-02T01:00:00.000000Z"}, "#/time: expected a time in UTC"),
    ],
)
def test_an_entry_of_a_form_that_the_page_forbids_is_none_though_the_log_has_it(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    entry = logged(
        entry_details(WEEK, subjects_of(FILES)), written=lambda one: canonical({**one, **change})
    )
    bundle(tmp_path / "week", logged=entry)
    found = wrong(verify_bundle(tmp_path / "week", TRUST))
    assert set(found) == {"log entry"}
    assert said in found["log entry"]


@pytest.mark.parametrize("name", ["action", "actor", "failure_of", "run_id", "sequence", "time"])
def test_an_entry_has_all_its_names_and_is_canonical_json(tmp_path: Path, name: str) -> None:
    details = entry_details(WEEK, subjects_of(FILES))

    def without(entry: dict[str, Any]) -> bytes:
        return canonical({key: each for key, each in entry.items() if key != name})

    spaced = logged(details, written=lambda entry: json.dumps(entry, sort_keys=True).encode())
    for folder, entry, said in (
        ("without", logged(details, written=without), f"lacking {name}; besides no others"),
        ("spaced", spaced, "expected canonical JSON, found another form of the same"),
    ):
        bundle(tmp_path / folder, logged=entry)
        found = wrong(verify_bundle(tmp_path / folder, TRUST))
        assert set(found) == {"log entry"}
        assert said in found["log entry"]


def test_tokens_are_those_of_the_manifest_and_what_they_say_is_asked(tmp_path: Path) -> None:
    good = predicate(FILES).timestamps[0]
    asked = []

    def check(token: bytes, noted: bytes) -> str:
        asked.append((token, noted))
        return "tsa.example, 2026-02-02"

    def refuse(token: bytes, _: bytes) -> str:
        where = "timestamp"
        raise EvidenceError(where, expected="one of a trusted authority", found=token)

    bundle(tmp_path / "week")
    found = verify_bundle(tmp_path / "week", replace(TRUST, check_token=check))
    assert {each.detail for each in found.checks} >= {"tsa.example, 2026-02-02"}
    assert found.statement is not None
    noted = found.statement.predicate.logged
    assert noted is not None
    assert asked == [(TOKEN, noted.checkpoint.encode())]
    found = verify_bundle(tmp_path / "week", replace(TRUST, check_token=refuse))
    assert set(wrong(found)) == {"timestamp timestamps/tsa.tsr"}
    for name, timestamps, said in (
        ("hash", (replace(good, sha256="0" * 64),), "expected SHA-256 000"),
        ("gone", (replace(good, file="timestamps/x"),), "timestamps/x: expected the file"),
        ("other", (Timestamp("x", "report.pdf", "0" * 64), good), "a file of the folder"),
        ("twice", (replace(good, sha256="0" * 64), good), "expected SHA-256 000"),
        ("none", (), "none there but those of timestamps"),
    ):
        bundle(tmp_path / name, timestamps=timestamps)
        assert said in " ".join(wrong(verify_bundle(tmp_path / name, TRUST)).values())


def test_figures_are_the_values_that_the_report_has(tmp_path: Path) -> None:
    first, second = figures()
    for name, changed, said in (
        ("hash", replace(first, sha256="0" * 64), "report.json#/figures: expected values of"),
        ("gone", replace(first, pointer="/figure"), "report.json#/figure: expected a value"),
        ("none", replace(first, pointer="x/figures"), "expected a JSON pointer (RFC 6901)"),
    ):
        bundle(tmp_path / name, figures=(changed, second))
        found = verify_bundle(tmp_path / name, TRUST)
        assert said in wrong(found)["figure requests"]
        assert outcomes(found)["figure zone"] is Outcome.SATISFIED
    odd = {**FILES, "report.json": b'{"figures": 1, "figures": 2}'}
    bundle(tmp_path / "odd", odd)
    found = verify_bundle(tmp_path / "odd", TRUST)
    assert "each name once" in wrong(found)["report.json"]
    assert outcomes(found)["figure zone"] is Outcome.NOT_EVALUATED


def test_what_is_no_bundle_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"no bundle at all, but a text that is long enough")
    (tmp_path / "short").write_bytes(b"PK\x05\x06")
    (tmp_path / "cut").write_bytes(
        b"x" * 30 + b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 1, 1, 46, 9, 0)
    )
    (tmp_path / "empty").mkdir()
    for name in ("text", "short", "missing", "cut"):
        found = verify_bundle(tmp_path / name, TRUST)
        assert found.statement is None
        assert not found.sound
        assert str(tmp_path / name) in wrong(found)["bundle"]
    assert not verify_bundle(tmp_path / "empty", TRUST).sound


# ZIP files


def test_what_is_neither_folder_nor_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        for place in (tmp_path / "pipe", tmp_path / "s", Path("/dev/zero"), Path("/dev/null")):
            (check,) = verify_bundle(place, TRUST).checks
            assert "expected a bundle's folder or ZIP file" in check.detail


def test_a_zip_file_of_a_bundle_is_one(made: Path, tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        zip_bundle(made, tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert stat.S_IMODE((tmp_path / "one.zip").stat().st_mode) == 0o600
    found = verify_bundle(tmp_path / "one.zip", TRUST)
    assert (found.sound, wrong(found)) == (True, {})
    with pytest.raises(EvidenceError, match="no bundle is overwritten"):
        zip_bundle(made, tmp_path / "one.zip")
    # As others pack a folder: compressed, with the folder itself around it.
    packed = shutil.make_archive(str(tmp_path / "theirs"), "zip", made.parent, "week")
    assert verify_bundle(tmp_path / packed, TRUST).sound
    (made / "link").symlink_to("report.pdf")
    with pytest.raises(EvidenceError, match="found a link"):
        zip_bundle(made, tmp_path / "three.zip")


def _zipped(folder: Path, target: Path, more: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
        for name, data in (more or {}).items():
            archive.writestr(name, data)
    return target


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../x", "found one with other characters"),
        ("/etc/x", "found one with other characters"),
        ("REPORT.pdf", "found also REPORT.pdf"),
        ("report.pdf/x", "found also report.pdf"),
        ("nul", "the name of a device"),
        ("x" * 300, "too long or too deep"),
    ],
)
def test_odd_members_of_a_zip_file_are_named(
    made: Path, tmp_path: Path, name: str, said: str
) -> None:
    found = verify_bundle(_zipped(made, tmp_path / "x.zip", {name: b"x"}), TRUST)
    assert not found.sound
    assert said in wrong(found)["bundle"]
    assert outcomes(found)["file tables/providers.csv"] is Outcome.SATISFIED


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_file_with_two_files_of_a_name_links_or_secrets(made: Path, tmp_path: Path) -> None:
    found = verify_bundle(_zipped(made, tmp_path / "a.zip", {"report.pdf": b"x"}), TRUST)
    assert "two of that name" in wrong(found)["bundle"]
    for kind, said in ((stat.S_IFLNK, "a link"), (stat.S_IFIFO, "something else")):
        target = _zipped(made, tmp_path / f"{kind}.zip")
        with zipfile.ZipFile(target, "a") as archive:
            info = zipfile.ZipInfo("x")
            info.external_attr = kind << 16
            archive.writestr(info, "report.pdf")
        assert said in wrong(verify_bundle(target, TRUST))["bundle"]
    for number, method in enumerate((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)):
        target = _zipped(made, tmp_path / f"method-{number}.zip")
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr("x", b"x" * 100, compress_type=method)
        assert "packed in another way" in wrong(verify_bundle(target, TRUST))["bundle"]
    data = bytearray(_zipped(made, tmp_path / "secret.zip").read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    (tmp_path / "secret.zip").write_bytes(data)
    assert "encrypted" in wrong(verify_bundle(tmp_path / "secret.zip", TRUST))["bundle"]


def test_bombs_are_not_unpacked(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"f{number}": b"" for number in range(1_001)}
    found = verify_bundle(_zipped(made, tmp_path / "many.zip", many), TRUST)
    assert "a ZIP file of at most 1,000 files" in wrong(found)["bundle"]
    monkeypatch.setattr(containers, "MOST_FILES", 5)
    assert "at most 5 files" in wrong(verify_bundle(made, TRUST))["bundle"]
    monkeypatch.undo()

    target = tmp_path / "bomb.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.pdf", bytes(10_000_000))
    assert target.stat().st_size < 20_000
    monkeypatch.setattr(bundle_files, "MOST_BYTES", 5_000_000)
    assert "at most 5,000,000 bytes" in wrong(verify_bundle(target, TRUST))["bundle"]
    monkeypatch.undo()
    # One that says to be small: what it has is counted as it is read.
    data = target.read_bytes()
    size = struct.pack("<L", 10_000_000)
    assert data.count(size) == 2
    target.write_bytes(data.replace(size, struct.pack("<L", 9)))
    with bundle_files.bundle_files(target) as files, pytest.raises(ChimeraError) as caught:
        files.sha256("report.pdf")
    assert "report.pdf: expected" in str(caught.value)
    monkeypatch.setattr(bundle_files, "MOST_JSON_BYTES", 10)
    assert "at most 10 bytes" in wrong(verify_bundle(made, TRUST))["manifest envelope"]


def test_a_broken_zip_file_is_named_as_far_as_it_is_broken(made: Path, tmp_path: Path) -> None:
    data = _zipped(made, tmp_path / "x.zip").read_bytes()
    at = data.index(FILES["report.pdf"])
    (tmp_path / "x.zip").write_bytes(data[:at] + b"X" + data[at + 1 :])
    found = verify_bundle(tmp_path / "x.zip", TRUST)
    assert set(wrong(found)) == {"file report.pdf"}
    assert "a file that can be read, found Bad CRC-32" in wrong(found)["file report.pdf"]
    (tmp_path / "x.zip").write_bytes(data.replace(b"PK\x01\x02", b"PK\x01\x03", 1))
    assert "expected a ZIP file" in wrong(verify_bundle(tmp_path / "x.zip", TRUST))["bundle"]
    named = data.replace(b"oscal.json", b"osc\x00l.json")
    (tmp_path / "x.zip").write_bytes(named)
    assert "a name that ends twice" in wrong(verify_bundle(tmp_path / "x.zip", TRUST))["bundle"]


def test_a_zip_file_with_a_larger_directory_is_refused(made: Path, tmp_path: Path) -> None:
    data = _zipped(made, tmp_path / "x.zip").read_bytes()
    at = data.rindex(b"PK\x05\x06")
    mark = b"PK\x06\x07" + bytes(16)
    (tmp_path / "x.zip").write_bytes(data[:at] + mark + data[at:])
    assert "a ZIP file of at most" in wrong(verify_bundle(tmp_path / "x.zip", TRUST))["bundle"]


def test_a_statement_is_read_as_it_was_written() -> None:
    statement = Statement(subjects_of(FILES), replace(predicate(FILES), signers=(LOG.verifier,)))
    assert Statement.parse(statement.encode()) == statement
