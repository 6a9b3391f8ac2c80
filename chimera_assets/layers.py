"""The layers of the lake, and how the tables in them are named after streams."""

from __future__ import annotations

#: Rows that came as files, by the hour.
LANDING = "landing"

#: Rows as received.
RAW = "raw"

#: Valid, typed rows without duplicates.
STAGED = "staged"

#: Rejected rows with their reasons.
QUARANTINE = "quarantine"

#: Facts and dimensions.
MARTS = "marts"

#: Figures by the hour.
AGGREGATES = "aggregates"

#: The platform's own tables.
QUALITY = "quality"

#: The layers in which a table has the name of its stream.
STREAM_LAYERS = (RAW, STAGED, QUARANTINE)

_FACT = "fact_"


def fact_table(stream: str) -> str:
    """The name, in `marts`, of the table with a stream's facts."""
    return f"{_FACT}{stream}"


def stream_of_fact(table: str) -> str | None:
    """The stream whose facts a table of `marts` would have by its name; None for other tables."""
    return table.removeprefix(_FACT) if table.startswith(_FACT) else None
