"""The lake beside the lake, in which a stream's new tables are made; and what is made already."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from chimera_assets.errors import ChimeraError
from chimera_assets.hour_columns import HOUR_START, HOUR_TYPES, hour_columns_of
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.ingest.migration_state import (
    MIGRATIONS,
    TARGET,
    TRANSACTION,
    migration_place,
    target_table,
)
from chimera_assets.lake import CommitConflict, Lake
from chimera_assets.lake.commit import Carried
from chimera_assets.lake.data_files import files
from chimera_assets.lake.storage import remove_folder, remove_if_empty
from chimera_assets.layers import QUALITY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from deltalake import DeltaTable

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Table

#: Beside what it is for: of which files each hour was made.
_DONE = (TARGET[0], "done")
_TARGETS = pl.Schema(
    {
        "contract": pl.String(),
        "number": pl.Int64(),
        "layers": pl.List(pl.String()),
        "owner": pl.String(),
    }
)
_HOURS = pl.Schema({"part": pl.String(), "step": pl.Int64(), **HOUR_TYPES, "digest": pl.String()})

#: An hour by its start; None is where rows of no hour are.
Hour: TypeAlias = "datetime | None"


class HoursChanged(Exception):  # noqa: N818 - a signal to make these hours again
    """Hours were written after they were made anew."""


class BegunElsewhere(ChimeraError):  # noqa: N818
    """Another installation has begun to migrate the stream.

    Args:
        stream: The stream.
        begun: When.
        owner: Which installation.
        place: Where it has its tables.
    """

    def __init__(self, stream: str, begun: datetime, owner: str, place: str) -> None:
        super().__init__(
            f"{stream}: expected no migration of others, found one that was begun at "
            f"{begun:%Y-%m-%dT%H:%M:%SZ} by the installation of {owner}; nothing was changed. "
            f"Run the command there until it ends, or, if that is gone, delete {place}"
        )


class _BegunAlready(CommitConflict):
    """Another process has begun one at the same moment."""


class Beside(Lake):
    """Tables of one stream beside those of the lake, whose others are seen through it.

    Args:
        lake: The lake.
        contract: The stream's contract.
        layers: The layers whose table of the stream is made anew, if it is not under way.
        now: When the migration begins, likewise.
        owner: The installation that makes it.

    Attributes:
        layers: The layers whose table of the stream is made anew, the one that decides first.
        number: The migration's own, by which each of its commits is known.

    Raises:
        BegunElsewhere: Another installation has one of the stream under way.
    """

    def __init__(
        self, lake: Lake, contract: Contract, layers: Collection[str], now: datetime, owner: str
    ) -> None:
        super().__init__(migration_place(lake, contract.stream), lake.storage_options)
        self.stream = contract.stream
        self._real = lake
        self._own = {TARGET, _DONE}
        self._owner = owner
        self.layers, self.number = self._begun(contract, layers, now)
        self.make_anew((layer, contract.stream) for layer in self.layers)

    def make_anew(self, tables: Iterable[tuple[str, str]]) -> None:
        """Have tables, by layer and name, of its own, instead of showing those of the lake."""
        self._own.update(tables)

    def table(self, layer: str, name: str) -> Table:
        """A table that is made anew, or that of the lake."""
        if layer == QUALITY or (layer, name) in self._own:
            return super().table(layer, name)
        return self._real.table(layer, name)

    @property
    def begun(self) -> datetime:
        """When the migration began, whoever goes on with it."""
        return _moment(self.number)

    def _begun(
        self, contract: Contract, layers: Collection[str], now: datetime
    ) -> tuple[tuple[str, ...], int]:
        """Its layers and number; what is left of one to another contract is deleted."""
        digest = hashlib.sha256(contract.path.read_bytes()).hexdigest()
        said = self._said()
        if said is not None and said["contract"] != digest:
            self.remove()
            self._tables.clear()
        former = (
            self._real.table(one, self.stream).transaction_version(TRANSACTION) for one in layers
        )
        number = max([int(now.timestamp() * 1_000_000), *((one or 0) + 1 for one in former)])
        while (said := self._said()) is None:
            self._say((digest, number, list(layers), self._owner))
        return tuple(said["layers"]), int(said["number"])

    def _said(self) -> dict[str, Any] | None:
        """What is said of the migration that is under way; None if there is none."""
        target = self.table(*TARGET)
        rows = target.read().collect() if target.exists() else pl.DataFrame()
        if rows.is_empty():
            return None
        said = rows.row(0, named=True)
        if said["owner"] != self._owner:
            raise BegunElsewhere(self.stream, _moment(said["number"]), said["owner"], self.uri)
        return said

    def _say(self, row: tuple[Any, ...]) -> None:
        """Begin it, unless others just have: of two that do so at once one is the first."""

        def first(delta: DeltaTable) -> Carried:
            if delta.transaction_version(TRANSACTION) is not None:
                msg = f"{self.uri}: others have begun"
                raise _BegunAlready(msg)
            return Carried((TRANSACTION, 1), {})

        with suppress(_BegunAlready):
            rows = pl.DataFrame([row], schema=_TARGETS, orient="row")
            self.table(*TARGET).append(rows, carry=first)

    def pending(self, part: str, tables: Collection[Table]) -> dict[Hour, str]:
        """The hours of which nothing is made yet, or of other files than there are now.

        Returns:
            Hour -> the digest of its files, empty where there are none any more.
        """
        now, done = digests(tables), self._done(part)
        gone = {hour: "" for hour, digest in done.items() if digest and hour not in now}
        return {hour: digest for hour, digest in now.items() if done.get(hour) != digest} | gone

    def require_made(self, part: str, tables: Collection[Table]) -> None:
        """Make sure that all is made of the files that there are now.

        Raises:
            HoursChanged: Some hours were written since.
        """
        fresh = Lake(self._real.uri, self._real.storage_options)  # others keep their snapshots
        if self.pending(part, [fresh.table(one.layer, one.name) for one in tables]):
            raise HoursChanged

    def note(self, part: str, made: Mapping[Hour, str]) -> None:
        """Note that hours are made, of which files."""
        table = self.table(*_DONE)
        step = table.version() + 1 if table.exists() else 0
        starts = pl.Series(list(made), dtype=pl.Datetime("us", "UTC"))
        rows = pl.DataFrame({"start": starts, "digest": list(made.values())}).select(
            pl.lit(part).alias("part"),
            pl.lit(step).alias("step"),
            *hour_columns_of(pl.col("start")),
            "digest",
        )
        table.append(rows.cast(pl.Schema(_HOURS)))

    def _done(self, part: str) -> dict[Hour, str]:
        table = self.table(*_DONE)
        if not table.exists():
            return {}
        rows = table.read().filter(pl.col("part") == part).sort("step")
        return dict(rows.select(HOUR_START.alias("start"), "digest").collect().iter_rows())

    def remove(self) -> None:
        """Delete all that is there, with the folder of migrations if it was the only one."""
        remove_folder(self.uri, self.storage_options)
        remove_if_empty(f"{self._real.uri}/{MIGRATIONS}")


def under_way(lake: Lake, stream: str) -> bool:
    """Whether a migration of the stream was begun and has not come to its end."""
    return target_table(lake, stream).exists()


def digests(tables: Iterable[Table]) -> dict[Hour, str]:
    """Of each hour of some tables, those of rows of no hour as None, a digest of its files."""
    listed = [
        files(table, table.delta(), None).select(
            *HOUR_COLUMNS, path=pl.lit(f"{table.layer}/") + pl.col("path")
        )
        for table in tables
        if table.exists()
    ]
    if not listed:
        return {}
    by_hour = pl.concat(listed).group_by(start=HOUR_START).agg(pl.col("path").sort())
    return {
        start: hashlib.sha256("\n".join(paths).encode()).hexdigest()
        for start, paths in by_hour.iter_rows()
    }


def _moment(number: int) -> datetime:
    return datetime.fromtimestamp(number / 1_000_000, UTC)
