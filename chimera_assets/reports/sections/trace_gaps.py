"""Where a record that was traced does not lead back: tables that must have it and do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.contracts import known_contracts
from chimera_assets.layers import AGGREGATES, MARTS, RAW, STAGED, fact_table
from chimera_assets.lifecycle.policy import kept_days
from chimera_assets.lifecycle.retention import first_kept
from chimera_assets.packs import active_packs
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.packs.models import streams_with_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake
    from chimera_assets.lineage.record import Counted, HourLineage, Stored


@dataclass(frozen=True, slots=True)
class Gaps:
    """What keeps a record from leading back.

    Attributes:
        lacking: What must have the record and does not, `layer/name`.
        forgotten: Tables that have it, and whose log no longer says which commit stored it.
    """

    lacking: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()


def gaps(lake: Lake, contract: Contract, found: HourLineage, now: datetime) -> Gaps:
    """The gaps in what is told of a record that is staged.

    It must be in raw, in staged, in its stream's fact if a pack makes one, and in each aggregate
    that a pack makes of its facts; not where retention may have deleted it.

    Args:
        lake: The lake.
        contract: Its stream's contract.
        found: What is told of it in one hour.
        now: The present.
    """
    asked = dict(_asked(lake, contract, found))
    kept = {name: one for name, one in asked.items() if _is_kept(lake, name, found, now)}
    lacking = [name for name, stored in kept.items() if stored is None]
    forgotten = [name for name, one in kept.items() if one is not None and one.version is None]
    return Gaps((*lacking, *([] if found.rows else ["a verdict"])), tuple(forgotten))


def _asked(
    lake: Lake, contract: Contract, found: HourLineage
) -> Iterator[tuple[str, Stored | None]]:
    """Each table that must have the record, and where it has it."""
    stream = contract.stream
    yield f"{RAW}/{stream}", found.raw
    yield f"{STAGED}/{stream}", found.staged
    facts = {one.table: one for one in found.facts}
    yield from facts.items()
    own = f"{MARTS}/{fact_table(stream)}"
    if own not in facts and stream in streams_with_facts(active_packs()):
        yield own, None
    for aggregate in active_aggregates():
        name = f"{AGGREGATES}/{aggregate.table}"
        of_it = [one for one in found.counted if one.stored.table == name]
        there = lake.table(AGGREGATES, aggregate.table).exists()
        # One that is there and tells of no row does not count the record: it is not for all.
        if any(f"{MARTS}/{one}" in facts for one in aggregate.facts) and (of_it or not there):
            yield name, _counted_by(of_it)


def _counted_by(rows: Iterable[Counted]) -> Stored | None:
    """Where an aggregate counts a record; None if it lacks a row that would."""
    found = list(rows)
    whole = bool(found) and all(one.totals is not None for one in found)
    return found[0].stored if whole else None


def _is_kept(lake: Lake, name: str, found: HourLineage, now: datetime) -> bool:
    layer, _, table = name.partition("/")
    days = kept_days(lake.table(layer, table), known_contracts())
    return days is None or found.hour is None or found.hour >= first_kept(now, days)
