"""A stream without a table at the source: its rows come from landing files, if there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from chimera_assets.errors import counted
from chimera_assets.layers import LANDING
from chimera_assets.settings import get_settings
from chimera_assets.sources.arrivals import Arrivals, Look, Moment
from chimera_assets.sources.errors import SourceTableMissing
from chimera_assets.sources.landing import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    import pyarrow as pa

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake
    from chimera_assets.sources.postgres import PostgresSource
    from chimera_assets.sources.source_state import SourceNow


class FilesOnly:
    """Answers what is asked of a source table where there is none: it has no rows."""

    look = Look(None)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""

    def arrivals(self, since: Moment | None, hours: HourRange) -> Arrivals:  # noqa: ARG002
        """Nothing arrives."""
        return Arrivals(None)

    def arrived_keys(
        self,
        found: Arrivals,  # noqa: ARG002
        hours: Iterable[datetime],  # noqa: ARG002
        before: datetime | None,  # noqa: ARG002
    ) -> Iterator[pa.RecordBatch]:
        """Nothing arrives."""
        return iter(())

    def keys(self, hours: HourRange) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """It has none."""
        return iter(())

    def rows_by_hour(self, hours: HourRange) -> dict[datetime, int]:
        """No hour has any."""
        return dict.fromkeys(hours, 0)

    def count_keys(self, keys: str) -> int:  # noqa: ARG002
        """It has none of them."""
        return 0


def source_now(
    lake: Lake, contract: Contract, source: PostgresSource, *, seconds: int | None = None
) -> SourceNow | FilesOnly:
    """The state of a stream's table, or what stands for it if rows come from files at most.

    Args:
        lake: The lake.
        contract: The stream's contract.
        source: Where the table would be.
        seconds: How long the server may take for an answer.

    Raises:
        SourceError: The source cannot be reached.
        SourceTableMissing: There is no table, though it is not optional, and no file ever landed.
    """
    try:
        return source.now(contract, seconds=seconds)
    except SourceTableMissing as error:
        if contract.optional_at_source or files_landed(lake, contract):
            return FilesOnly()
        if not (files := files_dropped(contract)):
            raise
        remedy = _load(contract, files)
        raise SourceTableMissing(error.where, error.problem, remedy=remedy) from None


def files_landed(lake: Lake, contract: Contract) -> bool:
    """Whether any file of a stream was ever loaded."""
    return lake.table(LANDING, contract.stream).exists()


def files_dropped(contract: Contract) -> int:
    """How many files lie in the landing place for a stream, loaded or not.

    Raises:
        SourceError: The landing place cannot be listed.
    """
    place = Place(get_settings().resolved_landing_uri)
    return sum(file.format is not None for file in place.files(contract.stream))


def _load(contract: Contract, files: int) -> str:
    """What to do where files were dropped and none was loaded."""
    stream = contract.stream
    return (
        f"{counted(files, 'file')} for {stream} wait to be loaded: `chimera up` loads them, or "
        f"`dagster asset materialize --select 'key:{LANDING}/{stream}' -m "
        "chimera_assets.definitions` (docs/landing.md); then run these hours again"
    )
