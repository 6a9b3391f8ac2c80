"""What data files hold, byte by byte: recorded with the commit that added them, compared later.

A table's log has the size of a file and not what is in it, and whoever replaces a file can make its
pages' checksums fit. The entry of a commit is in the signed log.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from chimera_assets.audit.findings import Check
from chimera_assets.errors import ChimeraError, counted
from chimera_assets.lake.data_files import files
from chimera_assets.lake.log_entries import actions_of
from chimera_assets.lake.storage import is_s3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.lake import Lake
    from chimera_assets.lake.table import Table
    from chimera_assets.postgres.platform.session import Session

#: How the details of a commit's entry name them.
CONTENTS = "contents"
_RECORDED = """
    SELECT resource || ' ' || (said ->> 'table') AS of_table, said -> 'contents' AS contents FROM (
        SELECT sequence, resource, details::jsonb -> 'after' AS said
        FROM ONLY audit.entries JOIN ONLY audit.details USING (sequence)
        WHERE action = 'table.commit'
    ) AS commits
    WHERE said ? 'contents' ORDER BY sequence
"""
_READERS = 4
_SHOWN = 20
_ON_S3 = "the lake is on S3, of whose files no contents are recorded"
NOT_ASKED = "only with --contents, which reads every data file"


def contents_of(table: Table, entry: bytes) -> dict[str, str]:
    """The SHA-256, in hexadecimal, of each data file that a commit has added, by its path.

    Files that are there no more are left out, and all of S3, from where they would be fetched.

    Args:
        table: The table.
        entry: The commit's entry in the table's log.
    """
    if is_s3(table.uri):
        return {}
    try:
        paths = [unquote(one["add"]["path"]) for one in actions_of(entry) if "add" in one]
    except (ValueError, TypeError, KeyError):  # no entry that can be read
        return {}
    found = zip(paths, map(_sha256, (Path(table.uri, path) for path in paths)), strict=True)
    return {path: digest for path, digest in found if digest is not None}


def check_contents(session: Session, lake: Lake) -> Check:
    """Whether every data file of the newest versions has the bytes that were committed.

    Args:
        session: The platform's database.
        lake: The lake, all of which is read.
    """
    if is_s3(lake.uri):
        return Check(CONTENTS, None, notes=[_ON_S3])
    recorded: dict[str, dict[str, str]] = {}
    with session.cursor("contents") as rows:
        for row in rows.execute(_RECORDED):
            recorded.setdefault(row["of_table"], {}).update(row["contents"])
    check, unknown = Check(CONTENTS), 0
    with ThreadPoolExecutor(_READERS) as readers:
        for name, paths, known in _tables(lake, recorded):
            said = {path: known[path] for path in paths if path in known}
            unknown += len(paths) - len(said)
            check.checked = (check.checked or 0) + len(said)
            places = (Path(lake.table(*name.split("/")).uri, path) for path in said)
            for path, digest in zip(said, readers.map(_sha256, places), strict=True):
                if digest != said[path]:
                    what = "no file" if digest is None else "others"
                    found = f"expected the bytes that were committed, found {what}"
                    check.problems.append(f"{name}, {path}: {found}")
    if (more := len(check.problems) - _SHOWN) > 0:
        check.problems[_SHOWN:] = [f"and {more:,} more"]
    if unknown:
        it = "it was" if unknown == 1 else "they were"
        words = f"it is not recorded, as {it} added before that was done"
        check.notes.append(f"of {counted(unknown, 'file')} {words}")
    return check


def _tables(
    lake: Lake, recorded: dict[str, dict[str, str]]
) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Each table, its data files, and what is recorded of them."""
    for layer, name in lake.tables():
        table = lake.table(layer, name)
        try:
            delta = table.delta()
            paths = files(table, delta, None)["path"].to_list()
        except ChimeraError:  # which the check of tables names
            continue
        yield f"{layer}/{name}", paths, recorded.get(f"{layer}/{name} {delta.metadata().id}", {})


def _sha256(file: Path) -> str | None:
    try:
        with file.open("rb") as content:
            return file_digest(content, "sha256").hexdigest()
    except OSError:
        return None
