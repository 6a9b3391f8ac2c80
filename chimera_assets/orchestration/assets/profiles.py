"""What the pages show of the columns of a staged hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from chimera_assets.hour_columns import HOUR_KEY
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.orchestration.table_metadata import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping

PROFILE = "column profile"

#: Of a run over more hours only the last one that has rows shows its profile: each takes kilobytes
#: of Dagster's event log.
_FEW_HOURS = 24

_SHOWN_VALUES = 3


def with_profiles(
    noted: Mapping[str, Mapping[str, Any]], profiles: pl.DataFrame
) -> dict[str, dict[str, Any]]:
    """What is noted of hours, with a Markdown table of the hour's columns.

    Args:
        noted: Partition key -> what is noted of it.
        profiles: Rows of `quality/column_profiles`.
    """
    found = {key: dict(said) for key, said in noted.items()}
    hours = profiles.with_columns(key=HOUR_KEY).partition_by("key", as_dict=True, include_key=False)
    keys = sorted(key for (key,) in hours)
    for key in keys if len(found) <= _FEW_HOURS else keys[-1:]:
        table = dg.MetadataValue.md(markdown(_shown(hours[(key,)])))
        found.setdefault(key, {})[PROFILE] = table
    return found


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
