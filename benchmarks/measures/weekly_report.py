"""The report of a week over millions of facts, all sections and files, in a process that is warm.

The facts lie in 168 hours; aggregates are made from them by the definitions that `chimera verify`
goes by.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING
from uuid import uuid4

from benchmarks.data import START, generations
from benchmarks.measures.verify import build_hours, take_providers
from benchmarks.outcome import Goal, Outcome
from chimera_assets.access.principal import Principal
from chimera_assets.audit.catch_up import keys_of
from chimera_assets.audited_context import new_context
from chimera_assets.contracts import known_contracts
from chimera_assets.hours import HourRange
from chimera_assets.lake import open_lake
from chimera_assets.packs import active_packs
from chimera_assets.packs.sections import sections_of
from chimera_assets.privacy.origins import ModelLineage
from chimera_assets.reconciliation.verify import verify
from chimera_assets.reports.build import build
from chimera_assets.reports.order import Order
from chimera_assets.reports.periods import parse_period
from chimera_assets.settings import get_settings
from chimera_assets.system_tables.column_lineage import append_lineages

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.lake import Lake
    from chimera_assets.privacy.origins import Lineages
    from chimera_assets.reports.build import Made

ROWS = 10_000_000

_DAYS = 7


def measure(rows: int, home: Path) -> Outcome:  # noqa: ARG001 - the settings name it
    """Build another week's report, which loads what reports need; then the week's."""
    with ProcessPoolExecutor(1, get_context("spawn")) as apart:  # its memory is not the report's
        apart.submit(_build_lake, rows).result()
    now = START + timedelta(days=_DAYS + 1)
    _report("2025-W52", now)
    started = time.perf_counter()
    verify(open_lake(), known_contracts(), HourRange(START, START + timedelta(days=_DAYS)))
    recounted = time.perf_counter()
    made = _report("2026-W02", now)
    seconds = time.perf_counter() - recounted
    statuses = {name: str(status) for name, status in made.status.items()}
    floor = recounted - started
    return Outcome(
        rows=rows,
        ours=seconds,
        floor=floor,
        ratio=floor / seconds,
        peer="`chimera verify` of the same hours alone, which is one of the sections",
        goals=(Goal("seconds", 3.0), Goal("peak_mb", 1_000)),
        details={"sections": statuses},
    )


def _build_lake(rows: int) -> None:
    lake = open_lake()
    take_providers(lake)
    for day in range(_DAYS):
        hours = HourRange(START + timedelta(days=day), START + timedelta(days=day + 1))
        count = rows // _DAYS
        build_hours(lake, hours, generations(count, hours=24, start=hours.start, first=day * count))
    _say_lineage(lake)


def _report(period: str, now: datetime) -> Made:
    context = new_context(Principal.of_command(), now=now, run_id=str(uuid4()))
    keys = keys_of(context.audit, get_settings(), context.actor)
    return build(context, Order(parse_period(period)), sections_of(active_packs()), keys)


def _say_lineage(lake: Lake) -> None:
    """Say of the aggregates what dbt says of its models: no column holds a value of a row."""
    made: Lineages = {}
    for layer, name in lake.tables():
        if layer in {"aggregates", "marts"}:
            columns = lake.table(layer, name).schema().names
            of_nothing = ModelLineage(dict.fromkeys(columns, frozenset()), frozenset())
            made[layer, name] = {"measured": of_nothing}
    append_lineages(lake, made)
