"""What data files hold, byte by byte: recorded with the commit that added them, compared later.

A table's log has the size of a file and not what is in it, and whoever replaces a file can make its
pages' checksums fit. The entry of a commit is in the signed log.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import rfc8785

from chimera_assets.audit.findings import Check
from chimera_assets.audit.publishing import FOLDER
from chimera_assets.errors import ChimeraError, counted
from chimera_assets.lake.data_files import files
from chimera_assets.lake.log_entries import actions_of
from chimera_assets.lake.objects import Objects
from chimera_assets.lake.storage import is_s3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.lake import Lake
    from chimera_assets.lake.table import Table
    from chimera_assets.postgres.platform.session import Session

#: How the details of a commit's entry name them: each file's, or the SHA-256 of a list of many,
#: which stands beside the log in a file of that name.
CONTENTS, LIST = "contents", "contents_list"
_FOLDER = f"{FOLDER}/contents"
#: The most files of which an entry itself has the digests.
_INLINE = 40
_RECORDED = """
    SELECT sequence, resource || ' ' || (said ->> 'table') AS of_table,
        said -> 'contents' AS contents, said ->> 'contents_list' AS list
    FROM (
        SELECT sequence, resource, details::jsonb -> 'after' AS said
        FROM ONLY audit.entries JOIN ONLY audit.details USING (sequence)
        WHERE action = 'table.commit'
    ) AS commits
    WHERE said ?| ARRAY['contents', 'contents_list'] ORDER BY sequence
"""
_READERS = 4
_SHOWN = 20
_ON_S3 = "the lake is on S3, of whose files no contents are recorded"
NOT_ASKED = "only with --contents, which reads every data file"


def contents_of(lake: Lake, table: Table, entry: bytes) -> dict[str, Any]:
    """What an entry says of the bytes of the data files that a commit has added.

    Files that are there no more are left out, and all of S3, from where they would be fetched.

    Args:
        lake: The lake, beside whose log a long list is put.
        table: The table.
        entry: The commit's entry in the table's log.
    """
    if is_s3(table.uri):
        return {}
    try:
        paths = [unquote(one["add"]["path"]) for one in actions_of(entry) if "add" in one]
    except (ValueError, TypeError, KeyError):  # no entry that can be read
        return {}
    digests = map(_sha256, (Path(table.uri, path) for path in paths))
    found = {path: one for path, one in zip(paths, digests, strict=True) if one is not None}
    if len(found) <= _INLINE:
        return {CONTENTS: found} if found else {}
    listed = rfc8785.dumps(found)
    digest = sha256(listed).hexdigest()
    Objects(lake, _FOLDER).put(f"{digest}.json", listed)
    return {LIST: digest}


def check_contents(session: Session, lake: Lake) -> Check:
    """Whether every data file, also of older versions, has the bytes that were committed.

    Args:
        session: The platform's database.
        lake: The lake, all of which is read.
    """
    if is_s3(lake.uri):
        return Check(CONTENTS, None, notes=[_ON_S3])
    check, unknown = Check(CONTENTS), 0
    recorded = _recorded(session, lake, check.problems)
    with ThreadPoolExecutor(_READERS) as readers:
        for name, current, table_id in _tables(lake):
            said = recorded.get(f"{name} {table_id}", {})
            unknown += len(current - said.keys())
            place = lake.table(*name.split("/")).uri
            digests = readers.map(_sha256, (Path(place, path) for path in said))
            for path, digest in zip(said, digests, strict=True):
                if digest is None and path not in current:
                    continue  # vacuum has deleted it
                check.checked = (check.checked or 0) + 1
                if digest != said[path]:
                    what = "no file" if digest is None else "others"
                    found = f"expected the bytes that were committed, found {what}"
                    check.problems.append(f"{name}, {path}: {found}")
    if (more := len(check.problems) - _SHOWN) > 0:
        check.problems[_SHOWN:] = [f"and {more:,} more"]
    if unknown:
        check.notes.append(f"no entry says what was in {counted(unknown, 'file')}")
    return check


def _recorded(session: Session, lake: Lake, problems: list[str]) -> dict[str, dict[str, str]]:
    """Table and id -> path -> what was recorded of it first; names what contradicts that."""
    recorded: dict[str, dict[str, str]] = {}
    with session.cursor("contents") as rows:
        for row in rows.execute(_RECORDED):
            where = f"entry {row['sequence']:,}"
            found = row["contents"] or _listed(lake, row["list"], where, problems)
            known = recorded.setdefault(row["of_table"], {})
            problems += [
                f"{where}, {path}: expected the bytes that were committed first, found others"
                for path, digest in found.items()
                if known.setdefault(path, digest) != digest
            ]
    return recorded


def _listed(lake: Lake, digest: str, where: str, problems: list[str]) -> dict[str, str]:
    """The digests of a list beside the log; none if that is not what the entry speaks of."""
    store = Objects(lake, _FOLDER)
    try:
        listed = store.read(f"{digest}.json")
    except FileNotFoundError:
        listed = b""
    if sha256(listed).hexdigest() != digest:
        what = "others" if listed else "none"
        problems.append(f"{where}: expected its list {store.uri}/{digest}.json, found {what}")
        return {}
    found: dict[str, str] = json.loads(listed)
    return found


def _tables(lake: Lake) -> Iterator[tuple[str, set[str], str]]:
    """Each table, the data files of its newest version, and its id."""
    for layer, name in lake.tables():
        table = lake.table(layer, name)
        try:
            delta = table.delta()
            current = set(files(table, delta, None)["path"])
        except ChimeraError:  # which the check of tables names
            continue
        yield f"{layer}/{name}", current, str(delta.metadata().id)


def _sha256(file: Path) -> str | None:
    try:
        with file.open("rb") as content:
            return file_digest(content, "sha256").hexdigest()
    except OSError:
        return None
