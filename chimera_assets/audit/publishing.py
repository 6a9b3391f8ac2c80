"""Puts the log where others can watch it: its tiles, its entries and a signed checkpoint.

Below `<lake>/audit/`, as c2sp.org/tlog-tiles has it. A checkpoint is kept in the database before it
is put there, so that the log knows what it has said of itself, whatever becomes of the files.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.checking import check_hash
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.errors import TransparencyError
from chimera_assets.audit.tlog.growth import grown
from chimera_assets.audit.tlog.merkle import leaf_hash, root
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.signing import sign
from chimera_assets.audit.tlog.tiles import TileHashes
from chimera_assets.audit.tlog.tree import Tree
from chimera_assets.errors import ChimeraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.audit.signing_keys import SigningKeys
    from chimera_assets.lake.objects import Objects
    from chimera_assets.postgres.platform.database import PlatformDatabase
    from chimera_assets.postgres.platform.session import Session

#: The folder of the lake, and the file of the newest checkpoint in it.
FOLDER, CHECKPOINT = "audit", "checkpoint"

#: One process at a time; the others find it done.
_TURN = "SELECT pg_advisory_xact_lock(4811209)"
_LAST = "SELECT note FROM ONLY audit.checkpoints ORDER BY size DESC LIMIT 1"
_SIZE = "SELECT coalesce(max(sequence) + 1, 0) AS size FROM ONLY audit.entries"
_LEAVES = """
    SELECT audit.leaf(entries) AS leaf FROM ONLY audit.entries
    WHERE sequence >= %s AND sequence < %s ORDER BY sequence
