"""`chimera status`: how far each stream is, how good it is, and what every table holds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.commands.audit import print_weaknesses
from chimera_assets.commands.blocked_hours import blocked_hours, print_blocked_hours
from chimera_assets.commands.in_no_hour import in_no_hour_at_source, print_in_no_hour
from chimera_assets.commands.landing_status import landings, print_landings
from chimera_assets.commands.open_hours import (
    first_expected,
    open_hours,
    print_open_hours,
    watermarks,
)
from chimera_assets.commands.terminal import Size, notes, percent, print_json, print_table
from chimera_assets.contracts import contracts
from chimera_assets.lake import open_lake
from chimera_assets.layers import QUARANTINE, STAGED
from chimera_assets.quality.event_lag import allowed_lag, lag_of
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing import Place
from chimera_assets.system_tables.batches import newest_batches

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.ingest.watermark import Watermark
    from chimera_assets.lake import Lake, Table

_MINUTE = timedelta(minutes=1)
#: Columns that are left out where no stream has any, so that the table fits a terminal.
_IF_ANY = {"blocked hours", "extracted up to", "hours pending", "never taken", "in no hour"}


def show(*, as_json: bool, now: datetime) -> int:
    """Print the state of the lake: streams, then tables."""
    lake = open_lake()
    judged = newest_batches(lake)
    place = Place(get_settings().resolved_landing_uri)
    streams = [_stream(lake, contract, judged, now) for contract in contracts().values()]
    at_source = in_no_hour_at_source()
    without_table = {stream for stream, reasons in at_source.items() if reasons is None}
    _add_hours(lake, streams, without_table, now)
    landing, unknown = landings(lake, place)
    for stream in streams:
        reasons = at_source.get(stream["stream"])
        stream["in_no_hour"] = sum(reasons.values()) if reasons is not None else None
        stream["in_no_hour_reasons"] = reasons
    tables = [_table(lake.table(layer, name), now) for layer, name in lake.tables()]
    if as_json:
        print_json(
            {"lake": lake.uri, "at": now, "streams": streams, "landing": landing, "tables": tables}
        )
        return 0
    _print(lake, streams, tables)
    print_in_no_hour(at_source)
    print_landings(place, landing, unknown)
    print_weaknesses(get_settings())
    return 0


def _stream(lake: Lake, contract: Contract, judged: pl.DataFrame, now: datetime) -> dict[str, Any]:
    staged = lake.table(STAGED, contract.stream)
    quarantine = lake.table(QUARANTINE, contract.stream)
    mine = judged.filter(pl.col("stream") == contract.stream)
    extracted, rejected = int(mine["extracted"].sum()), int(mine["quarantined"].sum())
    last = staged.last_hour() if contract.kind == "stream" and staged.exists() else None
    return {
        "stream": contract.stream,
        "kind": contract.kind,
        "last_hour": last,
        "lag_minutes": _lag(last, now),
        "late": _is_late(contract, last, now),
        "rows": staged.count() if staged.exists() else 0,
        "pass_rate": 1 - rejected / extracted if extracted else None,
        "quarantined": quarantine.count() if quarantine.exists() else 0,
        **blocked_hours(contract, mine),
        "version": staged.version() if staged.exists() else None,
        "bytes": staged.stats().bytes if staged.exists() else 0,
    }


def _add_hours(
    lake: Lake, streams: list[dict[str, Any]], without_table: Collection[str], now: datetime
) -> None:
    """Add how far each stream is, and which hours it has yet to take."""
    hourly = {stream["stream"]: stream for stream in streams if stream["kind"] == "stream"}
    known = watermarks(lake, hourly)
    first = first_expected(known)
    for name, stream in hourly.items():
        has_table = name not in without_table
        hours = open_hours(lake, contracts()[name], known[name], first, now, has_table=has_table)
        # The last three are deprecated names of others; see docs/commands.md.
        old = {"hours_owed": hours["hours_pending"], "owed": hours["pending"]}
        stream |= {**_place(known[name]), **hours, **old}


def _place(watermark: Watermark) -> dict[str, Any]:
    """Where a stream's watermark is."""
    moment = watermark.moment
    until = moment.taken_at if moment is not None else None
    return {
        "watermark": until,
        "snapshot": str(moment.snapshot) if moment is not None else None,
        "landing_version": watermark.landing_version if watermark.landing_version >= 0 else None,
        "taken_in_until": until,
    }


def _table(table: Table, now: datetime) -> dict[str, Any]:
    stats = table.stats()
    last = table.last_hour()
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
    """The lag in whole minutes."""
    lag = lag_of(last, now)
    return lag // _MINUTE if lag is not None else None


def _is_late(contract: Contract, last: datetime | None, now: datetime) -> bool | None:
    lag = lag_of(last, now) if contract.kind == "stream" else None
    return lag > allowed_lag(contract) if lag is not None else None


def _print(lake: Lake, streams: list[dict[str, Any]], tables: list[dict[str, Any]]) -> None:
    rows = [_cells(stream) for stream in streams]
    shown = [
        name
        for name in (rows[0] if rows else ())
        if name not in _IF_ANY or any(row[name] for row in rows)
    ]
    print_table(
        shown, ([row[name] for name in shown] for row in rows), title=f"Streams in {lake.uri}"
    )
    print_blocked_hours(streams)
    print_open_hours(streams)
    if not tables:
        notes().print("The lake is empty. `chimera demo` or `chimera backfill` fills it.")
        return
    print_table(
        ("table", "last hour", "rows", "size"),
        (
            (
                f"{table['layer']}/{table['table']}",
                table["last_hour"],
                table["rows"],
                Size(table["bytes"]),
            )
            for table in tables
        ),
        title="Tables",
    )


def _cells(stream: dict[str, Any]) -> dict[str, object]:
    """A stream's line in the table, by its headings."""
    return {
        "stream": stream["stream"],
        "last hour": stream["last_hour"],
        "lag": _lag_in_words(stream["lag_minutes"], late=bool(stream["late"])),
        "rows": stream["rows"],
        "pass rate": percent(stream["pass_rate"]),
        "quarantine": stream["quarantined"],
        "blocked hours": stream["blocked_hours"],
        "extracted up to": stream.get("watermark"),
        "hours pending": stream.get("hours_pending"),
        "never taken": stream.get("hours_never_taken"),
        "in no hour": stream["in_no_hour"],
    }


def _lag_in_words(minutes: int | None, *, late: bool) -> str | None:
    if minutes is None:
        return None
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    words = f"{days}d {hours}h" if days else f"{hours}h {minutes:02}m"
    return f"{words} (late)" if late else words
