"""What other tools may have made of a table: what is read as it is, and what is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake.errors import LakeError, TableDamaged

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from chimera_assets.lake.location import TableLocation

_PLAIN_READER, _MAPPING_READER = 1, 2

#: Reader features that change nothing in the data files; of `columnMapping` see below.
_PLAIN_FEATURES = {"columnMapping", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}

#: The feature of rows that are deleted in place.
DELETION_VECTORS = "deletionVectors"

#: Those that Polars' own reader of Delta knows.
_KNOWN_FEATURES = {DELETION_VECTORS, "timestampNtz", "variantType", "variantType-preview"}

_RENAMING = "delta.columnMapping.mode"

#: The hour in the path of a file that lies in the folder of its hour.
_IN_PATH = "^{}=([^/]+)/{}=([^/]+)/".format(*HOUR_COLUMNS)


def plain(delta: DeltaTable) -> bool:
    """Whether the data files can be read as they are: no deletion vectors, no renamed columns."""
    protocol = delta.protocol()
    features = set(protocol.reader_features or ())
    parts = delta.metadata().partition_columns
    plain_protocol = protocol.min_reader_version <= _PLAIN_READER or features <= _PLAIN_FEATURES
    return plain_protocol and parts in ([], list(HOUR_COLUMNS))


def require_own_names(table: TableLocation, delta: DeltaTable) -> None:
    """Refuse a table whose columns have other names in its files, where all would look null.

    Raises:
        LakeError: The table maps its columns.
    """
    mode = delta.metadata().configuration.get(_RENAMING, "none")
    if mode != "none":
        msg = (
            f"{table.uri}: expected columns with their own names in its files, found that another "
            f"tool maps them ({_RENAMING} is {mode}); write the table anew without that"
        )
        raise LakeError(msg)


def require_known_features(table: TableLocation, delta: DeltaTable) -> None:
    """Refuse a table that is not plain and asks for more of its readers than they know.

    Raises:
        LakeError: Names the features.
    """
    protocol = delta.protocol()
    asked = set(protocol.reader_features or ())
    if protocol.min_reader_version == _MAPPING_READER:
        asked.add("columnMapping")
    if unknown := sorted(asked - _KNOWN_FEATURES):
        msg = (
            f"{table.uri}: expected a table without the reader features {', '.join(unknown)}, "
            "which another tool turned on; write it anew without them"
        )
        raise LakeError(msg)


def require_own_places(table: TableLocation, files: pl.DataFrame) -> None:
    """Refuse data files that lie elsewhere than in the folder of their hour, which names it.

    Raises:
        TableDamaged: Names the first such file.
    """
    path = pl.col("path")
    elsewhere = path.str.contains("://", literal=True) | path.str.starts_with("/")
    if set(HOUR_COLUMNS) <= set(files.columns):
        day, hour = (path.str.extract(_IN_PATH, group) for group in (1, 2))
        there = (day.str.to_date("%Y-%m-%d", strict=False), hour.str.to_integer(strict=False))
        for name, value in zip(HOUR_COLUMNS, there, strict=True):
            elsewhere |= value.ne_missing(pl.col(name))
    found = files.filter(elsewhere)["path"]
    if not found.is_empty():
        problem = f"the data file {found[0]} is not in the folder of its hour"
        remedy = "another tool put it there: run its hours again with `chimera backfill`"
        raise TableDamaged(table.uri, problem, remedy)
