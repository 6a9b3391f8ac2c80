"""Times without a zone, as SQL: read in the zone that the contract names.

A zone's clock skips an hour when summer begins and repeats one when it ends. A time in such an
hour is no moment, or one of two; it counts as one that cannot be read, so that its row is told.
"""

from __future__ import annotations

_DAY = "interval '24 hours'"
_FIRST, _END = "'0001-01-01'::timestamp", "'10000-01-01'::timestamp"


def moment(time: str, zone: str) -> str:
    """The moment of a time; null where it has none that could be read at all.

    Args:
        time: SQL of a timestamp without time zone.
        zone: The zone, as a text of SQL.
    """
    return f"(CASE WHEN {_is_readable(time)} THEN {time} AT TIME ZONE {zone} END)"


def is_untold(time: str, zone: str) -> str:
    """Whether a time is no moment, or one of two."""
    # The moment by the clock of the day before, and by that of the day after: where they differ
    # the clock was changed in between, and one of them, and no other, should show this time.
    before = f"(({time} - {_DAY}) AT TIME ZONE {zone} + {_DAY})"
    after = f"(({time} + {_DAY}) AT TIME ZONE {zone} - {_DAY})"
    shown = (f"({one} AT TIME ZONE {zone} = {time})" for one in (before, after))
    doubt = f"{before} <> {after} AND {' = '.join(shown)}"
    return f"({time} IS NOT NULL AND CASE WHEN {_is_readable(time)} THEN {doubt} ELSE true END)"


def may_be_between(time: str, zone: str, start: str, end: str) -> str:
    """Whether a time may lie between two moments: an index on it can say so.

    Args:
        time: SQL of a timestamp without time zone.
        zone: The zone, as a text of SQL.
        start: SQL for the first moment.
        end: SQL for the moment after the last one.
    """
    return (
        f"{time} >= ({start} AT TIME ZONE {zone}) - {_DAY} "
        f"AND {time} < ({end} AT TIME ZONE {zone}) + {_DAY}"
    )


def _is_readable(time: str) -> str:
    return f"{time} >= {_FIRST} AND {time} < {_END}"
