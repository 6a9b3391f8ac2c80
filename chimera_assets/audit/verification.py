"""Whether the audit log is whole: entries, details, signatures, and what is beside the lake."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from chimera_assets.audit.findings import Check
from chimera_assets.audit.publishing import (
    CHECKPOINT,
    ENTRIES,
    PARTIAL,
    leaves,
    log_size,
    stored_checkpoint,
)
from chimera_assets.audit.tlog.bundles import WIDTH, decode_bundle
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.encoding import to_base64
from chimera_assets.audit.tlog.errors import TransparencyError
from chimera_assets.audit.tlog.growth import grown
from chimera_assets.audit.tlog.merkle import root
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.signing import verify
from chimera_assets.audit.tlog.tiles import TileHashes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.lake.objects import Objects
    from chimera_assets.postgres.platform.session import Session

_ORDER = """
    SELECT sequence, expected, back FROM (
        SELECT sequence, row_number() OVER in_order - 1 AS expected,
            at < lag(at) OVER in_order AS back
        FROM ONLY audit.entries WINDOW in_order AS (ORDER BY sequence)
    ) AS ordered
    WHERE sequence <> expected OR back
    ORDER BY sequence LIMIT 10
"""
_DETAILS = """
    SELECT count(*) AS entries, count(details.sequence) AS there,
        array_agg(entries.sequence ORDER BY entries.sequence) FILTER (
            WHERE sha256(salt || convert_to(details, 'UTF8')) <> commitment) AS others
    FROM ONLY audit.entries LEFT JOIN ONLY audit.details USING (sequence)
"""
_SURPLUS = """
    SELECT details.sequence FROM ONLY audit.details LEFT JOIN ONLY audit.entries USING (sequence)
    WHERE entries.sequence IS NULL ORDER BY 1 LIMIT 10
"""
_COUNT = "SELECT count(*) AS entries FROM ONLY audit.entries"
_KEYS_MADE = """
    SELECT sequence FROM ONLY audit.entries WHERE action = 'key.add' AND failure_of IS NULL
    ORDER BY sequence LIMIT 1
