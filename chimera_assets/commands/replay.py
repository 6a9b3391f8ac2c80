"""`chimera quarantine replay`: rejected rows judged again, and what now passes published."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.commands import summary
from chimera_assets.commands.acting import command_context
from chimera_assets.commands.backfill import run_shown
from chimera_assets.commands.quarantine import rejected
from chimera_assets.commands.terminal import notes, out, print_json, print_table
from chimera_assets.contracts import contracts, required_references
from chimera_assets.hours import HOUR_COLUMNS, partition_key
from chimera_assets.lake import open_lake
from chimera_assets.lake.removal import runs, starts
from chimera_assets.layers import RAW
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.quality.replay import keep_replay, prospects
from chimera_assets.settings import get_settings
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.system_tables.batches import hour_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange


def replay(  # noqa: PLR0913 - the options of one command
    *,
    stream: str | None,
    hours: HourRange | None,
    reason: str | None,
    dry_run: bool,
    as_json: bool,
    now: datetime,
) -> int:
    """Judge again, and publish what now passes; 1 if a run failed or an hour stays blocked.

    Raises:
        ArgumentError: There is no such stream.
    """
    found = _prospects(stream, hours, reason)
    chosen = {name: rows.filter("gains") for name, rows in found.items()}
    if not as_json:
        _tell_prospects(found)
    code, done = (0, []) if dry_run else _run(chosen, now)
    if as_json:
        print_json(
            {
                "prospects": [
                    {"stream": name, **row}
                    for name, rows in found.items()
                    for row in rows.iter_rows(named=True)
                ],
                "replayed": [row for told in done for row in told.to_dicts()],
            }
        )
    elif done:
        _tell_done(pl.concat(done))
    return code


def _prospects(
    stream: str | None, hours: HourRange | None, reason: str | None
) -> dict[str, pl.DataFrame]:
    """By stream, what its hours that were asked for would gain."""
    waiting = rejected(stream, hours, reason).select("stream", *HOUR_COLUMNS).unique().collect()
    found = {}
    for name, contract in contracts().items():
        if contract.kind != "stream" or stream not in {None, name}:
            continue
        chosen = set(starts(waiting.filter(pl.col("stream") == name)))
        if reason is None:
            blocked = hour_history(open_lake(), name, hours).filter(~pl.col("published"))
            chosen |= set(starts(blocked))
        if chosen:
            rows = prospects(open_lake(), contract, chosen, _known_today(contract))
            found[name] = rows
    return found


def _known_today(contract: Contract) -> dict[str, pl.Series]:
    """What the contract's rules compare with, as the source has it now: the run will take that."""
    source = PostgresSource(source_database_url(get_settings()))
    known = {}
    for reference in required_references(contract):
        stream, column = reference.split(".")
        batch = Batch.new(stream, datetime.now(UTC))
        rows = pl.DataFrame(source.extract_reference(contracts()[stream], batch))
        known[reference] = rows[column].drop_nulls().unique()
    return known


def _run(chosen: dict[str, pl.DataFrame], now: datetime) -> tuple[int, list[pl.DataFrame]]:
    """Run the hours that gain, range by range; the exit code, and the traces."""
    code, done = 0, []
    context = command_context(now, dry_run=not any(rows.height for rows in chosen.values()))
    for hours in _ranges(chosen):
        run, log = run_shown(hours, replay=True, actor=context.actor)
        code = max(code, summary.problems(run, log))
        for name, rows in chosen.items():
            theirs = rows.filter(pl.Series([hour in hours for hour in starts(rows)]))
            if not theirs.is_empty():
                contract = contracts()[name]
                of_run = replace(context, run_id=run.run_id)
                done.append(keep_replay(of_run, contract, theirs))
    return code, done


def _ranges(chosen: dict[str, pl.DataFrame]) -> Iterator[HourRange]:
    """The hours of all streams as few ranges, without the hours in between."""
    wanted = {hour for rows in chosen.values() for hour in starts(rows)}
    present = set(wanted)
    for name in chosen:
        present |= set(starts(open_lake().table(RAW, name).rows_by_hour()))
    return runs(wanted, present)


def _tell_prospects(found: dict[str, pl.DataFrame]) -> None:
    if not found:
        out().print("No rows in quarantine wait for a replay.")
        return
    print_table(
        ("stream", "hours", "waiting", "would pass", "blocked hours", "hours to publish", "gone"),
        (
            (
                name,
                rows.height,
                int(rows["waiting"].sum()),
                int(rows["passing"].sum()),
                int(rows["blocked"].sum()),
                int(rows["gains"].sum()),
                int(rows["gone"].sum()),
            )
            for name, rows in found.items()
        ),
        title="Judged again by today's contract",
    )
    if any(rows["gone"].any() for rows in found.values()):
        notes().print("Of hours that are gone, raw has no rows any more: nothing is left to judge.")


def _tell_done(told: pl.DataFrame) -> None:
    hours = [partition_key(hour) for hour in starts(told)]
    print_table(
        ("stream", "hour", "waited", "published", "rejected again"),
        (
            (
                row["stream"],
                hour,
                row["waiting"],
                row["waiting"] - row["rejected_again"],
                row["rejected_again"],
            )
            for hour, row in zip(hours, told.iter_rows(named=True), strict=True)
        ),
        title="Replayed; kept in quality/replays",
    )
