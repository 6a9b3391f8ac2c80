"""What Dagster's pages show of a table: of a write, of each hour in it, and of the table itself.

A run over many hours reports each of them. What is said of all is kept small; each hour is told its
own rows and bytes; and columns, preview and column lineage come with the last hour alone, as that
is the one from which the pages take what they show of the whole table.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.execution.context.metadata_logging import (
    AssetMetadataHandle,
    OutputMetadataAccumulator,
)

from chimera_assets.contracts import known_contracts
from chimera_assets.hour_columns import HOUR_KEY
from chimera_assets.hours import HOUR_COLUMNS, ONE_HOUR, HourRange, parse_key, partition_key
from chimera_assets.privacy.masking import PAGES_LEVEL
from chimera_assets.privacy.table_masks import Masks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl
    from dagster._core.execution.context.system import StepExecutionContext

    from chimera_assets.lake.commit import Commit
    from chimera_assets.lake.table import Table
    from chimera_assets.privacy.origins import Lineages

#: What is said of a single hour: Dagster's name for its rows, and ours for its bytes.
HOUR_ROWS, HOUR_BYTES = "dagster/partition_row_count", "bytes"

_PREVIEW_ROWS = 5
_PREVIEW_WIDTH = 40


def commit_metadata(table: Table, commit: Commit, hours: HourRange | None) -> dict[str, Any]:
    """What is said of a write, for each of its hours alike.

    Args:
        table: The table written.
        commit: The write.
        hours: The hours it replaced; None if it replaced the whole table.
    """
    metadata: dict[str, Any] = {
        **whole_table(table),
        "version": commit.version,
        "seconds": round(commit.seconds, 3),
    }
    if hours is not None:
        return metadata
    return metadata | {HOUR_BYTES: commit.bytes} | catalogue_metadata(table, None)


def whole_table(table: Table) -> dict[str, Any]:
    """The table's place and the rows it has now, all hours together."""
    return {"dagster/row_count": table.count(), "dagster/uri": table.uri}


def catalogue_metadata(table: Table, hours: HourRange | None) -> dict[str, Any]:
    """The table's columns, and its first rows, or those of some hours."""
    return {
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(field.name, str(field.type)) for field in table.schema()]
        ),
        **preview(table, hours),
    }


def preview(
    table: Table, hours: HourRange | None = None, *, lineages: Lineages | None = None
) -> dict[str, Any]:
    """The table's first rows, or those of some hours, as far as the pages may show them.

    Args:
        table: The table.
        hours: The hours; None is any.
        lineages: What models make their columns of, for a table that one of them makes.
    """
    masks = Masks(PAGES_LEVEL, known_contracts(), lineages or {})
    shown, _ = masks.rows(table.layer, table.name, table.read(hours).head(_PREVIEW_ROWS))
    return {"preview": dg.MetadataValue.md(markdown(shown.collect()))}


def note_hours(  # noqa: PLR0913
    context: StepExecutionContext,
    key: dg.AssetKey,
    table: Table,
    hours: HourRange,
    *,
    show: Callable[[Table, HourRange], Mapping[str, Any]] = catalogue_metadata,
    also: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Note for each hour its own rows and bytes, and for the last what the catalogue shows.

    Dagster adds it to the events of the hours when the step's output comes.

    Args:
        context: The step's.
        key: The asset.
        table: Its table.
        hours: The hours of the run.
        show: Gives what to show with the last hour; called with the newest hour that has rows.
        also: Partition key -> what else is said of that hour.
    """
    sizes = table.sizes_by_hour(hours).with_columns(key=HOUR_KEY)
    found = {row["key"]: row for row in sizes.iter_rows(named=True)}
    noted: dict[str, dict[str, Any]] = {}
    for hour in hours:
        size = found.get(partition_key(hour), {"rows": 0, "bytes": 0})
        noted[partition_key(hour)] = {HOUR_ROWS: size["rows"], HOUR_BYTES: size["bytes"]}
        noted[partition_key(hour)] |= (also or {}).get(partition_key(hour), {})
    noted[partition_key(hours.end - ONE_HOUR)] |= show(table, _newest(found, hours))
    _add(context, key, noted)


def _newest(sizes: Mapping[str, Mapping[str, Any]], hours: HourRange) -> HourRange:
    """The last hour that has rows, or else the last one."""
    full = [name for name, size in sizes.items() if size["rows"]]
    start = parse_key(max(full)) if full else hours.end - ONE_HOUR
    return HourRange.single(start)


def note_last(
    context: StepExecutionContext, key: dg.AssetKey, hours: HourRange, shown: Mapping[str, Any]
) -> None:
    """Note for the last hour of a run alone what the catalogue shows of an asset."""
    _add(context, key, {partition_key(hours.end - ONE_HOUR): shown})


def _add(
    context: StepExecutionContext, key: dg.AssetKey, noted: Mapping[str, Mapping[str, Any]]
) -> None:
    """Add to what the step notes of its asset's partitions, for all of them at once.

    Dagster's own method does one at a time, and each time lists all the hours of the run.
    """
    kept = dict(context._metadata_accumulator.per_output_metadata)  # noqa: SLF001
    for hour, metadata in noted.items():
        handle = AssetMetadataHandle(asset_key=key, partition_key=hour)
        kept[handle] = {**kept.get(handle, {}), **metadata}
    context._metadata_accumulator = OutputMetadataAccumulator(per_output_metadata=kept)  # noqa: SLF001


def markdown(rows: pl.DataFrame) -> str:
    """Rows as a Markdown table, without the hour's columns; values are code, not markup."""
    names = [name for name in rows.columns if name not in HOUR_COLUMNS]
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows.select(names).iter_rows()]
    return "\n".join(lines)


#: What Markdown leaves as it is.
_PLAIN = re.compile(r"[\w• -]*")


def _cell(value: object) -> str:
    """A value in a cell, as code: it is no link, no image and no markup, whatever it says."""
    if value is None:
        return ""
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(value))
    text = text if len(text) <= _PREVIEW_WIDTH else text[: _PREVIEW_WIDTH - 1] + "…"
    if _PLAIN.fullmatch(text):
        return text
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text.replace('|', chr(92) + '|')} {fence}"
