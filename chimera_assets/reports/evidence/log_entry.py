"""An entry of the audit log as a bundle has it, in the one form that the log writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from chimera_assets.access.principal import Kind
from chimera_assets.reports.evidence.canonical_json import canonical
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.json_parts import count_of, hash_of, object_of, text_of
from chimera_assets.reports.evidence.strict_json import loads

#: An entry has no more bytes: before it in the log's files stands its length, in two.
MOST_ENTRY_BYTES = 65_535

_WHERE = "log entry"
_NAMES = frozenset(
    {"action", "actor", "commitment", "failure_of", "resource", "run_id", "sequence", "time"}
)
_ACTOR = frozenset({"kind", "name", "origin", "stated_by"})
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What of an entry tells which one it is.

    Attributes:
        action: What was done.
        commitment: The SHA-256 of salt and details, in hexadecimal.
        sequence: Its number in the log, from 0.
    """

    action: str
    commitment: str
    sequence: int


def read_entry(text: str) -> LogEntry:
    """Read an entry.

    Raises:
        EvidenceError: It is longer than any, lacks a name or has another, has a value of another
            kind, or is no canonical JSON.
    """
    data = text.encode()
    if len(data) > MOST_ENTRY_BYTES:
        expected = f"at most {MOST_ENTRY_BYTES:,} bytes"
        raise EvidenceError(_WHERE, expected=expected, found=f"{len(data):,}")
    found = object_of(loads(data, _WHERE), f"{_WHERE}#", _NAMES)
    _check_actor(found["actor"], f"{_WHERE}#/actor")
    text_of(found["resource"], f"{_WHERE}#/resource")
    _check_time(found["time"], f"{_WHERE}#/time")
    if found["run_id"] is not None:
        text_of(found["run_id"], f"{_WHERE}#/run_id")
    if found["failure_of"] is not None:
        count_of(found["failure_of"], f"{_WHERE}#/failure_of")
    entry = LogEntry(
        text_of(found["action"], f"{_WHERE}#/action"),
        hash_of(found["commitment"], f"{_WHERE}#/commitment"),
        count_of(found["sequence"], f"{_WHERE}#/sequence"),
    )
    if canonical(found, _WHERE) != data:
        raise EvidenceError(_WHERE, expected="canonical JSON", found="another form of the same")
    return entry


def _check_actor(value: object, where: str) -> None:
    found = object_of(value, where, _ACTOR)
    for name in ("kind", "name", "origin"):
        text_of(found[name], f"{where}/{name}")
    if found["stated_by"] is not None:
        text_of(found["stated_by"], f"{where}/stated_by")
    if found["kind"] not in set(Kind):
        place, expected = f"{where}/kind", f"one of {', '.join(Kind)}"
        raise EvidenceError(place, expected=expected, found=repr(found["kind"]))


def _check_time(value: object, where: str) -> None:
    text = text_of(value, where)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or _TIME.fullmatch(text) is None:
        expected = "a time in UTC, with six digits of the second"
        raise EvidenceError(where, expected=expected, found=repr(text))
