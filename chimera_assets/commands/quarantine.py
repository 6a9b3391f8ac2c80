"""`chimera quarantine`: the rejected rows, why they were rejected, and what was in them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.quarantine_filters import chosen_streams, rejected
from chimera_assets.commands.reveal import revealed
from chimera_assets.commands.terminal import iso, notes, out, print_json, print_table
from chimera_assets.contracts import known_contracts
from chimera_assets.errors import ArgumentError, counted
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMN, HOUR_COLUMNS
from chimera_assets.lake import open_lake
from chimera_assets.layers import QUARANTINE
from chimera_assets.lifecycle.policy import QUARANTINE_DAYS
from chimera_assets.lifecycle.purge import purge
from chimera_assets.privacy.masking import OPERATOR_LEVEL
from chimera_assets.privacy.table_masks import Masks
from chimera_assets.quality.judge import UNREADABLE_COLUMN
from chimera_assets.quality.published_keys import with_key_published
from chimera_assets.quality.quarantine import counts_by_reason
from chimera_assets.quality.results import READABLE
from chimera_assets.sources.landing import damage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange


#: How rows without a key are asked for.
NO_KEY = "-"


def show_list(
    *,
    stream: str | None,
    hours: HourRange | None,
    reason: str | None,
    limit: int,
    as_json: bool,
) -> int:
    """Print counts by reason, and the newest rows with their keys; never a value."""
    rows = rejected(stream, hours, reason)
    reasons = counts_by_reason(rows)
    newest = rows.sort("last_seen", *HOUR_COLUMNS, "row_key", descending=[True, True, True, False])
    listed = newest.head(limit).drop("record").collect()
    total = int(rows.select(pl.len()).collect().item())
    listed = with_key_published(open_lake(), known_contracts(), listed)
    entries = [_entry(row) for row in listed.iter_rows(named=True)]
    if as_json:
        print_json({"total": total, "reasons": reasons.to_dicts(), "rows": entries})
        return 0
    if not total:
        chosen = any(one is not None for one in (stream, hours, reason))
        out().print("No such rows in quarantine." if chosen else "No rows in quarantine.")
        return 0
    print_table(("stream", "reason", "rows"), reasons.iter_rows(), title="Rejected rows by reason")
    columns = ("stream", "hour", "key", "reasons", "first_seen", "state", "key_published")
    print_table(
        [column.replace("_", " ") for column in columns],
        ([", ".join(e[c]) if c == "reasons" else e[c] for c in columns] for e in entries),
        title="Rows",
    )
    if total > len(entries):
        notes().print(f"{len(entries)} of {counted(total, 'row')}; --limit shows more.")
    return 0


def show_rows(
    key: str, *, stream: str | None, hours: HourRange | None, reveal: bool, now: datetime
) -> int:
    """Print every quarantined row with a key: reasons in words, and its original values.

    Raises:
        ArgumentError: There is no such row.
        AuditError: Values are to be revealed, and the audit log could not be written.
    """
    with_key = pl.col("row_key").is_null() if key == NO_KEY else pl.col("row_key") == key
    rows = rejected(stream, hours).filter(with_key).sort(*HOUR_COLUMNS, "stream").collect()
    if rows.is_empty():
        of = f" of {stream}" if stream is not None else ""
        msg = f"{key}: no such row{of} in quarantine; `chimera quarantine list` shows their keys"
        raise ArgumentError(msg)
    hidden = [_show(row, reveal=reveal, now=now) for row in rows.iter_rows(named=True)]
    if any(hidden):
        notes().print("Personal values are masked; --reveal shows them.")
    return 0


def purge_old(
    *, stream: str | None, days: float | None, dry_run: bool, as_json: bool, now: datetime
) -> int:
    """Delete the rows that waited long enough, and say which those were.

    Raises:
        ArgumentError: There is no such stream.
        AuditError: The audit log could not be written.
    """
    names = chosen_streams(open_lake(), stream)
    context = command_context(now, dry_run=dry_run)
    done = [
        purge(context, name, age, dry_run=dry_run)
        for name in names
        for age in [days if days is not None else _days(known_contracts().get(name))]
    ]
    if as_json:
        print_json([asdict(each) for each in done])
        return 0
    print_table(
        ("stream", "older than", "rows", "hours", "reasons", "hours held", "hours skipped"),
        (
            (
                each.stream,
                f"{each.older_than_days:g} days",
                each.rows,
                each.hours,
                ", ".join(f"{rule} {rows:,}" for rule, rows in each.reasons.items()) or None,
                each.held,
                each.skipped,
            )
            for each in done
        ),
        title="What would be dropped from quarantine" if dry_run else "Dropped from quarantine",
    )
    if any(each.skipped for each in done):
        notes().print("Skipped hours were being written; run it again.")
    return 0


def _days(contract: Contract | None) -> float:
    return contract.quarantine_days if contract is not None else QUARANTINE_DAYS


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "stream": row["stream"],
        "hour": _hour(row),
        "key": _masks().key(row["stream"], row["row_key"]),
        "reasons": row["reasons"],
        "batch_id": row["batch_id"],
        "first_seen": row["first_seen"],
        "last_seen": row["last_seen"],
        "state": row["replay_state"],
        "key_published": row["key_published"],
    }


def _show(row: dict[str, Any], *, reveal: bool, now: datetime) -> bool:
    """Print one row; whether something was masked."""
    contract = known_contracts().get(row["stream"])
    unmasked = (*damage.NOT_OF_COLUMNS, UNREADABLE_COLUMN)
    masked, hidden = _masks().record(row["stream"], row["record"], shown=unmasked)
    shown = json.loads(row["record"]) if reveal else masked
    unreadable = shown.pop(UNREADABLE_COLUMN, ())
    about = (
        ("stream", row["stream"]),
        ("hour", _hour(row)),
        ("key", row["row_key"]),
        ("batch", row["batch_id"]),
        ("first seen", iso(row["first_seen"])),
        ("last seen", iso(row["last_seen"])),
        ("state", row["replay_state"]),
    )
    print_table(("row", ""), about)
    reasons = [(name, *reason_in_words(contract, name, unreadable)) for name in row["reasons"]]
    print_table(("reason", "column", "what the contract asks for"), reasons)
    record = [(name, json.dumps(value, ensure_ascii=False)) for name, value in shown.items()]
    with revealed(f"{QUARANTINE}/{row['stream']}", hidden if reveal else (), now=now):
        print_table(("column", "value as received"), record)
    return bool(hidden) and not reveal


def reason_in_words(
    contract: Contract | None, name: str, unreadable: Sequence[str] = ()
) -> tuple[str | None, str]:
    """The column a rule is about, and what it asks for, as its contract says it.

    Args:
        contract: The contract, None if the stream has none any more.
        name: The rule.
        unreadable: The columns whose values could not be read, which the rule `readable` is about.
    """
    if name == READABLE:
        words = "Every value of the row can be read as its column's type."
        return ", ".join(unreadable) or None, words
    if name in damage.IN_WORDS:
        return None, damage.IN_WORDS[name]
    for rule in contract.rules if contract is not None else ():
        if rule.name == name:
            return rule.column, rule.description
    return None, "The contract has no such rule any more."


def _masks() -> Masks:
    return Masks(OPERATOR_LEVEL, known_contracts())


def _hour(row: dict[str, Any]) -> str:
    return f"{row[DAY_COLUMN]}T{row[HOUR_COLUMN]:02}:00Z"
