"""Rejected rows of a period, and what became of them: waiting, accepted on replay, purged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.layers import QUARANTINE
from chimera_assets.lifecycle.needed_tables import needed_tables
from chimera_assets.reports import document as doc
from chimera_assets.system_tables.deletion_log import deletions_table
from chimera_assets.system_tables.replays import replays_table
from chimera_assets.warehouse.duckdb import identifier, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.reports.inputs import Inputs

_NUMBER = doc.Kind.number

REJECTED_COLUMNS = (
    doc.Column("stream", "Stream"),
    doc.Column("waiting", "Waiting", _NUMBER),
    doc.Column("rejected_again", "Rejected again", _NUMBER),
    doc.Column("replays", "Replayed hours", _NUMBER),
    doc.Column("accepted", "Then accepted", _NUMBER),
    doc.Column("purged", "Purged", _NUMBER),
)
_WAITING = """
SELECT {stream} AS stream, count(*) AS waiting,
    count(*) FILTER (replay_state = 'replayed') AS rejected_again
FROM quarantine.{table}
"""
_REPLAYED = """
SELECT stream, count(*) AS replays, sum(waiting - rejected_again) AS accepted
FROM quality.replays GROUP BY stream
"""
_PURGED = """
SELECT "table" AS stream, sum(rows) AS purged
FROM quality.dropped WHERE cause = 'purge' AND layer = 'quarantine' GROUP BY ALL
"""
#: Whichever of the parts there are.
_ALL = """
SELECT stream, coalesce(sum(waiting), 0)::BIGINT AS waiting,
    coalesce(sum(rejected_again), 0)::BIGINT AS rejected_again,
    coalesce(sum(replays), 0)::BIGINT AS replays, coalesce(sum(accepted), 0)::BIGINT AS accepted,
    coalesce(sum(purged), 0)::BIGINT AS purged
FROM (
SELECT NULL::VARCHAR AS stream, NULL::BIGINT AS waiting, NULL::BIGINT AS rejected_again,
    NULL::BIGINT AS replays, NULL::BIGINT AS accepted, NULL::BIGINT AS purged
UNION ALL BY NAME {parts}) AS parts
WHERE stream IS NOT NULL GROUP BY stream ORDER BY stream
"""


def what_became_of_rejected(inputs: Inputs) -> str | None:
    """The SELECT of `REJECTED_COLUMNS`, a row a stream; None where nothing was ever rejected."""
    parts = [part.strip() for part in _parts(inputs)]
    return _ALL.format(parts="\nUNION ALL BY NAME ".join(parts)).strip() if parts else None


def lost_quarantine(inputs: Inputs) -> list[str]:
    """Of each stream whose quarantine is gone, in words, so that nobody knows what was in it."""
    needed = needed_tables(inputs.lake, inputs.contracts)
    names = (f"{QUARANTINE}/{stream}" for stream in sorted(inputs.contracts))
    return [
        f"{name}: {needed[name]}"
        for name in names
        if name in needed and not inputs.lake.table(*name.split("/")).exists()
    ]


def _parts(inputs: Inputs) -> Iterator[str]:
    lake, hours = inputs.lake, inputs.period.hours
    for stream in sorted(inputs.contracts):
        table = lake.table(QUARANTINE, stream)
        if table.exists() and table.count(hours):  # by the log alone
            yield _WAITING.format(stream=quoted(stream), table=identifier(stream))
    if replays_table(lake).exists():
        yield _REPLAYED
    if deletions_table(lake).exists():
        yield _PURGED
