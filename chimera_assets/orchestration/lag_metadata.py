"""A lag as metadata of the check `event_lag`: written by the check, read for alerts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dagster import FloatMetadataValue, MetadataValue, TimestampMetadataValue

from chimera_assets.quality.event_lag import EventLag

if TYPE_CHECKING:
    from collections.abc import Mapping

LAG_CHECK = "event_lag"

_NEWEST_HOUR, _NEWEST_EVENT = "newest hour", "newest event"
_PUBLISHED = "newest published hour"
_LAG, _ALLOWED = "lag in seconds", "allowed in seconds"


def lag_metadata(lag: EventLag) -> dict[str, MetadataValue[Any]]:
    """The lag as metadata; what is unknown is left out."""
    moments = {
        _NEWEST_HOUR: lag.newest_hour,
        _NEWEST_EVENT: lag.newest_event,
        _PUBLISHED: lag.published,
    }
    times = {_LAG: lag.lag, _ALLOWED: lag.allowed}
    return {
        **{key: MetadataValue.timestamp(moment) for key, moment in moments.items() if moment},
        **{
            key: MetadataValue.float(time.total_seconds())
            for key, time in times.items()
            if time is not None
        },
    }


def lag_from_metadata(metadata: Mapping[str, MetadataValue[Any]]) -> EventLag | None:
    """The lag that `lag_metadata` wrote; None from a release that did not write all of it."""
    allowed = _time(metadata, _ALLOWED)
    if allowed is None:
        return None
    return EventLag(
        newest_hour=_moment(metadata, _NEWEST_HOUR),
        newest_event=_moment(metadata, _NEWEST_EVENT),
        published=_moment(metadata, _PUBLISHED),
        lag=_time(metadata, _LAG),
        allowed=allowed,
    )


def _moment(metadata: Mapping[str, MetadataValue[Any]], key: str) -> datetime | None:
    value = metadata.get(key)
    if not isinstance(value, TimestampMetadataValue):
        return None
    return datetime.fromtimestamp(value.value, UTC)


def _time(metadata: Mapping[str, MetadataValue[Any]], key: str) -> timedelta | None:
    value = metadata.get(key)
    if not isinstance(value, FloatMetadataValue) or value.value is None:
        return None
    return timedelta(seconds=value.value)
