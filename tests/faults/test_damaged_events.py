"""Randomly damaged events: each is staged, or in quarantine with its reasons, or a duplicate."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.hours import HourRange, parse_key
from chimera_assets.lake import Lake
from chimera_assets.run_context import RunContext
from chimera_assets.sources.landing import Place, load_files
from tests.faults.conftest import SOAK
from tests.shipped import SHIPPED
from tests.site.site import generations, keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from tests.faults.conftest import Survived
    from tests.faults.disposable_site import DisposableSite

Event: TypeAlias = dict[str, Any]

EVENTS = 100_000 if SOAK else 2_000
HOURS = keys("2026-01-21-10:00", 4)
#: Events a statement.
CHUNK = 2_000

NUMBERS = ("prompt_length", "response_length", "tokens_used")
FRACTIONS = ("latency_ms", "cost_usd")
TEXTS = ("event_id", "tenant_id", "user_id", "provider", "model", "error_code")

ODD_INTEGERS = (-1, 0, 2**31 - 1, 2**31, 2**53 + 1, -(2**63), 2**63 - 1)
ODD_FRACTIONS = ("NaN", "Infinity", "-Infinity", -0.0, -1e-9, 1e308, 5e-324, 10_000.000001, 0.0)
ODD_TEXTS = (
    "",
    " ",
    "null",
    "Zoë 🦀 \u202e\u0301 ꙮ",
    "'; DROP TABLE battered; --",
    'quo"te\\back\nline\ttab\r',
    "é" * 150,
    "x" * 100_000,
    "\ufeff\u200b",
)
ODD_TIMES = (
    "infinity",
    "-infinity",
    "0001-01-01T00:00:00Z",
    "4713-01-01T00:00:00Z BC",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "294276-12-31T23:59:59Z",
    "2026-01-21T10:59:59.9999999+00:00",
    "2026-01-21T10:00:00-14:59",
)
ODD_ARRAYS: tuple[list[str | None] | None, ...] = (
    None,
    [],
    [None],
    ["base64", None, ""],
    ["UPPER case!", "💥"],
    ["same"] * 50,
)


def damaged(event: Event, dice: Random) -> list[Event]:
    """The event with one to three damages; some come more than once."""
    event = dict(event)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        match dice.randrange(8):
            case 0:
                event[dice.choice(list(event))] = None
            case 1:
                event[dice.choice(NUMBERS)] = dice.choice(ODD_INTEGERS)
            case 2:
                event[dice.choice(FRACTIONS)] = dice.choice(ODD_FRACTIONS)
            case 3:
                event[dice.choice(TEXTS)] = dice.choice(ODD_TEXTS)
            case 4:
                event["timestamp"] = dice.choice(ODD_TIMES)
            case 5:
                event["created_at"] = dice.choice(ODD_TIMES)
            case 6:
                event["techniques_applied"] = dice.choice(ODD_ARRAYS)
            case _:
                event["success"] = dice.choice((None, True, False))
                event["error_code"] = dice.choice(("", "timeout", None))
    copies = dice.choice((1,) * 15 + (2, 3))
    return [
        event | ({"tokens_used": n} if n and dice.random() < 0.5 else {}) for n in range(copies)
    ]


#: Where an event belongs, once more: its time, or its arrival if that is much earlier or the
#: time cannot be read.
ELSEWHERE = """
    WITH readable AS (
        SELECT CASE WHEN timestamp >= '0001-01-01 00:00Z' AND timestamp < '10000-01-01 00:00Z'
                    THEN timestamp END AS event,
               CASE WHEN created_at >= '0001-01-01 00:00Z' AND created_at < '10000-01-01 00:00Z'
                    THEN created_at END AS arrival
        FROM battered
    ), placed AS (
        SELECT CASE WHEN event IS NULL OR event > arrival + interval '5 minutes'
                    THEN arrival ELSE event END AS at
        FROM readable
    )
    SELECT count(*) AS n FROM placed
    WHERE at IS NULL OR at < $1::timestamptz OR at >= $2::timestamptz
