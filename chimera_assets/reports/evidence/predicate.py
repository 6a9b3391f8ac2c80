"""What a manifest says of a report: its figures, what they were computed from, and by what.

The predicate of an in-toto statement, of a type of our own; docs/evidence-format.md has each name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.audit.tlog.proof import Proof
    from chimera_assets.reports.evidence.strict_json import Json

#: The type of our predicate.
PREDICATE_TYPE = "urn:chimera:evidence:report:v1"


@dataclass(frozen=True, slots=True)
class Report:
    """Which report it is.

    Attributes:
        id: Its name, the same for all its revisions.
        revision: From 1 on; a later one has what became known since.
        start: The period's first moment.
        end: The first moment after it.
        zone: The time zone in which the period was meant, by its IANA name.
        parameters: What else was asked for: tenant, filters, sections.
    """

    id: str
    revision: int
    start: datetime
    end: datetime
    zone: str = "UTC"
    parameters: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A table as a figure was computed from it.

    Attributes:
        table: `layer/name`.
        version: The Delta version.
        rows: The rows of that version.
    """

    table: str
    version: int
    rows: int


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, or a table of them.

    Attributes:
        name: Its name in the report.
        metric: What it measures, by the metric's name.
        query: The SQL that gave it.
        pointer: Where its values are in `report.json`, a JSON pointer.
        sha256: The SHA-256 of these values as canonical JSON.
        tables: What it was computed from.
    """

    name: str
    metric: str
    query: str
    pointer: str
    sha256: str
    tables: tuple[TableVersion, ...]


@dataclass(frozen=True, slots=True)
class ContractVersion:
    """A contract as it was in force: its version, and the SHA-256 of its file."""

    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class MadeBy:
    """By what the report was made.

    Attributes:
        code: The version of this software.
        contracts: The contracts by stream.
        libraries: Versions by name, of those that the bytes of the files depend on.
    """

    code: str
    contracts: Mapping[str, ContractVersion]
    libraries: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Logged:
    """The report's entry in the audit log, and what proves it.

    Attributes:
        entry: The entry, a leaf of the log, as text.
        details: What the entry has a commitment to, as text.
        salt: The commitment's salt.
        checkpoint: The signed checkpoint of a log that has the entry, as text.
        proof: That it has it: a tlog-proof with that checkpoint, as text.
    """

    entry: str
    details: str
    salt: bytes
    checkpoint: str
    proof: str

    @classmethod
    def of(cls, entry: str, details: str, salt: bytes, proof: Proof) -> Logged:
        """An entry with what it was made of and its proof, as the audit log gives them."""
        noted, bare = proof.checkpoint.encode(), replace(proof, extra=b"")
        return cls(entry, details, salt, noted.decode(), bare.encode().decode())


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A token that an authority made of the checkpoint (RFC 3161).

    Attributes:
        authority: Who made it.
        file: The token's file in the bundle.
        sha256: The SHA-256 of it: tokens can be altered and still verify.
    """

    authority: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Predicate:
    """All that a manifest says beyond the files.

    Attributes:
        report: Which report it is.
        figures: Its figures.
        made_by: By what it was made.
        logged: Its entry in the audit log; None if there is no log that is signed.
        timestamps: When the log's checkpoint was, by others.
        signers: The public keys of all that sign the manifest, in the order of their signatures.
    """

    report: Report
    figures: tuple[Figure, ...]
    made_by: MadeBy
    logged: Logged | None = None
    timestamps: tuple[Timestamp, ...] = ()
    signers: tuple[VerifierKey, ...] = ()
