"""A copy of each stream's position in the platform's database, for people to read.

It is not the truth: that is in the commits of raw. It is written after them, and a run goes on
without it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.hours import ranges
from chimera_assets.postgres.connection import execute
from chimera_assets.postgres.databases import platform_database
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.ingest.watermark import Watermark

_LOCK = "SELECT pg_advisory_xact_lock(4811204)"
_TABLE = """
    CREATE TABLE IF NOT EXISTS stream_positions (
        stream text PRIMARY KEY,
        taken_in_until timestamptz,
        hours_owed int NOT NULL,
        owed text[] NOT NULL,
        snapshot text,
        landing_version bigint NOT NULL,
        raw_version bigint NOT NULL,
        run_id text NOT NULL,
        written_at timestamptz NOT NULL DEFAULT now()
    )
"""
_COMMENT = (
    "COMMENT ON TABLE stream_positions IS "
    "'How far each stream was taken in; a copy for people. The truth is in the log of raw.'"
)
_WRITE = """
    INSERT INTO stream_positions (stream, taken_in_until, hours_owed, owed, snapshot,
        landing_version, raw_version, run_id)
    SELECT stream, taken_in_until, hours_owed, owed, snapshot, landing_version, raw_version, run_id
    FROM jsonb_populate_record(null::stream_positions, $1::jsonb)
    ON CONFLICT (stream) DO UPDATE SET taken_in_until = excluded.taken_in_until,
        hours_owed = excluded.hours_owed, owed = excluded.owed, snapshot = excluded.snapshot,
        landing_version = excluded.landing_version, raw_version = excluded.raw_version,
        run_id = excluded.run_id, written_at = now()
    WHERE stream_positions.raw_version < excluded.raw_version
"""


def mirror(contract: Contract, watermark: Watermark, version: int, run_id: str) -> str | None:
    """Copy a position; gives what went wrong, in one line, if anything did."""
    settings = get_settings()
    if settings.database_url is None and settings.source_database_url is not None:
        return None  # a server of our own is not started for a copy
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
        with platform_database(settings).connect() as connection:
            for statement in (_LOCK, _TABLE, _COMMENT):
                execute(connection, statement)
            execute(connection, _WRITE, [json.dumps(row)])
            connection.commit()
    except ChimeraError as error:
        return f"{contract.stream}: its position was not copied to CHIMERA_DATABASE_URL: {error}"
    return None
