"""The manager of one Delta table: what is written, read, counted and kept in repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import compaction, data_files, reading, size, vacuum, writing
from chimera_assets.lake.errors import translated
from chimera_assets.lake.restore import restore
from chimera_assets.lake.snapshot import TableState
from chimera_assets.lake.storage_retry import with_retries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

    from chimera_assets.hours import HourRange
    from chimera_assets.lake.commit import Carry, Commit
    from chimera_assets.lake.size import TableStats
    from chimera_assets.lake.stream import Data


class Table(TableState):
    """One Delta table of a lake, with all that can be done to it.

    What it knows of its own state comes from `TableState`; each method here is a function of the
    module that its section names.
    """

    # Writing: see writing.py.

    def create(
        self,
        schema: pa.Schema,
        *,
        partition_by: Sequence[str] = HOUR_COLUMNS,
        stats_columns: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Create the table if it does not exist; several processes may do so at once.

        Args:
            schema: Its columns, those of the partitions included.
            partition_by: Its partition columns; by default the hour's two.
            stats_columns: The columns whose smallest and largest values are kept in the log. Keep
                identifiers out: what stands in the log outlives a deletion. By default none, as
                every statistic makes each later commit dearer; row counts are always kept.
            properties: Further properties of a table that has to be created.
        """
        writing.create(self, schema, partition_by, stats_columns, properties)

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
            carry: Gives for each attempt, from the table's state then, which application
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
            keys: The columns that identify a row; rows with a null key are always inserted.
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

    # Reading: see reading.py, data_files.py and size.py.

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
            TableDamaged: A file is missing or cut, where the lake is a folder; S3 shows it later.
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
        return int(data_files.files(self, self.delta(), hours)["rows"].sum())

    def rows_by_hour(self, hours: HourRange | None = None) -> pl.DataFrame:
        """Rows of each hour that has any: `hour_partition` Date, `hour` Int32, `rows` Int64."""
        return data_files.rows_by_hour(self, self.delta(), hours)

    def sizes_by_hour(self, hours: HourRange | None = None) -> pl.DataFrame:
        """What each hour's files hold: `hour_partition`, `hour`, `rows`, `bytes`."""
        return data_files.sizes_by_hour(self, self.delta(), hours)

    def rows_by_day(self) -> pl.DataFrame:
        """Rows of each day that has any: `hour_partition` Date, `rows` Int64."""
        listed = data_files.files(self, self.delta(), None)
        return listed.group_by(HOUR_COLUMNS[0]).agg(pl.col("rows").sum()).sort(HOUR_COLUMNS[0])

    def last_hour(self) -> datetime | None:
        """The last hour that has rows, from the log; None if there is none."""
        return data_files.last_hour(self, self.delta())

    def stats(self) -> TableStats:
        """Rows, bytes, files and version, from the log alone."""
        return size.stats(self)

    def history(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The commits, newest first, each with version, timestamp, operation and its metadata."""
        delta = self.delta()
        try:
            return with_retries(lambda: delta.history(limit), self.uri)
        except Exception as error:
            raise translated(error, self.uri) from error

    # Upkeep: see compaction.py, vacuum.py and restore.py.

    def restore(self, target: int | datetime) -> Commit:
        """Make the table again what it was at a version or time, as a new version."""
        return restore(self, target)

    def optimize(self, hours: HourRange | None = None) -> dict[str, int]:
        """Merge small files of each partition; gives files added and removed."""
        return compaction.optimize(self, hours)

    def z_order(
        self,
        columns: Sequence[str],
        hours: HourRange | None = None,
        *,
        kept_in: Sequence[str] = (),
    ) -> dict[str, int]:
        """Rewrite each partition's files in the order of these columns.

        Args:
            columns: The columns.
            hours: The hours; all by default.
            kept_in: The order in which upkeep keeps the table, if it has one. Files in any other
                order are put into this one again.

        Returns:
            Files added and removed.
        """
        return compaction.z_order(self, columns, hours, kept_in)

    def compact_unplaced(self) -> None:
        """Merge the files with the rows of no hour; see `read_unplaced`."""
        compaction.compact_unplaced(self)

    def vacuum(self, days: float = 7, *, dry_run: bool = False, full: bool = False) -> list[str]:
        """Delete files that no version of the last `days` days uses; gives their paths."""
        return vacuum.vacuum(self, days, dry_run=dry_run, full=full)
