"""What two lakes hold, without what tells one run from another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from chimera_assets.lake import Lake

#: Of a run, not of the events: who wrote a row, and when.
OF_A_RUN = {
    "_batch_id",
    "_ingested_at",
    "batch_id",
    "run_id",
    "judged_at",
    "first_seen",
    "last_seen",
}

#: Tables that keep every run's words: only the last about an hour counts.
ACCOUNTS = {
    ("quality", "batches"): ["stream", "hour_partition", "hour"],
    ("quality", "check_results"): ["stream", "hour_partition", "hour", "rule"],
    ("quality", "column_profiles"): ["stream", "hour_partition", "hour", "column"],
}
#: Says of the models' SQL, which is another for an hour and for a range, and nothing of events.
_OF_MODELS = ("quality", "column_lineage")
#: The reference tables' accounts stand under the hour of the clock, not of the run.
_REFERENCES = ["budgets", "price_list", "providers"]


def content(lake: Lake, layer: str, name: str) -> pl.DataFrame:
    """A table's rows in an order of their own, the same for every way to the same events."""
    frame = lake.table(layer, name).read().collect()
    if (layer, name) in ACCOUNTS:
        frame = frame.filter(~pl.col("stream").is_in(_REFERENCES))
        frame = frame.sort("judged_at").unique(ACCOUNTS[layer, name], keep="last")
    own = OF_A_RUN if layer != "marts" or name.startswith("fact_") else OF_A_RUN - {"first_seen"}
    frame = frame.select(sorted(set(frame.columns) - own))
    texts = [
        pl.col(n).list.join("\0").alias(n) if kind == pl.List(pl.String) else pl.col(n)
        for n, kind in frame.schema.items()
    ]
    frame = frame.select(texts)
    return frame.sort(n for n, kind in frame.schema.items() if not kind.is_nested())


def differences(found: Lake, expected: Lake) -> list[str]:
    """The tables that are not the same in both lakes, in words."""
    tables = expected.tables()
    assert len(tables) > 10
    wrong = [f"{name}: not in both" for name in set(tables) ^ set(found.tables())]
    for table in set(tables) & set(found.tables()) - {_OF_MODELS}:
        one, other = content(found, *table), content(expected, *table)
        if not one.equals(other):
            differ = [n for n in other.columns if n in one and not one[n].equals(other[n])]
            wrong.append(f"{table}: {one.height} rows, expected {other.height}; differ in {differ}")
    return wrong
