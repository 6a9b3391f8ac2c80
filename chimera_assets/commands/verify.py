"""`chimera verify`: recount every promise, and name every hour that breaks one."""

from __future__ import annotations

from dataclasses import asdict, astuple
from typing import TYPE_CHECKING

from chimera_assets.commands.arguments import chosen_past_hours
from chimera_assets.commands.in_no_hour import in_no_hour_at_source, print_in_no_hour
from chimera_assets.commands.landing_status import in_no_hour
from chimera_assets.commands.terminal import notes, out, print_json, print_table
from chimera_assets.contracts import contracts, known_contracts
from chimera_assets.errors import counted
from chimera_assets.lake import open_lake
from chimera_assets.packs import active_packs
from chimera_assets.packs.models import streams_with_facts
from chimera_assets.reconciliation.findings import PROMISES
from chimera_assets.reconciliation.verify import verify
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing import rows_in_no_hour

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.hours import HourRange
    from chimera_assets.reconciliation.verify import Verification

#: How many failures people are shown; programs get all of them.
_SHOWN = 50


def show(first: str | None, end: str | None, *, as_json: bool, now: datetime) -> int:
    """Verify some hours or all; 1 if a promise does not hold."""
    hours = chosen_past_hours(first, end, earliest=get_settings().start, now=now)
    facts = streams_with_facts(active_packs())
    found = verify(open_lake(), known_contracts(), hours, with_facts=facts)
    landed = {
        contract.stream: rows
        for contract in contracts().values()
        if contract.kind == "stream" and (rows := rows_in_no_hour(open_lake(), contract.stream))
    }
    at_source = {name: told for name, told in in_no_hour_at_source().items() if told is not None}
    if as_json:
        told = {"holds": not found.failures, **asdict(found)}
        print_json({**told, "landed_in_no_hour": landed, "in_no_hour": at_source})
    else:
        _print(found, asked=hours)
        for stream, rows in landed.items():
            notes().print(in_no_hour(stream, rows), soft_wrap=True)
        print_in_no_hour(at_source)
        if others := ", ".join(found.not_compared):
            notes().print(f"Not compared, as no aggregates.yaml has them: {others}.")
    return 1 if found.failures else 0


def _print(found: Verification, *, asked: HourRange | None) -> None:
    if not found.hours and not found.failures:
        there = "in these hours" if asked is not None else "yet: nothing has been extracted"
        out().print(f"Nothing to verify {there}.")
        return
    failed = {
        name: len({(f.table, f.hour) for f in found.failures if f.promise == name})
        for name in PROMISES
    }
    hours = counted(found.hours, "hour")
    print_table(
        ("promise", "what it says", "checked", "broken"),
        ((name, said, found.checked[name], failed[name]) for name, said in PROMISES.items()),
        title=f"{hours}, {found.first} to {found.last}" if found.hours else None,
    )
    for_people = found.failures[:_SHOWN]
    if for_people:
        print_table(
            ("hour", "table", "promise", "expected", "found"),
            ((f.hour, f.table, f.promise, f.expected, f.found) for f in for_people),
            title="What does not hold",
        )
    if len(found.failures) > _SHOWN:
        notes().print(f"{_SHOWN} of {len(found.failures):,} are shown; --json has all of them.")
    verdict = f"{len(found.failures):,} broken" if found.failures else "Every promise holds"
    out().print(f"{verdict}. {counted(found.rows, 'row')} read in {found.seconds:.1f} s.")
    if found.held_back:
        print_table(
            ("stream", "hours", "first", "last", "good rows", "rejected rows"),
            (astuple(each) for each in found.held_back),
            title="Held back: too many rows of these hours break a rule of their contract",
        )
        notes().print("chimera quarantine list names the rules and rows. See docs/pipeline.md.")
    if found.expired:
        notes().print(f"Retention has deleted rows of {found.expired:,} of these hours.")
    if found.failures:
        notes().print(
            "`chimera backfill` makes hours again from the source; `chimera table restore` brings "
            "back an older version of a table. See docs/upkeep.md."
        )
