"""The Dagster IO manager over the lake: an asset's key is its table, its partitions are hours.

An hourly asset returns a Polars frame or an Arrow stream with the two hour columns; just the hours
of the run are replaced, in one commit. An asset without partitions replaces its whole table. An
input comes as a Polars LazyFrame (or DataFrame, if annotated so) of the run's hours.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from chimera_assets.contracts import known_contracts
from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.lake.lake import Lake
from chimera_assets.privacy.masking import PAGES_LEVEL
from chimera_assets.privacy.table_masks import Masks

if TYPE_CHECKING:
    from chimera_assets.lake.commit import Commit
    from chimera_assets.lake.table import Table

_PREVIEW_ROWS = 5
_PREVIEW_WIDTH = 40


class DeltaIOManager(dg.ConfigurableIOManager):
    """Keeps each asset `[layer, table]` in the Delta table `<lake>/<layer>/<table>`."""

    lake_uri: str

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Open the lake, once a run."""
        self._lake = Lake(self.lake_uri)

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:  # noqa: ANN401
        """Write what an asset returned; None writes nothing."""
        if obj is None:
            return
        table = self._table(context)
        run = {"run": context.run_id}
        if context.has_asset_partitions:
            hours = _hours(context)
            commit = table.write_hours(obj, hours, metadata=run)
        else:
            hours = None
            commit = table.overwrite(obj, metadata=run)
        context.add_output_metadata(commit_metadata(table, commit, hours))

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame | pl.DataFrame:
        """The rows of the upstream asset: those of the run's hours, if it is hourly."""
        hours = _hours(context) if context.has_asset_partitions else None
        rows = self._table(context).read(hours)
        return rows.collect() if context.dagster_type.typing_type is pl.DataFrame else rows

    def _table(self, context: dg.InputContext | dg.OutputContext) -> Table:
        layer, name = context.asset_key.path
        return self._lake.table(layer, name)


def _hours(context: dg.InputContext | dg.OutputContext) -> HourRange:
    keys = context.asset_partition_key_range
    return HourRange.from_keys(keys.start, keys.end)


def commit_metadata(table: Table, commit: Commit, hours: HourRange | None) -> dict[str, Any]:
    """What the Dagster UI shows of a write.

    A run over many hours reports each of them, so that what it repeats is kept small: the schema
    and a preview come with single hours only.

    Args:
        table: The table written.
        commit: The write.
        hours: The hours it replaced; None if it replaced the whole table.
    """
    metadata: dict[str, Any] = {
        "dagster/row_count": commit.rows,
        "version": commit.version,
        "bytes": commit.bytes,
        "files": commit.files,
        "seconds": round(commit.seconds, 3),
    }
    if hours is not None and len(hours) > 1:
        return metadata
    return metadata | {
        "dagster/uri": table.uri,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(field.name, str(field.type)) for field in table.schema()]
        ),
        "preview": dg.MetadataValue.md(_preview(table, hours)),
    }


def _preview(table: Table, hours: HourRange | None) -> str:
    """The first rows as a Markdown table, masked as every other reader of tables has them."""
    masks = Masks(PAGES_LEVEL, known_contracts())  # what models make, dbt writes itself
    shown, _ = masks.rows(table.layer, table.name, table.read(hours).head(_PREVIEW_ROWS))
    rows = shown.collect()
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
