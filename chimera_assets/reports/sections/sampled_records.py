"""A sample of a period's records, the same for the same report, each traced through all layers."""

from __future__ import annotations

from itertools import cycle, islice
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from chimera_assets.contracts import known_contracts
from chimera_assets.errors import ChimeraError, one_line, without_userinfo
from chimera_assets.hour_columns import hour_starts
from chimera_assets.hours import HourRange
from chimera_assets.layers import STAGED
from chimera_assets.lineage.key import RecordKey
from chimera_assets.lineage.trace import Request, Surroundings, trace
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.privacy.masking import OPERATOR_LEVEL
from chimera_assets.privacy.table_masks import Masks
from chimera_assets.reports import document as doc
from chimera_assets.reports.sections.trace_gaps import Gaps, gaps
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.lineage.record import HourLineage
    from chimera_assets.privacy.origins import Lineages
    from chimera_assets.reports.inputs import Inputs
    from chimera_assets.sources.postgres import PostgresSource

#: So many records are traced.
SAMPLE = 4

SAMPLE_COLUMNS = (
    doc.Column("stream", "Stream"),
    doc.Column("key", "Key"),
    doc.Column("hour", "Hour", doc.Kind.time),
    doc.Column("origin", "Came from"),
    doc.Column("verdict", "Verdict"),
    doc.Column("batch", "Batch"),
    doc.Column("raw", "Raw", doc.Kind.number),
    doc.Column("staged", "Staged", doc.Kind.number),
    doc.Column("facts", "Facts"),
    doc.Column("counted", "Counted in"),
)

#: Of a record that cannot be traced.
_NOTHING = (None,) * 6


class Sampled(NamedTuple):
    """A record of the sample: its row of `SAMPLE_COLUMNS`, and where it does not lead back."""

    row: tuple[doc.Value, ...]
    gaps: Gaps


def sampled(inputs: Inputs, lineages: Lineages) -> Iterator[Sampled]:
    """Each record; of layers the version that stored it.

    One that is found nowhere, or cannot be traced, says so in place of where it came from. Keys
    with personal values are masked. No row of another tenant is among them.
    """
    masks = Masks(OPERATOR_LEVEL, known_contracts(), lineages)
    around = Surroundings(inputs.lake, _source, active_aggregates(), lineages)
    for hour, key in _chosen(inputs):
        stream = key.contract.stream
        told = _traced(around, key, hour)
        if isinstance(told, str):
            cells: tuple[doc.Value, ...] = (told, *_NOTHING)
            found = Gaps(lacking=("anything that leads back",))
        else:
            cells, found = _told(told), gaps(inputs.lake, key.contract, told, inputs.built_at)
        yield Sampled((stream, masks.key(stream, str(key)), hour, *cells), found)


def _traced(around: Surroundings, key: RecordKey, hour: datetime) -> HourLineage | str:
    """What is told of a record of an hour; or why nothing is."""
    try:
        found = trace(around, Request(key, HourRange.single(hour)))
    except ChimeraError as error:
        said = without_userinfo(one_line(str(error))).replace(f"{around.lake.uri}/", "")
        return f"cannot be traced: {said}"
    return next((one for one in found.hours if one.hour == hour), "found nowhere")


def _told(found: HourLineage) -> tuple[doc.Value, ...]:
    verdict = found.rows[-1] if found.rows else None
    origins = dict.fromkeys(f"{one.kind} {one.name}" for one in found.origins)
    counted = dict.fromkeys(one.stored.table for one in found.counted)
    return (
        ", ".join(origins) or None,
        verdict.verdict if verdict is not None else None,
        verdict.batch if verdict is not None else None,
        found.raw.version if found.raw is not None else None,
        found.staged.version if found.staged is not None else None,
        ", ".join(f"{one.table} {one.version}" for one in found.facts) or None,
        ", ".join(counted) or None,
    )


def _chosen(inputs: Inputs) -> Iterator[tuple[datetime, RecordKey]]:
    """Records by chance, but the same for the same report as long as its hours are the same."""
    period = inputs.period
    chance = Random(f"{period.name} {period.zone} {inputs.tenant}")  # noqa: S311 - no secret
    by_stream = [
        (contract, hours)
        for contract in sorted(inputs.contracts.values(), key=lambda one: one.stream)
        if (hours := _hours(inputs, contract))
    ]
    chance.shuffle(by_stream)
    taken: set[tuple[str, str]] = set()
    for contract, hours in islice(cycle(by_stream), SAMPLE):
        hour = chance.choice(hours)
        key = _key(inputs, contract, hour, chance)
        if key is not None and (contract.stream, str(key)) not in taken:
            taken.add((contract.stream, str(key)))
            yield hour, key


def _key(inputs: Inputs, contract: Contract, hour: datetime, chance: Random) -> RecordKey | None:
    """The key of a row of an hour, taken by chance; None if the tenant has none in it."""
    rows = inputs.lake.table(STAGED, contract.stream).read(HourRange.single(hour))
    if inputs.tenant is not None:
        rows = rows.filter(pl.col(contract.tenant or "") == inputs.tenant)
    keys = rows.select(contract.key).sort(contract.key).collect()
    if keys.is_empty():
        return None
    values = keys.row(chance.randrange(keys.height), named=True)
    return RecordKey(contract, values, {name: str(value) for name, value in values.items()})


def _hours(inputs: Inputs, contract: Contract) -> list[datetime]:
    """The hours with rows that may be chosen, by the log alone."""
    table = inputs.lake.table(STAGED, contract.stream)
    apart = inputs.tenant is None or contract.tenant is not None
    if contract.kind != "stream" or not apart or not table.exists():
        return []
    return sorted(hour_starts(table.rows_by_hour(inputs.period.hours)))


def _source() -> PostgresSource:
    from chimera_assets.sources.postgres import PostgresSource  # noqa: PLC0415 - slow to import

    return PostgresSource(source_database_url(get_settings()))
