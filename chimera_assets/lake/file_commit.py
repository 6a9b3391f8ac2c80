"""A commit of files that were written before it: their rows are added, or replace those of hours.

The files are written once, and committed on exactly the version of the table that the commit was
prepared for. If another commit came between, the same files are committed on the newer version: so
a conflict costs no second writing, and whoever comes second has seen what the first one did.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from deltalake import (
    ColumnProperties,
    CommitProperties,
    Schema,
    WriterProperties,
    write_deltalake,
)
from deltalake.transaction import RemoveAction

from chimera_assets.lake import partitions
from chimera_assets.lake.data_files import files
from chimera_assets.lake.errors import CommitConflict
from chimera_assets.lake.new_files import ROW_GROUP_ROWS, NewFiles
from chimera_assets.lake.storage import is_s3
from chimera_assets.lake.table_schema import agreed_with, schema_mode, takes_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

    from chimera_assets.hours import HourRange
    from chimera_assets.lake.snapshot import TableState
    from chimera_assets.lake.stream import Stream

#: How often such a commit is tried: it costs no more than an entry in the log, and loses to every
#: other commit, of other hours as well.
FILE_ATTEMPTS = 100

#: How deltalake writes what it writes itself.
WRITER = WriterProperties(
    compression="SNAPPY",
    max_row_group_size=ROW_GROUP_ROWS,
    default_column_properties=ColumnProperties(dictionary_enabled=False),  # see new_files.py
)

_STATS_COLUMNS = "delta.dataSkippingStatsColumns"


class FileCommit:
    """Adds a stream's rows to a table, or puts them in the place of hours: an action of a commit.

    Args:
        table: The table.
        stream: The rows.
        hours: The hours that they replace; None if they are added.
    """

    def __init__(self, table: TableState, stream: Stream, hours: HourRange | None) -> None:
        self._table, self._stream, self._hours = table, stream, hours
        self._written_as: tuple[pa.Schema, list[str]] | None = None
        self._added: list[AddAction] = []

    def __call__(self, delta: DeltaTable, properties: CommitProperties) -> None:
        """Commit on this version of the table, or fail; writes the files unless they are there."""
        agreed = agreed_with(delta, self._stream.schema, self._table.uri)
        plain = takes_files(delta)
        # A folder does not fail for a moment, and a conflict needs no second reading.
        self._stream.copies = is_s3(self._table.uri) or not plain
        if not plain:
            self._by_deltalake(delta, agreed, properties)
            return
        base = delta.version()
        self._write(delta, agreed)
        if delta.version() != base:
            # Somebody here has asked the table something meanwhile, and so has moved this snapshot
            # on to what others have committed; what is carried followed from the older one.
            msg = f"{self._table.uri}: another writer was quicker"
            raise CommitConflict(msg)
        self._add_columns(delta, agreed)
        properties.max_commit_retries = 0  # else deltalake would do without what came between
        if self._hours is not None:
            properties.custom_metadata = {
                **(properties.custom_metadata or {}),
                **_replaces(self._hours),
            }
        delta.create_write_transaction(
            [*self._added, *self._gone(delta)],
            "append",
            delta.schema(),
            delta.metadata().partition_columns,
            commit_properties=properties,
        )

    def _write(self, delta: DeltaTable, agreed: pa.Schema) -> None:
        metadata = delta.metadata()
        written_as = (agreed, metadata.partition_columns)
        if self._written_as == written_as:
            return
        if self._stream.settled and not self._stream.may_be_read_again:
            self._stream.settled = False
            msg = f"{self._table.uri}: another writer changed its columns; nothing was written"
            raise CommitConflict(msg)
        stats = metadata.configuration.get(_STATS_COLUMNS) or ""
        new = NewFiles(self._table, metadata.partition_columns, stats.split(",") if stats else ())
        self._added = new.write(self._stream.batches(agreed, self._table.uri, self._hours))
        self._written_as, self._stream.settled = written_as, True

    def _add_columns(self, delta: DeltaTable, agreed: pa.Schema) -> None:
        """Give the table the columns that it lacks, in a commit before that of the rows.

        Null in every row until then, they harm nobody if that commit never comes.
        """
        known = {field.name for field in delta.schema().fields}
        new = [field for field in Schema.from_arrow(agreed).fields if field.name not in known]
        if new:
            said = {**self._table.provenance, "chimera.write": "add columns"}
            properties = CommitProperties(said, max_commit_retries=0)
            delta.alter.add_columns(new, commit_properties=properties)

    def _gone(self, delta: DeltaTable) -> Iterator[RemoveAction]:
        """The files that the hours have had until now."""
        if self._hours is None:
            return
        now = time.time_ns() // 1_000_000
        columns = delta.metadata().partition_columns
        for file in files(self._table, delta, self._hours).iter_rows(named=True):
            values: dict[str, str | None] = {name: str(file[name]) for name in columns}
            yield RemoveAction(
                file["path"],
                data_change=True,
                deletion_timestamp=now,
                size=file["bytes"],
                partition_values=values,
            )

    def _by_deltalake(
        self, delta: DeltaTable, agreed: pa.Schema, properties: CommitProperties
    ) -> None:
        rows = self._stream.reader(agreed, self._table.uri, self._hours)
        replaced: dict[str, Any] = {"mode": "append"}
        if self._hours is not None:
            replaced = {"mode": "overwrite", "predicate": partitions.predicate(self._hours)}
        write_deltalake(
            delta,
            rows,
            **replaced,
            schema_mode=schema_mode(delta, agreed),
            writer_properties=WRITER,
            commit_properties=properties,
        )


def _replaces(hours: HourRange) -> dict[str, Any]:
    """What the log says of a commit that puts rows in the place of hours.

    Others, who check what they have read against the files that came meanwhile, would overlook
    those of an append that was made blindly.
    """
    predicate = partitions.predicate(hours)
    return {
        "isBlindAppend": False,
        "operationParameters": {"mode": "Overwrite", "predicate": predicate},
    }
