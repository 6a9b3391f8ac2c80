"""All rows and columns of a table replaced, in one commit, by those of one that was made beside it.

The files are copied into the table's folder first, where no version knows them; who dies in between
leaves what vacuum deletes, and copies them again.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import Schema
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction, RemoveAction

from chimera_assets.lake.commit import Carried, commit
from chimera_assets.lake.data_files import files
from chimera_assets.lake.errors import CommitConflict
from chimera_assets.lake.file_commit import FILE_ATTEMPTS
from chimera_assets.lake.storage import stored_files
from chimera_assets.lake.storage_retry import with_retries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import polars as pl
    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.lake.commit import Commit
    from chimera_assets.lake.location import TableLocation
    from chimera_assets.lake.snapshot import TableState

_COPIED_AT_ONCE = 8 * 1024 * 1024


def adopt(
    table: TableState,
    made: TableState,
    require_unchanged: Callable[[], None],
    *,
    transaction: tuple[str, int],
    metadata: Mapping[str, str],
) -> Commit:
    """Make a table what another one is: columns, their types, and all rows; its settings stay.

    Args:
        table: The table.
        made: The other one, with the same partitions, and of the same lake.
        require_unchanged: Asked before each attempt; raises if `made` is not made of what the table
            is by then. It must not ask `table` itself, whose snapshot it would move on.
        transaction: An application id and version, kept with the commit.
        metadata: Kept with the commit.

    Raises:
        CommitConflict: Others kept changing the table; it is as they left it.
    """
    source = made.delta()
    listed = files(made, source, None)
    _copy(made, table, listed)
    columns = source.metadata().partition_columns
    added: list[AddAction | RemoveAction] = list(_added(listed, columns))
    schema = Schema.from_arrow(made.schema())

    def replace_all(delta: DeltaTable, properties: CommitProperties) -> None:
        base = delta.version()
        require_unchanged()
        if delta.version() != base:
            msg = f"{table.uri}: another writer was quicker"
            raise CommitConflict(msg)
        properties.max_commit_retries = 0  # else deltalake would do without what came between
        delta.create_write_transaction(
            added, "overwrite", schema, columns, commit_properties=properties
        )

    return commit(
        table,
        replace_all,
        metadata={**metadata, "chimera.write": "migrate"},
        carry=lambda _: Carried(transaction, {}),
        attempts=FILE_ATTEMPTS,
    )


def _added(listed: pl.DataFrame, columns: list[str]) -> Iterator[AddAction]:
    now = time.time_ns() // 1_000_000
    for file in listed.iter_rows(named=True):
        values = {name: None if file[name] is None else str(file[name]) for name in columns}
        stats = json.dumps({"numRecords": file["rows"]})
        yield AddAction(file["path"], file["bytes"], values, now, True, stats)  # noqa: FBT003


def _copy(made: TableLocation, table: TableLocation, listed: pl.DataFrame) -> None:
    """Copy the data files, but for those that are there as a whole."""
    there = stored_files(table.uri, table.storage_options)
    source, target = (DeltaStorageHandler(one.uri, one.storage_options) for one in (made, table))
    for path, size in listed.select("path", "bytes").iter_rows():
        if there.get(path) != size:
            with_retries(lambda path=path: _copied(source, target, path), table.uri)  # type: ignore[misc]


def _copied(source: DeltaStorageHandler, target: DeltaStorageHandler, path: str) -> None:
    with (
        source.open_input_file(path) as read,
        # By itself the handler's stream takes no buffer that is not its own.
        pa.BufferedOutputStream(target.open_output_stream(path), _COPIED_AT_ONCE) as written,
    ):
        while part := read.read(_COPIED_AT_ONCE):
            written.write(part)
