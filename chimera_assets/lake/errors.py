"""What can go wrong between us and a table, with what to do about it."""

from __future__ import annotations

import re

from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from chimera_assets.errors import ChimeraError, one_line, without_userinfo
from chimera_assets.row_values import words
from chimera_assets.transient import sounds_transient

#: Some engines colour their words, also where no terminal is.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class LakeError(ChimeraError):
    """The lake, or a table in it, cannot do what was asked."""


class TableNotFound(LakeError):  # noqa: N818
    """There is no such table, or it has no such version.

    Args:
        uri: Where the table was looked for.
        what: What exactly is missing, if it isn't the table itself.
    """

    def __init__(self, uri: str, what: str = "") -> None:
        self.uri = uri
        super().__init__(what or f"{uri}: no Delta table there; it is made by its first write")


class SchemaConflict(LakeError):  # noqa: N818
    """A column cannot be written into the table's column of that name.

    Args:
        table: The table's URI.
        column: The column's name.
        expected: What would be right, in words.
        found: What the data has.
        remedy: What to do.
    """

    def __init__(
        self, table: str, column: str, *, expected: str, found: str, remedy: str = ""
    ) -> None:
        self.table, self.column, self.expected, self.found = table, column, expected, found
        tail = f"; {remedy}" if remedy else ""
        super().__init__(f"{table}: column {column}: expected {expected}, found {found}{tail}")


class HoursMismatch(LakeError):  # noqa: N818
    """Rows lie outside the hours that were to be replaced; nothing was written.

    Args:
        table: The table's URI.
        expected: The hours that were to be written.
        found: The first row's hour that is outside, in words.
    """

    def __init__(self, table: str, *, expected: str, found: str) -> None:
        self.table, self.expected, self.found = table, expected, found
        super().__init__(
            f"{table}: rows outside the hours being written: expected only {expected}, "
            f"found {found}; nothing was written"
        )


class TableDamaged(LakeError):  # noqa: N818
    """A file of a table, of its data or of its log, is missing, cut or changed.

    Args:
        table: The table's URI.
        problem: Which file, and what is wrong with it.
        remedy: What to do.
    """

    def __init__(self, table: str, problem: str, remedy: str) -> None:
        self.table, self.problem, self.remedy = table, problem, remedy
        super().__init__(f"{table}: {problem}; {remedy}")


class CommitConflict(LakeError):  # noqa: N818
    """Others kept changing the same hours; after several attempts nothing was written."""

    transient = True


class StorageUnavailable(LakeError):  # noqa: N818
    """The storage did not answer, or asked us to slow down; trying again later may succeed."""

    transient = True


def no_room(folder: str, error: OSError) -> LakeError:
    """The error of a temporary folder that cannot hold rows on their way into the lake."""
    return LakeError(
        f"{folder}: no room for a copy of the rows on their way into the lake ({error}); make room "
        "there, or set TMPDIR to a folder with room"
    )


#: How the system refuses to let a user write, by its words, and what that means.
_REFUSED = {
    "read-only file system": "the file system is read-only",
    "permission denied": "this user may not read or write there",
    "operation not permitted": "this user may not write there",
}


def translated(error: Exception, uri: str) -> Exception:  # noqa: PLR0911
    """The error in our words; errors that we do not know come back as they are."""
    if isinstance(error, LakeError):
        return error
    if isinstance(error, CommitFailedError) and "unsupported table features" in str(error).lower():
        return LakeError(
            f"{uri}: another tool made it a table that is not written ({_line(error)})"
        )
    if isinstance(error, CommitFailedError):
        return CommitConflict(f"{uri}: another writer changed the same data ({_line(error)})")
    if isinstance(error, TableNotFoundError):
        return TableNotFound(uri)
    text = str(error).lower()
    if "no space left" in text or "disk full" in text or "file too large" in text:
        return LakeError(f"{uri}: the disk is full; make room and run it again ({_line(error)})")
    if found := next((words for words in _REFUSED if words in text), None):
        return LakeError(
            f"{uri}: {_REFUSED[found]}; give this user the right to write there, or set "
            f"CHIMERA_LAKE_URI to a place where it may ({_line(error)})"
        )
    if isinstance(error, DeltaError) and "kernel error" in text:
        cause = str(error).splitlines()[0]  # what follows are addresses in the library
        return LakeError(f"{uri}: the table's log cannot be read: {cause}")
    if isinstance(error, OSError) or "generic s3 error" in text or "object store" in text:
        kind = StorageUnavailable if sounds_transient(text) else LakeError
        return kind(f"{uri}: the storage failed: {_line(error)}")
    return error


def _line(error: Exception, limit: int = 300) -> str:
    """The first `limit` characters of an error, on one line."""
    return one_line(without_userinfo(_COLOUR.sub("", words(error))), limit)