"""
_KEEP = "SELECT audit.keep_checkpoint(%s, %s, %s)"
#: Entries that are in memory at once.
_AT_ONCE = 2_000
#: Paths with entries; what parts the path of a tile or bundle that is not full yet.
ENTRIES, PARTIAL = "tile/entries/", ".p"


class NotPublished(ChimeraError):  # noqa: N818
    """What is beside the lake is not what this log has put there.

    Args:
        where: The folder.
        problem: What was expected and found.
    """

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(
            f"{where}: {problem}; `chimera audit verify` says what of the log is sound, and "
            "`chimera audit publish --again` writes these files anew if all of it is"
        )


@dataclass(frozen=True, slots=True)
class Published:
    """A tree of the log that was signed.

    Attributes:
        checkpoint: Its size and root.
        note: The signed checkpoint.
        filled: Tiles and bundles that have become full; what they were before is still there.
    """

    checkpoint: Checkpoint
    note: Note
    filled: tuple[str, ...] = ()


def publish(
    database: PlatformDatabase,
    store: Objects,
    keys: SigningKeys,
    *,
    seen: Checkpoint | None = None,
    again: bool = False,
) -> Published | None:
    """Sign the log as it is, and put what is new of it beside the lake, but for the checkpoint.

    Args:
        database: The platform's database, where the log is.
        store: The folder beside the lake.
        keys: What signs.
        seen: A checkpoint that these keys have signed, and that the log has to continue.
        again: Put everything there, not only what is new.

    Returns:
        The log as it was signed last; None while it has no entries.

    Raises:
        NotPublished: The files there are not those of the last checkpoint; nothing was signed.
        DatabaseError: The platform's database cannot be reached or refuses.
        LakeError: The storage refuses.
        StorageUnavailable: The storage cannot be reached.
    """
    with database.transaction() as session:
        session.execute(_TURN)
        last, size = last_published(session), log_size(session)
        if size == 0:
            return None
        require_same_log(last, keys, store)
        if seen is not None and seen.origin == keys.origin:
            _require_continued(session, store, last, seen, again=again)
        signed = last is not None and last.checkpoint.size == size
        if signed and not again:
            return last
        top, filled = _grow(session, store, last, size, again=again)
        if last is not None and signed:
            return replace(last, filled=filled)
        checkpoint = Checkpoint(keys.origin, size, top)
        note = sign(checkpoint.text, keys.keys, int(time.time()))
        session.execute(_KEEP, (size, top, note.encode().decode()))
    return Published(checkpoint, note, filled)


def last_published(session: Session) -> Published | None:
    """The newest tree of the log that was signed, as the database has it."""
    row = session.execute(_LAST).fetchone()
    if row is None:
        return None
    note = Note.parse(row["note"].encode())
    return Published(Checkpoint.parse(note.text), note)


def log_size(session: Session) -> int:
    """How many entries the log has."""
    row = session.execute(_SIZE).fetchone()
    return int(row["size"]) if row is not None else 0


def leaves(session: Session, start: int, end: int) -> Iterator[bytes]:
    """The leaves of entries, in their order: each entry as canonical JSON.

    Args:
        session: The platform's database.
        start: The first entry's sequence.
        end: One more than the last one's.
    """
    for at in range(start, end, _AT_ONCE):
        rows = session.execute(_LEAVES, (at, min(at + _AT_ONCE, end))).fetchall()
        yield from (row["leaf"].encode() for row in rows)


def put_checkpoint(store: Objects, published: Published, note: bytes) -> None:
    """Let others see the signed checkpoint, after everything that it speaks of.

    Args:
        store: The folder beside the lake.
        published: The log as it was signed.
        note: The signed checkpoint, with what others have signed.
    """
    if stored_checkpoint(store) != note:
        store.put(CHECKPOINT, note)
    # Whoever still asks for a part of one finds the whole (tlog-tiles, "Partial Tiles").
    for path in published.filled:
        store.remove_folder(f"{path}{PARTIAL}")


def stored_checkpoint(store: Objects) -> bytes | None:
    """The checkpoint that others see, if there is one."""
    try:
        return store.read(CHECKPOINT)
    except FileNotFoundError:
        return None


def require_same_log(last: Published | None, keys: SigningKeys, store: Objects) -> None:
    """Refuse to go on where keys or files are those of another log, or of a longer one.

    Raises:
        NotPublished: They are.
    """
    if last is not None and last.checkpoint.origin != keys.origin:
        problem = f"expected keys of {last.checkpoint.origin}, found those of {keys.origin}"
        raise NotPublished("CHIMERA_SIGNING_KEY", problem)
    data = stored_checkpoint(store)
    if data is None:
        return
    where = f"{store.uri}/{CHECKPOINT}"
    try:
        found = Checkpoint.parse(Note.parse(data).text)
    except TransparencyError as error:
        raise NotPublished(where, str(error)) from None
    if found.origin != keys.origin:
        problem = f"expected the checkpoint of {keys.origin}, found that of {found.origin}"
        raise NotPublished(where, problem)
    known = last.checkpoint.size if last is not None else 0
    if found.size > known:
        problem = (
            f"expected at most {known:,} entries, as the database has signed, found "
            f"{found.size:,}: the database was rolled back"
        )
        raise NotPublished(where, problem)


def _grow(
    session: Session, store: Objects, last: Published | None, size: int, *, again: bool
) -> tuple[bytes, tuple[str, ...]]:
    """Put what the tree of so many entries has and the last one had not.

    Returns:
        The tree's root, and what has become full.
    """
    made: dict[str, bytes] = {}
    filled: list[str] = []

    def read(path: str) -> bytes:
        return made[path] if path in made else store.read(path)

    start = 0
    try:
        if last is not None and not again:
            start = last.checkpoint.size
            TileHashes(start, read).authenticate(last.checkpoint.root)
        elif last is not None:
            _require_root(session, last.checkpoint)
        for path, data in grown(start, leaves(session, start, size), read):
            store.put(path, data)
            if not path.startswith(ENTRIES):
                made[path] = data
            if PARTIAL not in path:
                filled.append(path)
        return root(size, TileHashes(size, read)), tuple(filled)
    except (FileNotFoundError, TransparencyError) as error:
        gone = isinstance(error, FileNotFoundError)
        problem = f"a file is gone: {error}" if gone else str(error)
        raise NotPublished(store.uri, problem) from None


def _require_continued(
    session: Session, store: Objects, last: Published | None, seen: Checkpoint, *, again: bool
) -> None:
    """Refuse a log that does not continue what was signed here.

    Raises:
        NotPublished: It does not: database and files were rolled back, or are others'.
    """
    signed = last.checkpoint.size if last is not None else 0
    if signed < seen.size:
        problem = (
            f"expected {seen.size:,} signed entries, as this machine signed, found {signed:,}: the "
            "database was rolled back"
        )
        raise NotPublished("audit.checkpoints", problem)
    try:
        if last is not None and signed == seen.size:
            check_hash(last.checkpoint.root, seen.root, f"root of the {signed:,} signed entries")
        elif again:
            _require_root(session, seen)
        else:
            found = root(seen.size, TileHashes(signed, store.read))
            check_hash(found, seen.root, f"root of the first {seen.size:,} entries")
    except (FileNotFoundError, TransparencyError) as error:
        raise NotPublished(store.uri, f"not what this machine signed: {error}") from None


def _require_root(session: Session, signed: Checkpoint) -> None:
    """Make sure that the entries in the database are those that were signed.

    Raises:
        BadProofError: They are not.
    """
    tree = Tree()
    tree.extend(map(leaf_hash, leaves(session, 0, signed.size)))
    check_hash(tree.root(), signed.root, f"audit.entries, root of the first {signed.size:,}")
