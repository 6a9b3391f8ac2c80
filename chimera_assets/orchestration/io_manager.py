"""The Dagster IO manager over the lake: an asset's key is its table, its partitions are hours.

An hourly asset returns a Polars frame or an Arrow stream with the two hour columns; just the hours
of the run are replaced, in one commit. An asset without partitions replaces its whole table. An
input comes as a Polars LazyFrame (or DataFrame, if annotated so) of the run's hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from chimera_assets.hours import HourRange
from chimera_assets.lake.lake import Lake
from chimera_assets.orchestration.data_version import content_version
from chimera_assets.orchestration.table_metadata import commit_metadata, note_hours
from chimera_assets.run_context import provenance

if TYPE_CHECKING:
    from chimera_assets.lake.table import Table


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
        self._lake.provenance = provenance(context.run_id)
        table = self._table(context)
        if context.has_asset_partitions:
            hours = _hours(context)
            commit = table.write_hours(obj, hours)
            note_hours(context.step_context, context.asset_key, table, hours)
        else:
            hours = None
            commit = table.overwrite(obj)
            context.step_context.set_data_version(context.asset_key, content_version(table))
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