"""


class InPostgres:
    """The operational database as the source of damaged events."""

    def __init__(self, site: DisposableSite) -> None:
        self._site = site
        site.source.execute("DROP TABLE IF EXISTS battered")
        site.source.execute(
            "CREATE TABLE battered (event_id text, timestamp timestamptz, tenant_id text, "
            "user_id text, provider text, model text, prompt_length bigint, "
            "response_length bigint, latency_ms float8, success bool, error_code text, "
            "techniques_applied text[], tokens_used bigint, cost_usd float8, "
            "created_at timestamptz)"
        )

    def put(self, events: list[Event], lake: Lake, contract: Path) -> None:  # noqa: ARG002
        """Add events."""
        for start in range(0, len(events), CHUNK):
            self._site.source.insert("battered", events[start : start + CHUNK])

    def elsewhere(self, hours: HourRange, lake: Lake) -> int:  # noqa: ARG002
        """How many events have their hour outside of these, or have none."""
        found = self._site.source.execute(
            ELSEWHERE, [hours.start.isoformat(), hours.end.isoformat()]
        )
        return int(found[0]["n"])


class InFiles:
    """Landing files as the only source of damaged events: there is no table."""

    def __init__(self, site: DisposableSite) -> None:
        site.source.execute("DROP TABLE IF EXISTS battered")

    def put(self, events: list[Event], lake: Lake, contract: Path) -> None:
        """Drop events as gzipped JSON lines, and take them."""
        folder = contract.parent.parent / "drop" / "battered"
        folder.mkdir(parents=True)
        for start in range(0, len(events), 10 * CHUNK):
            lines = [json.dumps(event) for event in events[start : start + 10 * CHUNK]]
            file = folder / f"{start:06d}.jsonl.gz"
            file.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
            os.utime(file, (1.77e9, 1.77e9))
        described = load_contracts([SHIPPED, contract.parent])["battered"]
        run = RunContext(lake, datetime.now(UTC), "taken")
        taken = load_files(run, described, Place(str(folder.parent)))
        assert sum(entry.rows for entry in taken.entries) == len(events)

    def elsewhere(self, hours: HourRange, lake: Lake) -> int:
        """How many events landed in other hours."""
        landed = lake.table("landing", "battered")
        every, here = landed.rows_by_hour()["rows"].sum(), landed.rows_by_hour(hours)["rows"].sum()
        return int(every - here)


#: Source -> what makes one that holds nothing yet.
SOURCES: dict[str, Callable[[DisposableSite], InPostgres | InFiles]] = {
    "postgres": InPostgres,
    "files": InFiles,
}


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """The rules of `generations` for a stream of its own, whose hours are published at any rate."""
    folder = tmp_path / "contracts"
    folder.mkdir()
    text = (SHIPPED / "generations.odcs.yaml").read_text()
    text = text.replace("generations", "battered").replace("value: 0.99", "value: 0.0001")
    path = folder / "battered.odcs.yaml"
    path.write_text(text)
    return path


@pytest.mark.criterion("AC-002.3")
@pytest.mark.timeout(3600 if SOAK else 300)
@pytest.mark.parametrize("source", SOURCES)
def test_every_damaged_event_is_accounted_for(  # noqa: PLR0913, PLR0917
    disposable_site: DisposableSite,
    tmp_path: Path,
    source: str,
    contract: Path,
    dice: Random,
    survived: Survived,
) -> None:
    holder = SOURCES[source](disposable_site)
    put: list[Event] = []
    for hour in HOURS:
        for event in generations(hour, EVENTS // len(HOURS)):
            put += damaged(event, dice)
    lake = Lake(str(tmp_path / "lake"))
    holder.put(put, lake, contract)
    settings = {
        "CHIMERA_LAKE_URI": lake.uri,
        "CHIMERA_CONTRACTS": str(contract.parent),
        "CHIMERA_STREAMS": "battered,providers",
    }

    ran = disposable_site.attempt(HOURS[0], HOURS[-1], **settings)

    assert ran is not None
    assert ran.success, ran.failed
    hours = HourRange.from_keys(HOURS[0], HOURS[-1])
    raw, staged, quarantine = (
        lake.table(layer, "battered").read().collect() for layer in ("raw", "staged", "quarantine")
    )
    accounts = lake.table("quality", "batches").read().filter(stream="battered").collect()
    assert accounts["published"].all()
    assert raw.height + holder.elsewhere(hours, lake) == len(put)
    assert raw.height == staged.height + quarantine.height + accounts["duplicates"].sum()
    sums = accounts.select("extracted", "staged", "quarantined").sum().row(0)
    assert sums == (raw.height, staged.height, quarantine.height)

    assert quarantine["reasons"].list.len().min() > 0
    for record in quarantine["record"]:
        assert set(json.loads(record)) >= {"event_id", "timestamp", "tokens_used"}
    ids = {"event_id": pl.col("row_key")}
    known = pl.concat([staged.select("event_id"), quarantine.select(**ids)]).unique()
    lost = raw.filter(pl.col("event_id").is_not_null()).join(known, on="event_id", how="anti")
    assert lost.is_empty()
    key = ["hour_partition", "hour", "event_id"]
    assert staged.select(key).is_unique().all()
    assert staged["latency_ms"].drop_nulls().is_between(0, 10_000).all()
    assert staged.select(pl.col(*NUMBERS, "cost_usd").min() >= 0).row(0) == (True,) * 4
    assert staged.select("tenant_id", "success", "provider").null_count().row(0) == (0, 0, 0)
    in_hour = pl.col("timestamp").dt.truncate("1h").dt.replace_time_zone(None)
    placed = pl.col("hour_partition").cast(pl.Datetime("us")) + pl.duration(hours="hour")
    assert staged.select((in_hour == placed).all()).item()
    assert parse_key(HOURS[0]) <= staged["timestamp"].min() < hours.end  # type: ignore[operator]
    survived(f"damaged events from {source}", len(put))
