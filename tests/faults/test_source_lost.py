"""A database that goes away in the middle of an extraction: one line, and nothing half-written."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.postgres.connection import execute
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.database import connect
from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.postgres import PostgresSource
from tests.faults.conftest import SOAK
from tests.quality.rows import shipped
from tests.site.site import generations, keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from tests.faults.conftest import Survived
    from tests.faults.disposable_site import DisposableSite

#: More than the driver and the socket hold at once.
ROWS, BATCHES = (600_000, 6) if SOAK else (120_000, 1)
HOUR, LOCKED = keys("2026-01-19-05:00", 2)

MANY = f"""
    INSERT INTO generations (event_id, timestamp, tenant_id, provider, model, success, tokens_used,
                             user_id, created_at)
    SELECT 'many-' || n, $1::timestamptz, 'acme', 'openai', 'm-1', true, n % 1000,
           repeat('x', 150), $1::timestamptz
    FROM generate_series(1, {ROWS}) AS n
"""  # noqa: S608

TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = 'operational' AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'
"""


def restart_at_once(site: DisposableSite) -> None:
    """As `pg_ctl restart -m immediate`: no session is waited for, the log is replayed."""
    pid = site.server.cluster.postmaster()
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)
    while site.server.cluster.postmaster() == pid:
        pass
    site.server.url("operational")


def test_a_server_restarted_while_its_rows_stream(
    disposable_site: DisposableSite, tmp_path: Path, dice: Random, survived: Survived
) -> None:
    site, contract = disposable_site, shipped()["generations"]
    wanted = HourRange.from_keys(HOUR, HOUR)
    site.source.execute(MANY, [f"{HOUR[:10]} {HOUR[11:]}Z"])
    table = Lake(str(tmp_path / "lake")).table("raw", "generations")
    source = PostgresSource(site.source.url)

    def extracted() -> pa.RecordBatchReader:
        return source.now(contract).rows(wanted, Batch.new("generations", datetime.now(UTC)))

    def interrupted(rows: pa.RecordBatchReader, after: int) -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(rows):
            if number == after:
                restart_at_once(site)
            yield batch

    table.create(extracted().schema)
    for _ in range(10 if SOAK else 1):
        before = table.version()
        rows = extracted()
        broken = pa.RecordBatchReader.from_batches(
            rows.schema, interrupted(rows, dice.randrange(BATCHES))
        )
        with pytest.raises(SourceError) as lost:
            table.write_hours(broken, wanted)
        assert "\n" not in str(lost.value)
        assert "PostgreSQL" in str(lost.value)
        assert lost.value.transient
        assert (table.version(), table.count()) == (before, 0)
        survived("PostgreSQL restarted while rows stream")
    table.write_hours(extracted(), wanted)
    assert table.count() == table.read().collect()["event_id"].n_unique() == ROWS
    site.source.execute("DELETE FROM generations")


def test_a_run_whose_session_is_ended(
    disposable_site: DisposableSite, tmp_path: Path, survived: Survived
) -> None:
    """The extraction waits for a lock when its session is ended; another stream is not touched."""
    site, lake = disposable_site, Lake(str(tmp_path / "lake"))
    site.source.insert("generations", generations(LOCKED, 200))
    with connect(site.source.url) as connection:
        execute(connection, "LOCK TABLE generations IN ACCESS EXCLUSIVE MODE")

        def end(_: int, said: dict[str, Any]) -> None:
            if (said["step"], said["outcome"]) == ("raw/generations", "started"):
                while not any(site.source.execute(TERMINATE)):
                    pass

        ran = site.attempt(LOCKED, on_step=end, CHIMERA_LAKE_URI=lake.uri)
    assert ran is not None
    assert not ran.success
    (cause,) = ran.failed.values()
    assert list(ran.failed) == ["raw/generations"]
    assert "\n" not in cause
    assert "terminating connection" in cause
    assert not lake.table("raw", "generations").exists()
    assert not lake.table("marts", "fact_generations").exists()

    site.ran(LOCKED, CHIMERA_LAKE_URI=lake.uri)
    assert lake.table("marts", "fact_generations").count() == 200
    survived("PostgreSQL session ended in an extraction")
