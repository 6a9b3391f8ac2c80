"""Delta Lake tables: written by the hour, read by the hour, kept in good repair.

This package knows nothing of streams or contracts; it knows hours, Arrow streams and Delta.
"""

from chimera_assets.lake.commit import Carried, Commit
from chimera_assets.lake.errors import (
    CommitConflict,
    HoursMismatch,
    LakeError,
    SchemaConflict,
    StorageUnavailable,
    TableDamaged,
    TableNotFound,
)
from chimera_assets.lake.lake import Lake, open_lake
from chimera_assets.lake.size import TableStats
from chimera_assets.lake.stream import Replay
from chimera_assets.lake.table import Table

__all__ = [
    "Carried",
    "Commit",
    "CommitConflict",
    "HoursMismatch",
    "Lake",
    "LakeError",
    "Replay",
    "SchemaConflict",
    "StorageUnavailable",
    "Table",
    "TableDamaged",
    "TableNotFound",
    "TableStats",
    "open_lake",
]
