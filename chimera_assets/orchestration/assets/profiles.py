"""What the pages show of the columns of a staged hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from chimera_assets.errors import counted
from chimera_assets.hour_columns import HOUR_KEY
from chimera_assets.hours import HOUR_COLUMNS, HourRange, partition_key
from chimera_assets.layers import STAGED
from chimera_assets.orchestration.table_metadata import markdown
from chimera_assets.system_tables.column_profiles import newest_profiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.lake import Lake

PROFILE = "column profile"

#: Of a run over more hours only the last one that has rows, and the last one, show a profile: each
#: takes kilobytes of Dagster's event log.
_FEW_HOURS = 24

_SHOWN_VALUES = 3


def with_profiles(
    noted: Mapping[str, Mapping[str, Any]], profiles: pl.DataFrame, lake: Lake, stream: str
) -> dict[str, dict[str, Any]]:
    """What is noted of hours, with a Markdown table of the hour's columns.

    The run's last hour, which is what the page of the asset shows, has that of the newest published
    hour if it has no rows itself.

    Args:
        noted: Partition key -> what is noted of it, of every hour of the run.
        profiles: Rows of `quality/column_profiles`.
        lake: With the published hours.
        stream: The stream.
    """
    found = {key: dict(said) for key, said in noted.items()}
    hours = _by_key(profiles)
    keys = sorted(hours)
    for key in keys if len(found) <= _FEW_HOURS else keys[-1:]:
        found[key][PROFILE] = _in_words(key, hours[key])
    last = max(found)
    newest = lake.table(STAGED, stream).last_hour() if last not in hours else None
    if newest is not None:
        kept = newest_profiles(lake, stream, HourRange.single(newest)).collect()
        if not kept.is_empty():
            found[last][PROFILE] = _in_words(partition_key(newest), kept)
    return found


def _by_key(profiles: pl.DataFrame) -> dict[str, pl.DataFrame]:
    keyed = profiles.with_columns(key=HOUR_KEY)
    parts = keyed.partition_by("key", as_dict=True, include_key=False)
    return {key: rows for (key,), rows in parts.items()}


def _in_words(key: str, profile: pl.DataFrame) -> dg.MarkdownMetadataValue:
    head = f"Hour {key}, {counted(profile['rows'][0], 'row')}"
    return dg.MetadataValue.md(f"{head}\n\n{markdown(_shown(profile))}")


def _shown(profile: pl.DataFrame) -> pl.DataFrame:
    frequent = (
        pl.col("top_values")
        .list.head(_SHOWN_VALUES)
        .list.eval(
            pl.format(
                "{} ({})", pl.element().struct.field("value"), pl.element().struct.field("rows")
            )
        )
    )
    return profile.select(
        *HOUR_COLUMNS,
        "column",
        "type",
        "nulls",
        "distinct",
        "lowest",
        "highest",
        frequent.list.join(", ").alias("top values"),
    )
