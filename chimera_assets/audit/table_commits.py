"""What one commit did to a table, as the audit log says it: read off the table's own log.

A commit carries in its own metadata by which run it was made, with which code and for what, so that
nothing is lost if the process dies before the entry is written: whoever comes next writes it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chimera_assets.audit.details import clean
from chimera_assets.lake.commit import BATCH, CODE, COMMIT_ID, CONTRACT, HOURS, RUN, WRITE
from chimera_assets.lake.log_entries import actions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The most characters of a run's id, which others may write as they like.
_RUN_ID = 100

#: What a commit says of itself -> how the entry names it.
_SAID = {
    WRITE: "write",
    HOURS: "hours",
    BATCH: "batch",
    CONTRACT: "contract",
    CODE: "code",
    COMMIT_ID: "commit",
    "chimera.restored": "restored",
}


@dataclass(frozen=True, slots=True)
class TableCommit:
    """One version of a table.

    Attributes:
        resource: The table, `raw/generations`.
        table_id: The id that the table got when it was made.
        version: The version.
        entry: The log's entry, as it is stored.
        contents: What the entry says of the bytes of its data files.
    """

    resource: str
    table_id: str
    version: int
    entry: bytes
    contents: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> bytes:
        """The SHA-256 of the log's entry."""
        return hashlib.sha256(self.entry).digest()

    def described(self) -> Described:
        """What it did; of an entry that cannot be read, that."""
        try:
            return Described.of(self, actions_of(self.entry))
        except (ValueError, TypeError, AttributeError, KeyError):
            said = {"version": self.version, "table": self.table_id, "unreadable": True}
            return Described(None, None, said | {"entry": self.sha256.hex()})


@dataclass(frozen=True, slots=True)
class Described:
    """What an entry says of a commit.

    Attributes:
        run_id: The run that made it; None if it does not say.
        made_by: The program that made it, if that was not ours.
        details: Version, rows, hours and so on; no values of rows.
    """

    run_id: str | None
    made_by: str | None
    details: dict[str, Any]

    @classmethod
    def of(cls, commit: TableCommit, actions: Sequence[Mapping[str, Any]]) -> Described:
        """Describe a commit by the actions of its entry."""
        info: Mapping[str, Any] = next(
            (one["commitInfo"] for one in actions if "commitInfo" in one), {}
        )
        added = [one["add"] for one in actions if "add" in one]
        stats = [json.loads(add.get("stats") or "{}") for add in added]
        removed = sum("remove" in one for one in actions)
        details: dict[str, Any] = {
            "version": commit.version,
            "table": commit.table_id,
            "entry": commit.sha256.hex(),
            "committed": _moment(info.get("timestamp")),
            "rows": sum(each.get("numRecords", 0) for each in stats),
            "files": len(added),
            "files_removed": removed,
            "bytes": sum(add["size"] for add in added),
        }
        details |= {name: info[key] for key, name in _SAID.items() if key in info}
        details |= commit.contents
        if (columns := _columns(actions)) is not None:
            details["columns"] = columns
        ours = WRITE in info
        if not ours:
            details["operation"] = info.get("operation")
        engine = info.get("engineInfo") or info.get("clientVersion") or "unknown"
        run_id = clean(str(info[RUN]), _RUN_ID) if RUN in info else None
        return cls(run_id, None if ours else str(engine), details)


def _moment(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def _columns(actions: Sequence[Mapping[str, Any]]) -> list[str] | None:
    """The table's columns and types, of a commit that says what they are from now on."""
    changed = [one["metaData"] for one in actions if "metaData" in one]
    if not changed:
        return None
    fields = json.loads(changed[-1]["schemaString"])["fields"]
    return [f"{field['name']} {_type(field['type'])}" for field in fields]


def _type(given: Any) -> str:  # noqa: ANN401 - JSON
    return given if isinstance(given, str) else str(given["type"])
