"""Which rows of the quarantine a command is about: by stream, hours and reason, all known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.contracts import known_contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.lake import open_lake
from chimera_assets.layers import QUARANTINE
from chimera_assets.quality.quarantine import counts_by_reason, rejected_rows
from chimera_assets.quality.results import READABLE
from chimera_assets.sources.landing import damage
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    import polars as pl

    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake


def rejected(
    stream: str | None, hours: HourRange | None = None, reason: str | None = None
) -> pl.LazyFrame:
    """The rows in quarantine, of one stream or of all; a lazy frame of `SCHEMA`.

    Raises:
        ArgumentError: There is no such stream, or no such reason.
    """
    lake = open_lake()
    chosen = chosen_streams(lake, stream)
    require_reason(lake, reason)
    return rejected_rows(lake, chosen, hours, reason)


def require_stream(lake: Lake, stream: str | None) -> None:
    """Refuse the name of a stream that neither a contract nor the quarantine knows.

    Raises:
        ArgumentError: It is such a name.
    """
    known = _quarantines(lake) | set(known_contracts())
    if stream is not None and stream not in known:
        msg = f"--stream: expected {one_of(known, stream)}; found {stream}"
        raise ArgumentError(msg)


def require_reason(lake: Lake, reason: str | None) -> None:
    """Refuse a reason that is neither a rule of today's contracts nor one of a row in quarantine.

    Raises:
        ArgumentError: It is such a reason.
    """
    if reason is None:
        return
    known = {rule.name for contract in known_contracts().values() for rule in contract.rules}
    known |= {READABLE, *damage.IN_WORDS}
    if reason in known:
        return
    known |= set(counts_by_reason(rejected_rows(lake, _quarantines(lake)))["reason"])
    if reason not in known:
        expected = one_of(known, reason, listed_by="chimera quarantine list")
        msg = f"--reason: expected {expected}; found {reason}"
        raise ArgumentError(msg)


def chosen_streams(lake: Lake, stream: str | None) -> list[str]:
    """The streams that have a quarantine: all of them, or the one asked for if it has."""
    require_stream(lake, stream)
    kept = _quarantines(lake)
    return sorted(kept if stream is None else kept & {stream})


def _quarantines(lake: Lake) -> set[str]:
    return {name for layer, name in lake.tables() if layer == QUARANTINE}
