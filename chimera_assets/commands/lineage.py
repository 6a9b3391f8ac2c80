"""`chimera lineage`: the whole life of one record."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from chimera_assets.commands.lineage_text import print_record
from chimera_assets.commands.reveal import revealed
from chimera_assets.commands.terminal import notes, print_json
from chimera_assets.contracts import known_contracts
from chimera_assets.errors import ArgumentError, counted
from chimera_assets.lake import open_lake
from chimera_assets.lake.snapshot import polars_schema
from chimera_assets.layers import LANDING, MARTS, STREAM_LAYERS, fact_table
from chimera_assets.lineage.gone_tables import gone_tables
from chimera_assets.lineage.key import parse_key
from chimera_assets.lineage.shown import shown
from chimera_assets.lineage.trace import Request, Surroundings, trace
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.privacy.masking import OPERATOR_LEVEL
from chimera_assets.privacy.table_masks import Masks
from chimera_assets.reports.including import including
from chimera_assets.reports.store import Store
from chimera_assets.settings import get_settings
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.system_tables.column_lineage import column_lineages
from chimera_assets.system_tables.deletion_log import deletions
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import polars as pl

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lineage.record import HourLineage, RecordLineage
    from chimera_assets.privacy.origins import Lineages

#: So many keys of no order are compared in a second, on two cores; what is in order takes less.
_KEYS_A_SECOND = 15_000_000

#: A search of fewer rows is over before anybody has read that it began.
_WORTH_SAYING = 5_000_000


def show_record(  # noqa: PLR0913 - the options of one command
    stream: str | None,
    words: Sequence[str],
    *,
    hours: HourRange | None,
    everywhere: bool,
    as_json: bool,
    reveal: bool,
    now: datetime,
) -> int:
    """Print the life of one record.

    Raises:
        ArgumentError: There is no such stream, the key is none of it, or it is found nowhere.
        AuditError: Values are to be revealed, and the audit log could not be written.
    """
    lake, key = open_lake(), parse_key(_contract(stream), words)
    lineages = column_lineages(lake)
    around = Surroundings(lake, _source, active_aggregates(), lineages)
    found = trace(around, Request(key, hours, everywhere, _say_searching))
    if not found.hours:
        raise _nowhere(found, hours, lineages)
    masks = Masks(OPERATOR_LEVEL, known_contracts(), lineages)
    told = shown(found, masks, _schema, reveal=reveal)
    for hour, document in zip(found.hours, told.document["hours"], strict=True):
        document["reports"] = _reports(hour, key.contract.tenant)
    with ExitStack() as open_until_printed:
        for table, columns in told.masked.items() if reveal else ():
            open_until_printed.enter_context(revealed(table, columns, now=now, hours=hours))
        if as_json:
            print_json(told.document)
        else:
            print_record(told.document)
    if told.masked and not reveal:
        notes().print("Personal values are masked; --reveal shows them.")
    return 0


def _reports(hour: HourLineage, tenant_column: str | None) -> list[dict[str, Any]]:
    """The reports that include what a record of this hour is in or counted in."""
    if hour.hour is None:
        return []
    stored = (hour.raw, hour.staged, hour.quarantine, *hour.facts)
    tables = {one.table for one in stored if one is not None}
    tables |= {one.stored.table for one in hour.counted} | set(hour.read_by)
    tenants = [row.values.get(tenant_column or "") for row in hour.rows]
    tenant = next((str(one) for one in tenants if one is not None), None)
    return [asdict(one) for one in including(Store(open_lake()), tables, hour.hour, tenant)]


def _contract(stream: str | None) -> Contract:
    known = known_contracts()
    if stream is None:
        msg = "expected a stream and a key, or --column; found none of them"
        raise ArgumentError(msg)
    if stream not in known:
        listed = one_of(known, stream, listed_by="chimera contract list")
        msg = f"{stream}: no such stream; expected {listed}"
        raise ArgumentError(msg)
    return known[stream]


def _source() -> PostgresSource:
    return PostgresSource(source_database_url(get_settings()))


def _schema(name: str) -> Mapping[str, pl.DataType]:
    layer, _, table = name.partition("/")
    return polars_schema(open_lake().table(layer, table).delta())


def _say_searching(rows: int, files: int) -> None:
    if rows >= _WORTH_SAYING:
        most = max(1, round(rows / _KEYS_A_SECOND))
        said = f"Searching {counted(rows, 'key')} in {counted(files, 'file')}: {most} s at most"
        notes().print(f"{said}, less where keys are in order.", soft_wrap=True)


def _nowhere(found: RecordLineage, hours: HourRange | None, lineages: Lineages) -> ArgumentError:
    """Where a record was looked for in vain, and what may have taken it."""
    lake, contract, looked = open_lake(), found.key.contract, found.looked
    stream = contract.stream
    where = f"in hours {hours}" if hours is not None else "in any hour"
    searched = f"{counted(looked.rows, 'row')} in {counted(looked.files, 'file')} were searched"
    said = f"{stream} {found.key}: expected the key of a row, found none {where}"
    layers = [(layer, stream) for layer in (LANDING, *STREAM_LAYERS)]
    tables = [lake.table(*place) for place in (*layers, (MARTS, fact_table(stream)))]
    deleted = int(deletions(lake, tables, hours)["rows"].sum() or 0)
    parts = [
        f"{searched} (landing, raw, staged, quarantine, marts, and what older versions left)",
        f"the source: {looked.source}",
    ]
    parts += gone_tables(lake, contract, lineages)
    if deleted:
        parts.append(f"retention and purge have deleted {counted(deleted, 'row')} of these tables")
    if hours is not None:
        parts.append("without --hour all hours are searched")
    return ArgumentError(f"{said}: {'; '.join(parts)}")
