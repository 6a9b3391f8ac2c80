"""The manifest's payload: an in-toto statement on every file of a bundle (in-toto.io/Statement/v1).

statement = Statement(subjects, predicate)
envelope = sign(PAYLOAD_TYPE, statement.encode(), keys)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.reports.evidence.canonical_json import canonical, digest
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.json_parts import (
    count_of,
    hash_of,
    list_of,
    object_of,
    text_of,
)
from chimera_assets.reports.evidence.predicate import PREDICATE_TYPE
from chimera_assets.reports.evidence.predicate_json import as_json, read_predicate
from chimera_assets.reports.evidence.strict_json import loads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chimera_assets.reports.evidence.predicate import Predicate, Report

#: What the envelope says that its payload is.
PAYLOAD_TYPE = "application/vnd.in-toto+json"

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"

#: The folder of what is made after the report's entry in the audit log, which cannot speak of it.
AFTER_THE_ENTRY = "timestamps/"

#: The action of that entry.
ACTION = "report.build"

_WHERE = "statement"


@dataclass(frozen=True, slots=True)
class Subject:
    """A file of the bundle.

    Attributes:
        name: Its path in the bundle.
        sha256: Its SHA-256, in hexadecimal.
        bytes: Its length.
    """

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Every file of a bundle but the manifest, by name, and what is said of the report."""

    subjects: tuple[Subject, ...]
    predicate: Predicate

    def encode(self) -> bytes:
        """The statement as it is signed: canonical JSON."""
        document = {
            "_type": STATEMENT_TYPE,
            "subject": [
                {
                    "name": each.name,
                    "digest": {"sha256": each.sha256},
                    "annotations": {"bytes": each.bytes},
                }
                for each in self.subjects
            ],
            "predicateType": PREDICATE_TYPE,
            "predicate": as_json(self.predicate),
        }
        return canonical(document, _WHERE)

    @classmethod
    def parse(cls, payload: bytes) -> Statement:
        """Read a payload.

        Raises:
            EvidenceError: It is no statement, of another predicate, or names no file or one twice.
            MalformedError: A signer is no public key.
        """
        found = object_of(
            loads(payload, _WHERE), f"{_WHERE}#", {"_type", "subject", "predicateType", "predicate"}
        )
        for name, expected in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
            if found[name] != expected:
                where = f"{_WHERE}#/{name}"
                raise EvidenceError(where, expected=expected, found=repr(found[name]))
        place = f"{_WHERE}#/subject"
        subjects = [
            _subject(each, f"{place}/{number}")
            for number, each in enumerate(list_of(found["subject"], place))
        ]
        names = [each.name for each in subjects]
        if not names or names != sorted(set(names)):
            expected = "one or more files, each once, in the order of their names"
            raise EvidenceError(place, expected=expected, found=", ".join(names) or "none")
        statement = cls(tuple(subjects), read_predicate(found["predicate"], f"{_WHERE}#/predicate"))
        if statement.encode() != payload:
            raise EvidenceError(_WHERE, expected="canonical JSON", found="another form of the same")
        return statement


def entry_details(report: Report, subjects: Iterable[Subject]) -> dict[str, Any]:
    """What the report's entry in the audit log says of it (`after`), to be found in its bundle.

    Its `files` is the SHA-256 of the canonical JSON of an object that has the SHA-256 of each file
    by its name, without those in the folder `timestamps`.
    """
    hashes = {
        each.name: each.sha256 for each in subjects if not each.name.startswith(AFTER_THE_ENTRY)
    }
    return {"report": report.id, "revision": report.revision, "files": digest(hashes)}


def _subject(value: object, where: str) -> Subject:
    found = object_of(value, where, {"name", "digest", "annotations"})
    hashes = object_of(found["digest"], f"{where}/digest", {"sha256"})
    noted = object_of(found["annotations"], f"{where}/annotations", {"bytes"})
    return Subject(
        text_of(found["name"], f"{where}/name"),
        hash_of(hashes["sha256"], f"{where}/digest/sha256"),
        count_of(noted["bytes"], f"{where}/annotations/bytes"),
    )
