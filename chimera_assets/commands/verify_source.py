"""`chimera verify --source`: does the lake have what its source has?"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from chimera_assets.commands.arguments import chosen_past_hours
from chimera_assets.commands.terminal import notes, out, print_json, print_table
from chimera_assets.contracts import contracts
from chimera_assets.errors import counted
from chimera_assets.hours import partition_key
from chimera_assets.ingest.source_comparison import compare_with_source
from chimera_assets.lake import open_lake
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.privacy.masking import MASK, OPERATOR_LEVEL
from chimera_assets.settings import get_settings
from chimera_assets.sources.errors import SourceTableMissing
from chimera_assets.sources.postgres import PostgresSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from chimera_assets.hours import HourRange
    from chimera_assets.ingest.source_comparison import Comparison, Difference

#: How many hours people are shown; programs get all of them.
_SHOWN = 50

_KINDS = ("missing", "changed", "elsewhere", "deleted")


def show(first: str | None, end: str | None, *, as_json: bool, now: datetime) -> int:
    """Compare some hours or all; 1 if the lake lacks rows of the source or has others."""
    started = time.perf_counter()
    hours = chosen_past_hours(first, end, earliest=get_settings().start, now=now)
    found = list(_comparisons(hours, now))
    is_right = not any(one.is_loss for each in found for one in each.differences)
    if as_json:
        print_json({"equal": is_right, "streams": [_as_json(each) for each in found]})
    else:
        _print(found, time.perf_counter() - started)
    return 0 if is_right else 1


def _comparisons(hours: HourRange | None, now: datetime) -> Iterator[Comparison]:
    source, lake = PostgresSource(source_database_url(get_settings())), open_lake()
    for contract in contracts().values():
        if contract.kind != "stream":
            continue
        try:
            found = compare_with_source(lake, contract, source, hours=hours, now=now)
        except SourceTableMissing:
            rows = "it is optional" if contract.optional_at_source else "rows come from files"
            message = f"{contract.stream}: no table {contract.source_table}; {rows}."
            notes().print(message, markup=False, soft_wrap=True)
            continue
        if found is None:
            notes().print(f"{contract.stream}: nothing extracted yet.", markup=False)
        else:
            yield replace(found, differences=tuple(map(_masked, found.differences)))


def _masked(found: Difference) -> Difference:
    """The same without values of key columns that are personal."""
    hidden = contracts()[found.stream].classified(OPERATOR_LEVEL)

    def masked(keys: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
        return tuple({n: MASK if n in hidden else v for n, v in key.items()} for key in keys)

    return replace(
        found,
        missing_keys=masked(found.missing_keys),
        changed_keys=masked(found.changed_keys),
        surplus_keys=masked(found.surplus_keys),
    )


def _as_json(found: Comparison) -> dict[str, Any]:
    told = asdict(found)
    for one in told["differences"]:
        one["hour"] = partition_key(one["hour"])
    return told


def _print(found: Sequence[Comparison], seconds: float) -> None:
    if not found:
        out().print("Nothing to compare yet: nothing has been extracted.")
        return
    print_table(
        ("stream", "hours", "rows", "pending hours", "hours that differ"),
        ((one.stream, one.hours, one.rows, one.pending, len(one.differences)) for one in found),
    )
    differing = [one for each in found for one in each.differences]
    _print_differing(differing)
    rows = counted(sum(one.rows for one in found), "row")
    wrong = [one for one in differing if one.is_loss]
    pending, expired = (sum(getattr(one, kind) for one in found) for kind in ("pending", "expired"))
    verdict = "The lake has what the source has"
    if not any(one.hours for one in found):
        waiting = f"{counted(pending, 'hour')} pending, {expired:,} past retention"
        verdict = f"Nothing was compared: {waiting}"
    if wrong:
        verdict = f"The lake is not as its source in {counted(len(wrong), 'hour')}"
        if others := len(differing) - len(wrong):
            verdict += f"; in {others:,} more, rows were deleted there, which does not count"
    elif differing:
        verdict += ", and rows that were deleted there"
    out().print(f"{verdict}. {rows} compared in {seconds:.1f} s.")
    for one in found:
        if one.not_compared:
            names = ", ".join(one.not_compared)
            why = "as the source has them as texts only, or the lake has not got them yet"
            said = f"{one.stream}: not compared, {why}: {names}."
            notes().print(said, markup=False, soft_wrap=True)
    if wrong:
        notes().print("`chimera backfill` makes hours again from the source.")


def _print_differing(differing: Sequence[Difference]) -> None:
    if not differing:
        return
    print_table(
        ("stream", "hour", "source", "raw", *_KINDS, "columns"),
        (
            (
                one.stream,
                partition_key(one.hour),
                one.source_rows,
                one.raw_rows,
                *(getattr(one, kind) for kind in _KINDS),
                ", ".join(one.columns),
            )
            for one in differing[:_SHOWN]
        ),
        title="What differs, in rows",
    )
    if len(differing) > _SHOWN:
        notes().print(f"{_SHOWN} of {len(differing):,} are shown; --json has all of them.")
    notes().print("--json names keys.")