"""
_CHECKPOINTS = "SELECT size, root, note FROM ONLY audit.checkpoints ORDER BY size"
_SHOWN = 10
_BUNDLE = re.compile(rf"{re.escape(ENTRIES)}(x\d{{3}}/)*\d{{3}}({re.escape(PARTIAL)}/\d{{1,3}})?")


@dataclass(frozen=True, slots=True)
class Log:
    """The log's tree, as the entries in the database make it.

    Attributes:
        size: How many entries it has.
        hashes: The hash of each complete subtree.
        files: What of the files beside the lake is not as these entries make it.
        compared: How many of them were compared.
    """

    size: int
    hashes: TileHashes
    files: list[str]
    compared: int

    def differs(self, found: Checkpoint) -> str | None:
        """Why a checkpoint is not one of this log; None if it is."""
        if found.size > self.size:
            return f"expected at most {self.size:,} entries, found {found.size:,}: rolled back"
        own = root(found.size, self.hashes)
        if own != found.root:
            expected = f"root {to_base64(own)} of the first {found.size:,} entries"
            return f"expected {expected}, found {to_base64(found.root)}: edited or forked"
        return None


def read_log(session: Session, store: Objects) -> Log:
    """Make the log's tree of its entries, and compare with it what is beside the lake.

    Args:
        session: The platform's database.
        store: The folder beside the lake.
    """
    entries = leaves(session, 0, log_size(session))
    stored = min(_stored_size(store), size := _count(session))
    made: dict[str, bytes] = {}
    differ: list[str] = []
    for path, data in grown(0, islice(entries, stored), made.__getitem__):
        _keep(made, path, data)
        try:
            there = store.read(path)
        except FileNotFoundError:
            differ.append(f"{store.uri}/{path}: expected entries of this log, found no file")
            continue
        if there != data:
            differ.append(f"{store.uri}/{path}: {_difference(path, data, there)}")
    differ += [
        f"{store.uri}/{path}: expected at most {stored:,} entries, as the checkpoint says, found "
        "more: an older checkpoint was put there, or a process died before it put the newest"
        for path in store.sizes()
        if _reaches(path) > stored
    ]
    compared = len(made)
    for path, data in grown(stored, entries, made.__getitem__):
        _keep(made, path, data)
    return Log(size, TileHashes(size, made.__getitem__), differ, compared)


def _keep(made: dict[str, bytes], path: str, data: bytes) -> None:
    """Keep what the tree is made of; of the entries themselves only those that others may join."""
    made[path] = b"" if path.startswith(ENTRIES) and PARTIAL not in path else data


def _difference(path: str, expected: bytes, found: bytes) -> str:
    """What is another in a file than in the database: of entries, the first one."""
    if not path.startswith(ENTRIES):
        return "expected hashes of this log, found others"
    first = _first_entry(path)
    try:
        entries = [decode_bundle(one, _width(path), path) for one in (expected, found)]
    except TransparencyError as error:
        return str(error)
    for number, (ours, theirs) in enumerate(zip(*entries, strict=False), first):
        if ours != theirs:
            said = (one.decode("utf-8", "replace") for one in (theirs, ours))
            return "entry {:,}: what was signed is {}; in the database is {}".format(number, *said)
    return "expected as many entries as the log has, found another number"


def _first_entry(path: str) -> int:
    """The number of the first entry of a bundle."""
    digits = re.sub(r"\D", "", path.removeprefix(ENTRIES).partition(PARTIAL)[0])
    return int(digits or 0) * WIDTH


def _reaches(path: str) -> int:
    """How many entries the log has that a bundle is of; 0 for another file."""
    return _first_entry(path) + _width(path) if _BUNDLE.fullmatch(path) else 0


def _width(path: str) -> int:
    """How many entries a bundle has."""
    _, _, width = path.partition(f"{PARTIAL}/")
    return int(width or WIDTH)


def _count(session: Session) -> int:
    """How many entries there are, whatever their numbers."""
    row = session.execute(_COUNT).fetchone()
    return int(row["entries"]) if row is not None else 0


def _stored_size(store: Objects) -> int:
    """How many entries the log has as others see it; 0 if that cannot be read."""
    try:
        return Checkpoint.parse(Note.parse(stored_checkpoint(store) or b"").text).size
    except TransparencyError:
        return 0


def check_entries(session: Session) -> Check:
    """Whether entries are numbered without a gap, and their times never go back."""
    check = Check("entries", _count(session))
    for row in session.execute(_ORDER).fetchall():
        sequence, expected = row["sequence"], row["expected"]
        if row["back"]:
            check.problems.append(f"entry {sequence:,}: its time is before that of the last one")
        if sequence != expected:
            check.problems.append(f"expected entry {expected:,}, found {sequence:,}")
            break  # of all that follow the same is to be said
    return check


def check_details(session: Session) -> Check:
    """Whether what entries say is what they were made of."""
    row = session.execute(_DETAILS).fetchone() or {}
    check = Check("details", row["there"])
    if erased := row["entries"] - row["there"]:
        check.notes.append(f"{erased:,} erased")
    for sequence in (row["others"] or ())[:_SHOWN]:
        check.problems.append(f"entry {sequence:,}: expected what it was made of, found others")
    for surplus in session.execute(_SURPLUS).fetchall():
        check.problems.append(f"details {surplus['sequence']:,}: expected an entry, found none")
    return check


def check_checkpoints(session: Session, log: Log, keys: Collection[VerifierKey]) -> Check:
    """Whether every tree that was signed is the beginning of this log, and signed by its keys."""
    check = Check("checkpoints")
    for row in session.execute(_CHECKPOINTS).fetchall():
        where = f"checkpoint of {row['size']:,}"
        problem = signed_problem(row["note"].encode(), log, keys)
        kept = Checkpoint.parse(Note.parse(row["note"].encode()).text) if problem is None else None
        if kept is not None and (kept.size, kept.root) != (row["size"], row["root"]):
            problem = "expected the size and root of its note, found others"
        if problem is not None:
            check.problems.append(f"{where}: {problem}")
        check.checked = (check.checked or 0) + 1
    if not check.checked:
        # Keys are made by an entry, and sign it as soon as they are there.
        made = session.execute(_KEYS_MADE).fetchone()
        if made is None:
            return Check("checkpoints", None, notes=["nothing was signed yet"])
        check.problems.append(
            f"entry {made['sequence']:,} says that keys were made: expected what they signed, "
            "found no checkpoint"
        )
    return check


def check_files(session: Session, log: Log, store: Objects, keys: Collection[VerifierKey]) -> Check:
    """Whether what is beside the lake is of this log, and its checkpoint is the newest."""
    check = Check("files", log.compared)
    where = f"{store.uri}/{CHECKPOINT}"
    last = session.execute(f"{_CHECKPOINTS} DESC LIMIT 1").fetchone()
    data = stored_checkpoint(store)
    if data is None:
        if last is None and not log.files:
            return Check("files", None, notes=["nothing was put beside the lake yet"])
        check.problems.append(f"{where}: expected the newest checkpoint, found none")
    elif (problem := signed_problem(data, log, keys)) is not None:
        check.problems.append(f"{where}: {problem}")
    elif last is not None and (size := Checkpoint.parse(Note.parse(data).text).size) < last["size"]:
        expected = f"{last['size']:,} entries, as were signed last"
        check.problems.append(
            f"{where}: expected {expected}, found {size:,}: rolled back, or a process died before "
            "it could put the newest there, which `chimera audit publish` does then"
        )
    check.problems += log.files
    return check


def check_seen(log: Log, seen: Mapping[str, bytes], keys: Collection[VerifierKey]) -> Check:
    """Whether checkpoints that somebody kept elsewhere are of this log.

    Args:
        log: The log.
        seen: Where each is from -> the signed checkpoint.
        keys: The log's keys.
    """
    if not seen:
        return Check("seen", None, notes=["no checkpoint that was kept elsewhere was given"])
    check = Check("seen", len(seen))
    for where, data in seen.items():
        if (problem := signed_problem(data, log, keys)) is not None:
            check.problems.append(f"{where}: {problem}")
    return check


def signed_problem(data: bytes, log: Log, keys: Collection[VerifierKey]) -> str | None:
    """What is wrong with a signed checkpoint of the log; None if nothing is."""
    try:
        note = Note.parse(data)
        found = Checkpoint.parse(note.text)
        verify(note, keys)
    except TransparencyError as error:
        return str(error)
    return log.differs(found)
