"""Which extracted hours never came to their end: a run that died or was interrupted left them.

The watermark moves with raw, and of what is made of raw it knows nothing. So each commit of raw
also opens its hours, and the next one closes those that are found finished: judged, and, if they
may be published, in the facts. A look costs what is open, one batch as a rule, not the history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import hour_starts
from chimera_assets.hour_ranges import ranges
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.ingest.loss_guard import rows_of
from chimera_assets.ingest.watermark import NO_HOURS, Hours
from chimera_assets.lake import LakeError
from chimera_assets.layers import MARTS, RAW, STAGED, fact_table
from chimera_assets.packs import active_packs
from chimera_assets.packs.models import streams_with_facts
from chimera_assets.system_tables.batches import hour_history
from chimera_assets.system_tables.deletion_log import deleted_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from chimera_assets.hours import HourRange
    from chimera_assets.ingest.watermark import Watermark
    from chimera_assets.lake import Lake, Table

#: The column of rows that says which extraction brought them in.
_BATCH = "_batch_id"


def finished(
    lake: Lake, stream: str, watermark: Watermark | None
) -> frozenset[tuple[str, datetime]]:
    """The open hours of a watermark, with their batch, that are open no longer."""
    opened = watermark.open if watermark is not None else {}
    try:
        return frozenset(
            (batch, hour)
            for hours in ranges(NO_HOURS.union(*opened.values()))
            for hour, end in _ends(lake, stream, hours).items()
            for batch, of_batch in opened.items()
            if hour in of_batch and end.is_of(batch)
        )
    except (LakeError, pl.exceptions.PolarsError, OSError):
        # Of a table above raw: it must not keep raw from being filled.
        return frozenset()


def unfinished(lake: Lake, stream: str, watermark: Watermark | None) -> Hours:
    """The hours that are in raw and not in all that is made of it, nor blocked by their gate.

    Hours of a run that is in progress are among them.
    """
    opened = watermark.open if watermark is not None else {}
    done = finished(lake, stream, watermark)
    return frozenset(h for batch, hours in opened.items() for h in hours if (batch, h) not in done)


@dataclass(frozen=True, slots=True)
class _End:
    """How far an hour has come: its newest judgement, and its rows by layer."""

    judged: Mapping[str, Any] | None
    raw: int
    staged: int
    facts: int | None
    fact_batches: frozenset[str]
    expired: bool

    def is_of(self, batch: str) -> bool:
        """Whether the batch's rows of the hour are where they belong."""
        if self.expired:
            return True
        if self.judged is None:
            return False
        found = self.judged["batch_id"]
        if found != batch and (found is not None or self.raw):  # an hour without rows has no batch
            return False
        in_facts = self.facts == self.staged and self.fact_batches <= {batch}
        return not self.judged["published"] or self.facts is None or in_facts


def _ends(lake: Lake, stream: str, hours: HourRange) -> dict[datetime, _End]:
    history = hour_history(lake, stream, hours)
    judged = dict(zip(hour_starts(history), history.iter_rows(named=True), strict=True))
    facts = lake.table(MARTS, fact_table(stream))
    tables = [lake.table(RAW, stream), lake.table(STAGED, stream), facts]
    raw, staged, in_facts = (rows_of(table, hours) for table in tables)
    batches = _batches(facts, hours)
    has_facts = facts.exists() or stream in streams_with_facts(active_packs())
    expired = set(hour_starts(deleted_rows(lake, tables, hours)))
    return {
        hour: _End(
            judged.get(hour),
            raw.get(hour, 0),
            staged.get(hour, 0),
            in_facts.get(hour, 0) if has_facts else None,
            batches.get(hour, frozenset()),
            hour in expired,
        )
        for hour in hours
    }


def _batches(facts: Table, hours: HourRange) -> dict[datetime, frozenset[str]]:
    """The batches of the facts' rows by hour; none where a fact does not keep them."""
    if not facts.exists():
        return {}
    rows = facts.read(hours)
    if _BATCH not in rows.collect_schema():
        return {}
    found = rows.group_by(HOUR_COLUMNS).agg(pl.col(_BATCH).unique()).collect(engine="streaming")
    return dict(zip(hour_starts(found), map(frozenset, found[_BATCH].to_list()), strict=True))
