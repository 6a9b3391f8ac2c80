"""The batch: one extraction of one stream's rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from chimera_assets.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class Batch:
    """One extraction of one stream's rows; every row carries its id through all later layers.

    Attributes:
        batch_id: `20260131T051500.000000Z-orders`: sorts by time, names the stream.
        ingested_at: When the extraction began, UTC.
    """

    batch_id: str
    ingested_at: datetime

    @classmethod
    def new(cls, stream: str, now: datetime) -> Self:
        """The batch of `stream` that begins `now`; the same arguments give the same batch.

        Raises:
            ArgumentError: `now` has no time zone.
        """
        if now.tzinfo is None:
            msg = f"start of the batch: expected a time with a zone, found {now.isoformat()}"
            raise ArgumentError(msg)
        in_utc = now.astimezone(UTC)
        return cls(f"{in_utc:%Y%m%dT%H%M%S.%f}Z-{stream}", in_utc)
