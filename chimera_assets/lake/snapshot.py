"""The state of a table: its newest snapshot, kept and brought up to date, and those of the past."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from chimera_assets.lake import damage
from chimera_assets.lake.errors import LakeError, TableNotFound, translated
from chimera_assets.lake.layout import require_own_names
from chimera_assets.lake.location import TableLocation
from chimera_assets.lake.log_entries import commit_info
from chimera_assets.lake.storage import LOG_FOLDER, is_s3
from chimera_assets.lake.storage_retry import with_retries

if TYPE_CHECKING:
    from chimera_assets.lake.location import LakeRoot


class TableState(TableLocation):
    """A table as its log has it.

    It keeps the newest snapshot it has seen and only reads what the log gained since, so that the
    cost of an operation doesn't grow with the table. Nobody may delete the table's folder and make
    a new one while such an object lives.

    Args:
        root: The lake's root.
        layer: Its layer, `staged` for instance.
        name: Its name in the layer.
    """

    def __init__(self, root: LakeRoot, layer: str, name: str) -> None:
        super().__init__(root, layer, name)
        self._snapshot: DeltaTable | None = None

    def delta(self, version: int | None = None, as_of: datetime | None = None) -> DeltaTable:
        """The deltalake table: the newest version, or one of the past.

        Raises:
            TableNotFound: The table, or that version of it, does not exist.
            TableDamaged: Its log cannot be read, or its newest entry is empty.
            LakeError: Another tool has given its columns other names in its files.
        """
        if version is not None or as_of is not None:
            return self._past(version, as_of)
        try:
            self._snapshot = with_retries(self._newest, self.uri)
        except TableNotFoundError as error:
            raise TableNotFound(self.uri) from error
        except Exception as error:
            raise damage.explained(self, error) from error
        damage.require_whole_entry(self, self._snapshot.version())
        require_own_names(self, self._snapshot)
        return self._snapshot

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

    def _newest(self) -> DeltaTable:
        # A snapshot that could not be brought up to date is not used again.
        snapshot, self._snapshot = self._snapshot, None
        if snapshot is None:
            return self.fresh()
        if not self._is_newest(snapshot.version()):
            snapshot.update_incremental()
        return snapshot

    def _is_newest(self, version: int) -> bool:
        """Whether there is surely none after a version; what S3 has only a listing tells.

        Asked so that most looks at a folder need not list its log, which takes 200 times as long.
        """
        if is_s3(self.uri):
            return False
        # A clean-up may have removed the next entry, but only after this one.
        log = f"{self.uri}/{LOG_FOLDER}"
        entry, after = (f"{log}/{number:020}.json" for number in (version, version + 1))
        return os.path.exists(entry) and not os.path.exists(after)  # noqa: PTH110 - a Path takes longer

    def _past(self, version: int | None, as_of: datetime | None) -> DeltaTable:
        if version is not None and as_of is not None:
            msg = f"{self.uri}: expected a version or a time, found both"
            raise LakeError(msg)
        newest = self.delta().version()
        if version is not None and not 0 <= version <= newest:
            msg = f"{self.uri}: no version {version}; the newest is {newest}"
            raise TableNotFound(self.uri, msg)
        try:
            delta = self.fresh()
            delta.load_as_version(_utc(as_of) if as_of is not None else version or 0)
        except LakeError:
            raise
        except Exception as error:
            if isinstance(error, DeltaError) and version is not None:
                msg = f"{self.uri}: version {version} is past retention and can no longer be read"
                raise TableNotFound(self.uri, msg) from error
            raise translated(error, self.uri) from error
        if as_of is not None:
            self._require_as_old(delta.version(), _utc(as_of))
        return delta

    def _require_as_old(self, oldest: int, moment: datetime) -> None:
        """Refuse a time before the oldest version, for which deltalake gives that version."""
        if oldest > 0 and self._info(oldest - 1):
            return  # not the oldest
        # Not from `history`, which gives a version of the past the times of the newest ones. S3
        # tells times by the second.
        written = self._info(oldest).get("timestamp", 0) // 1000
        if written <= moment.timestamp():
            return
        msg = (
            f"{self.uri}: no version is as old as {moment.isoformat()}; the oldest is version "
            f"{oldest} of {datetime.fromtimestamp(written, UTC).isoformat()}"
        )
        raise TableNotFound(self.uri, msg)

    def _info(self, version: int) -> dict[str, Any]:
        """What a commit says of itself; nothing if the log does not reach so far back."""
        try:
            return commit_info(self, version)
        except FileNotFoundError:
            return {}
        except Exception as error:
            raise translated(error, self.uri) from error


def polars_schema(delta: DeltaTable) -> pl.Schema:
    """The table's schema in Polars types."""
    empty = pl.from_arrow(pa.schema(delta.schema().to_arrow()).empty_table())
    return pl.DataFrame(empty).schema


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        msg = f"as of: expected a time with a zone, found {moment.isoformat()}"
        raise LakeError(msg)
    return moment.astimezone(UTC)
