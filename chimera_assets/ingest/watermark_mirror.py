"""A copy of each stream's watermark in the platform's database, for people to read.

It is not the truth: that is in the commits of raw. It is written after them, and a run goes on
without it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.hour_ranges import ranges
from chimera_assets.postgres.databases import has_platform_database, platform_database
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.ingest.watermark import Watermark

_WRITE = """
    INSERT INTO public.stream_positions (stream, taken_in_until, hours_owed, owed, snapshot,
        landing_version, raw_version, run_id)
    SELECT stream, taken_in_until, hours_owed, owed, snapshot, landing_version, raw_version, run_id
    FROM jsonb_populate_record(null::public.stream_positions, %s::jsonb)
    ON CONFLICT (stream) DO UPDATE SET taken_in_until = excluded.taken_in_until,
        hours_owed = excluded.hours_owed, owed = excluded.owed, snapshot = excluded.snapshot,
        landing_version = excluded.landing_version, raw_version = excluded.raw_version,
        run_id = excluded.run_id, written_at = now()
    WHERE stream_positions.raw_version < excluded.raw_version
"""


def mirror(contract: Contract, watermark: Watermark, version: int, run_id: str) -> str | None:
    """Copy a watermark; gives what went wrong, in one line, if anything did."""
    settings = get_settings()
    if not has_platform_database(settings):
        return None
    moment = watermark.moment
    row = {
        "stream": contract.stream,
        "taken_in_until": moment.taken_at.isoformat() if moment else None,
        "hours_owed": len(watermark.pending),
        "owed": [str(one) for one in ranges(watermark.pending)],
        "snapshot": str(moment.snapshot) if moment else None,
        "landing_version": watermark.landing_version,
        "raw_version": version,
        "run_id": run_id,
    }
    try:
        with platform_database(settings).transaction() as session:
            session.execute(_WRITE, (json.dumps(row),))
    except ChimeraError as error:
        return f"{contract.stream}: its watermark was not copied to CHIMERA_DATABASE_URL: {error}"
    return None
