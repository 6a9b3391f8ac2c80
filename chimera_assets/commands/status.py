"""`chimera status`: how far each stream is, how good it is, and what every table holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.commands.terminal import Size, notes, percent, print_json, print_table
from chimera_assets.contracts import contracts
from chimera_assets.hours import HOUR_COLUMNS, ONE_HOUR
from chimera_assets.pipeline.lakehouse import open_lake
from chimera_assets.quality.freshness import newest_hour
from chimera_assets.quality.results import BATCHES

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake, Table

_MINUTE = timedelta(minutes=1)


def show(*, as_json: bool, now: datetime) -> int:
    """Print the state of the lake: streams, then tables."""
    lake = open_lake()
    judged = latest_batches(lake)
    streams = [_stream(lake, contract, judged, now) for contract in contracts().values()]
    tables = [_table(lake.table(layer, name), now) for layer, name in lake.tables()]
    if as_json:
        print_json({"lake": lake.uri, "at": now, "streams": streams, "tables": tables})
        return 0
    _print(lake, streams, tables)
    return 0


def latest_batches(lake: Lake) -> pl.DataFrame:
    """The newest account of every stream and hour: a frame of `BATCHES`."""
    table = lake.table("quality", "batches")
    if not table.exists():
        return pl.DataFrame(schema=BATCHES)
    rows = table.read(columns=list(BATCHES)).collect()
    return rows.sort("judged_at").unique(["stream", *HOUR_COLUMNS], keep="last")


def _stream(lake: Lake, contract: Contract, judged: pl.DataFrame, now: datetime) -> dict[str, Any]:
    staged = lake.table("staged", contract.stream)
    quarantine = lake.table("quarantine", contract.stream)
    mine = judged.filter(pl.col("stream") == contract.stream)
    extracted, rejected = int(mine["extracted"].sum()), int(mine["quarantined"].sum())
    last = newest_hour(staged, now) if contract.kind == "stream" else None
    return {
        "stream": contract.stream,
        "kind": contract.kind,
        "last_hour": last,
        "lag_minutes": _lag(last, now),
        "late": _is_late(contract, last, now),
        "rows": staged.count() if staged.exists() else 0,
        "pass_rate": 1 - rejected / extracted if extracted else None,
        "quarantined": quarantine.count() if quarantine.exists() else 0,
        "blocked_hours": mine.filter(~pl.col("published")).height,
        "version": staged.version() if staged.exists() else None,
        "bytes": staged.stats().bytes if staged.exists() else 0,
    }


def _table(table: Table, now: datetime) -> dict[str, Any]:
    stats = table.stats()
    last = newest_hour(table, now)
    return {
        "layer": table.layer,
        "table": table.name,
        "last_hour": last,
        "lag_minutes": _lag(last, now),
        "rows": stats.rows,
        "version": stats.version,
        "files": stats.files,
        "bytes": stats.bytes,
    }


def _lag(last: datetime | None, now: datetime) -> int | None:
    """Minutes since the end of the last hour that has rows."""
    return max(0, (now - last - ONE_HOUR) // _MINUTE) if last is not None else None


def _is_late(contract: Contract, last: datetime | None, now: datetime) -> bool | None:
    if last is None or contract.kind != "stream":
        return None
    return now - last - ONE_HOUR > timedelta(hours=contract.freshness_hours)


def _print(lake: Lake, streams: list[dict[str, Any]], tables: list[dict[str, Any]]) -> None:
    print_table(
        ("stream", "last hour", "lag", "rows", "pass rate", "quarantine", "blocked hours"),
        (
            (
                stream["stream"],
                stream["last_hour"],
                _lag_in_words(stream["lag_minutes"], late=bool(stream["late"])),
                stream["rows"],
                percent(stream["pass_rate"]),
                stream["quarantined"],
                stream["blocked_hours"],
            )
            for stream in streams
        ),
        title=f"Streams in {lake.uri}",
    )
    if not tables:
        notes().print("The lake is empty. `chimera demo` or `chimera backfill` fills it.")
        return
    print_table(
        ("table", "last hour", "rows", "version", "files", "size"),
        (
            (
                f"{table['layer']}/{table['table']}",
                table["last_hour"],
                table["rows"],
                table["version"],
                table["files"],
                Size(table["bytes"]),
            )
            for table in tables
        ),
        title="Tables",
    )


def _lag_in_words(minutes: int | None, *, late: bool) -> str | None:
    if minutes is None:
        return None
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    words = f"{days}d {hours}h" if days else f"{hours}h {minutes:02}m"
    return f"{words} (late)" if late else words
