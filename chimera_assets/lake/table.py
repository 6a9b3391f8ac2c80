"""The manager of one Delta table: what is written, read, counted and kept in repair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import damage, maintenance, reading, writing
from chimera_assets.lake.errors import TableNotFound, translated
from chimera_assets.lake.storage_retry import with_retries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from chimera_assets.hours import HourRange
    from chimera_assets.lake.commit import Carry, Commit
    from chimera_assets.lake.lake import Lake
    from chimera_assets.lake.stream import Data


@dataclass(frozen=True, slots=True)
class TableStats:
    """A table's size, from its log alone.

    Attributes:
        rows: Rows of the current version.
        bytes: Bytes of its data files.
        files: Number of its data files.
        version: The version itself.
    """

    rows: int
    bytes: int
    files: int
    version: int


class Table:
    """One Delta table of a lake.

    It keeps the newest snapshot it has seen and only reads what the log gained since, so that the
    cost of an operation doesn't grow with the table. Nobody may delete the table's folder and make
    a new one while a Table object lives.

    Args:
        lake: The lake it belongs to.
        layer: Its layer, `staged` for instance.
        name: Its name in the layer.
    """

    def __init__(self, lake: Lake, layer: str, name: str) -> None:
        self._lake = lake
        self.layer = layer
        self.name = name
        self.uri = f"{lake.uri}/{layer}/{name}"
        self._snapshot: DeltaTable | None = None

    def __repr__(self) -> str:
        """The table and its place."""
        return f"Table({self.uri!r})"

    @property
    def storage_options(self) -> dict[str, str]:
        """What is needed to reach the storage; empty for a folder."""
        return self._lake.storage_options

    def delta(self, version: int | None = None, as_of: datetime | None = None) -> DeltaTable:
        """The deltalake table: the newest version, or one of the past.

        Raises:
            TableNotFound: The table, or that version of it, does not exist.
            TableDamaged: Its log cannot be read, or its newest entry is empty.
        """
        if version is not None or as_of is not None:
            return reading.past(self, version, as_of)
        try:
            self._snapshot = with_retries(self._newest, self.uri)
        except TableNotFoundError as error:
            raise TableNotFound(self.uri) from error
        except Exception as error:
            raise damage.explained(self, error) from error
        damage.require_whole_entry(self, self._snapshot.version())
        return self._snapshot

    def _newest(self) -> DeltaTable:
        # A snapshot that could not be brought up to date is not used again.
        snapshot, self._snapshot = self._snapshot, None
        if snapshot is None:
            return self.fresh()
        snapshot.update_incremental()
        return snapshot

    def fresh(self) -> DeltaTable:
        """A newly loaded snapshot, which the caller may move to other versions."""
        return DeltaTable(self.uri, storage_options=self.storage_options)

    def exists(self) -> bool:
        """Whether the table has been created."""
        # Not by `is_deltatable`, which holds the interpreter while it waits for the storage.
        try:
            self.delta()
        except TableNotFound:
            return False
        return True

    def version(self) -> int:
        """The newest version's number, 0 for a table just created."""
        return self.delta().version()

    def schema(self) -> pa.Schema:
        """The Arrow schema of the newest version, partition columns included."""
        return pa.schema(self.delta().schema().to_arrow())

    def partition_columns(self) -> list[str]:
        """The names of the partition columns, none for a table that has none."""
        return self.delta().metadata().partition_columns

    def transaction_version(self, app_id: str) -> int | None:
        """The last version committed under an application id by `write_hours`, if any."""
        return self.delta().transaction_version(app_id) if self.exists() else None

    # Writing: see writing.py.

    def create(
        self,
        schema: pa.Schema,
        *,
        partition_by: Sequence[str] = HOUR_COLUMNS,
        stats_columns: Sequence[str] = (),
    ) -> None:
        """Create the table if it does not exist; several processes may do so at once.

        Args:
            schema: Its columns, those of the partitions included.
            partition_by: Its partition columns; by default the hour's two.
            stats_columns: The columns whose smallest and largest values are kept in the log. Keep
                identifiers out: what stands in the log outlives a deletion. By default none, as
                every statistic makes each later commit dearer; row counts are always kept.
        """
        writing.create(self, schema, partition_by, stats_columns)

    def write_hours(  # noqa: PLR0913
        self,
        data: Data | None,
        hours: HourRange,
        *,
        schema: pa.Schema | None = None,
        carry: Carry | None = None,
        metadata: Mapping[str, str] | None = None,
        stats_columns: Sequence[str] = (),
    ) -> Commit:
        """Replace just these hours with the data, in one atomic commit.

        Args:
            data: A frame or any Arrow stream, with the two hour columns. It is streamed. None or
                no rows at all empty the hours.
            hours: The hours to replace; all of them, also those without rows in the data.
            schema: The schema of a table that has to be created, needed if data is None.
            carry: Tells for each attempt, from the table's state then, which application
                transaction and further strings are committed with the data.
            metadata: Strings to be kept with the commit, seen in `history`.
            stats_columns: See `create`.

        Raises:
            HoursMismatch: A row is outside the hours; nothing was written.
            SchemaConflict: A column's type is not the table's; nothing was written.
            CommitConflict: Others kept changing the same hours; nothing was written.
        """
        return writing.write_hours(
            self,
            data,
            hours,
            schema=schema,
            carry=carry,
            metadata=metadata or {},
            stats_columns=stats_columns,
        )

    def overwrite(
        self,
        data: Data,
        *,
        partition_by: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
        stats_columns: Sequence[str] = (),
    ) -> Commit:
        """Replace the whole table, schema and all."""
        return writing.overwrite(self, data, partition_by, metadata or {}, stats_columns)

    def append(
        self,
        data: Data,
        *,
        partition_by: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
        stats_columns: Sequence[str] = (),
        carry: Carry | None = None,
    ) -> Commit:
        """Add rows.

        Args:
            data: A frame or any Arrow stream; it is streamed.
            partition_by: Counts only where the table has to be created.
            metadata: Strings to be kept with the commit.
            stats_columns: See `create`.
            carry: See `write_hours`.
        """
        return writing.append(self, data, partition_by, metadata or {}, stats_columns, carry)

    def merge(  # noqa: PLR0913
        self,
        data: Data,
        keys: Sequence[str],
        hours: HourRange | None = None,
        *,
        partition_by: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
        stats_columns: Sequence[str] = (),
    ) -> Commit:
        """Update the rows that have the same keys, insert the others.

        Args:
            data: The rows; no two with the same keys.
            keys: The columns that tell a row; rows with a null key are always inserted.
            hours: The hours the rows lie in, if the table is hourly: only these are read, and only
                writers of these are in each other's way.
            partition_by: Counts only where the table has to be created.
            metadata: Strings to be kept with the commit.
            stats_columns: See `create`.
        """
        return writing.merge(
            self,
            data,
            keys,
            hours=hours,
            partition_by=partition_by,
            metadata=metadata or {},
            stats_columns=stats_columns,
        )

    def compact_unplaced(self) -> None:
        """Merge the files with the rows of no hour; see `read_unplaced`."""
        maintenance.compact_unplaced(self)

    # Reading: see reading.py.

    def read(
        self,
        hours: HourRange | None = None,
        columns: Sequence[str] | None = None,
        version: int | None = None,
        as_of: datetime | None = None,
    ) -> pl.LazyFrame:
        """The rows, lazily; only the files of the hours asked for are opened.

        Raises:
            TableNotFound: The table, or that version of it, does not exist.
            TableDamaged: A file is missing or cut, where the lake is a folder; on S3 reading tells.
        """
        return reading.read(self, self.delta(version, as_of), hours, columns)

    def read_unplaced(self, columns: Sequence[str]) -> pl.DataFrame:
        """The rows of no hour: those whose hour columns are null, which no hour's reader sees."""
        return reading.read_unplaced(self, self.delta(), columns)

    def batches(
        self,
        hours: HourRange | None = None,
        columns: Sequence[str] | None = None,
        rows: int = 100_000,
    ) -> Iterator[pl.DataFrame]:
        """The rows in frames of about `rows` rows, hours in order, in bounded memory."""
        return reading.batches(self, self.delta(), hours, columns, rows)

    def count(self, hours: HourRange | None = None) -> int:
        """How many rows there are, from the log."""
        return int(reading.files(self, self.delta(), hours)["rows"].sum())

    def rows_by_hour(self, hours: HourRange | None = None) -> pl.DataFrame:
        """Rows of each hour that has any: `hour_partition` Date, `hour` Int32, `rows` Int64."""
        return reading.rows_by_hour(self, self.delta(), hours)

    def rows_by_day(self) -> pl.DataFrame:
        """Rows of each day that has any: `hour_partition` Date, `rows` Int64."""
        listed = reading.files(self, self.delta(), None)
        return listed.group_by(HOUR_COLUMNS[0]).agg(pl.col("rows").sum()).sort(HOUR_COLUMNS[0])

    def last_hour(self) -> datetime | None:
        """The last hour that has rows, from the log; None if there is none."""
        return reading.last_hour(self, self.delta())

    def stats(self) -> TableStats:
        """Rows, bytes, files and version, from the log alone."""
        delta = self.delta()
        files = reading.files(self, delta, None)
        return TableStats(
            int(files["rows"].sum()), int(files["bytes"].sum()), files.height, delta.version()
        )

    def history(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The commits, newest first, each with version, timestamp, operation and its metadata."""
        delta = self.delta()
        try:
            return with_retries(lambda: delta.history(limit), self.uri)
        except Exception as error:
            raise translated(error, self.uri) from error

    # Upkeep: see maintenance.py.

    def restore(self, target: int | datetime) -> Commit:
        """Make the table again what it was at a version or time, as a new version."""
        return maintenance.restore(self, target)

    def optimize(self, hours: HourRange | None = None) -> dict[str, int]:
        """Merge small files of each partition; gives files added and removed."""
        return maintenance.optimize(self, hours)

    def z_order(self, columns: Sequence[str], hours: HourRange | None = None) -> dict[str, int]:
        """Rewrite each partition's files in the order of these columns."""
        return maintenance.z_order(self, columns, hours)

    def vacuum(self, days: float = 7, *, dry_run: bool = False, full: bool = False) -> list[str]:
        """Delete files that no version of the last `days` days uses; gives their paths."""
        return maintenance.vacuum(self, days, dry_run=dry_run, full=full)
