"""A predicate as JSON, and read from it; each name has to be there and no other."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from chimera_assets.audit.tlog.keys import VerifierKey
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.json_parts import (
    count_of,
    hash_of,
    list_of,
    mapping_of,
    object_of,
    text_of,
)
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


def as_json(predicate: Predicate) -> dict[str, Any]:
    """The predicate as a document."""
    logged = predicate.logged
    return {
        "report": asdict(predicate.report),
        "figures": [asdict(figure) for figure in predicate.figures],
        "made_by": asdict(predicate.made_by),
        "signers": [str(key) for key in predicate.signers],
        "logged": {**asdict(logged), "salt": logged.salt.hex()} if logged is not None else None,
        "timestamps": [asdict(each) for each in predicate.timestamps],
    }


def read_predicate(value: object, where: str) -> Predicate:
    """The predicate that a document says.

    Raises:
        EvidenceError: It is none.
        MalformedError: A signer is no public key.
    """
    names = {"report", "figures", "made_by", "signers", "logged", "timestamps"}
    found = object_of(value, where, names)
    logged = found["logged"]
    return Predicate(
        report=_report(found["report"], f"{where}/report"),
        figures=tuple(
            _figure(each, place) for each, place in _each(found["figures"], f"{where}/figures")
        ),
        made_by=_made_by(found["made_by"], f"{where}/made_by"),
        signers=tuple(
            VerifierKey.parse(text_of(each, place))
            for each, place in _each(found["signers"], f"{where}/signers")
        ),
        logged=_logged(logged, f"{where}/logged") if logged is not None else None,
        timestamps=tuple(
            _timestamp(each, place)
            for each, place in _each(found["timestamps"], f"{where}/timestamps")
        ),
    )


def _each(value: object, where: str) -> list[tuple[Any, str]]:
    """The members of a list, each with its place."""
    return [(each, f"{where}/{number}") for number, each in enumerate(list_of(value, where))]


def _report(value: object, where: str) -> Report:
    found = object_of(value, where, {"id", "revision", "start", "end", "zone", "parameters"})
    return Report(
        text_of(found["id"], f"{where}/id"),
        _revision(found["revision"], f"{where}/revision"),
        _moment(found["start"], f"{where}/start"),
        _moment(found["end"], f"{where}/end"),
        text_of(found["zone"], f"{where}/zone"),
        mapping_of(found["parameters"], f"{where}/parameters"),
    )


def _revision(value: object, where: str) -> int:
    if (number := count_of(value, where)) == 0:
        raise EvidenceError(where, expected="a whole number from 1 on", found=number)
    return number


def _figure(value: object, where: str) -> Figure:
    names = {"name", "metric", "query", "pointer", "sha256", "tables"}
    found = object_of(value, where, names)
    return Figure(
        text_of(found["name"], f"{where}/name"),
        text_of(found["metric"], f"{where}/metric"),
        text_of(found["query"], f"{where}/query"),
        text_of(found["pointer"], f"{where}/pointer"),
        hash_of(found["sha256"], f"{where}/sha256"),
        tuple(_table(each, place) for each, place in _each(found["tables"], f"{where}/tables")),
    )


def _table(value: object, where: str) -> TableVersion:
    found = object_of(value, where, {"table", "version", "rows"})
    return TableVersion(
        text_of(found["table"], f"{where}/table"),
        count_of(found["version"], f"{where}/version"),
        count_of(found["rows"], f"{where}/rows"),
    )


def _made_by(value: object, where: str) -> MadeBy:
    found = object_of(value, where, {"code", "contracts", "libraries"})
    contracts = mapping_of(found["contracts"], f"{where}/contracts")
    libraries = mapping_of(found["libraries"], f"{where}/libraries")
    return MadeBy(
        text_of(found["code"], f"{where}/code"),
        {name: _contract(each, f"{where}/contracts/{name}") for name, each in contracts.items()},
        {name: text_of(each, f"{where}/libraries/{name}") for name, each in libraries.items()},
    )


def _contract(value: object, where: str) -> ContractVersion:
    found = object_of(value, where, {"version", "sha256"})
    version = text_of(found["version"], f"{where}/version")
    return ContractVersion(version, hash_of(found["sha256"], f"{where}/sha256"))


def _logged(value: object, where: str) -> Logged:
    found = object_of(value, where, {"entry", "details", "salt", "checkpoint", "proof"})
    texts = {name: text_of(found[name], f"{where}/{name}") for name in found.keys() - {"salt"}}
    return Logged(salt=bytes.fromhex(hash_of(found["salt"], f"{where}/salt")), **texts)


def _timestamp(value: object, where: str) -> Timestamp:
    found = object_of(value, where, {"authority", "file", "sha256"})
    return Timestamp(
        text_of(found["authority"], f"{where}/authority"),
        text_of(found["file"], f"{where}/file"),
        hash_of(found["sha256"], f"{where}/sha256"),
    )


def _moment(value: object, where: str) -> datetime:
    text = text_of(value, where)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not text.endswith("Z"):
        raise EvidenceError(where, expected="a time in ISO 8601, UTC, with Z", found=repr(text))
    return moment.astimezone(UTC)
