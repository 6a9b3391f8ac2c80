"""Access: who read what, from `access/access_log`, if the lake has such a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.errors import in_short
from chimera_assets.reports import document as doc
from chimera_assets.reports.inputs import Source
from chimera_assets.reports.sections.draft import Draft, NotEvaluatedError, section

if TYPE_CHECKING:
    from chimera_assets.reports.inputs import Inputs

_LAYER, _NAME = "access", "access_log"
#: What the section needs of it: by whom, what was done, whether it was allowed.
_NEEDED = ("hour_partition", "hour", "actor", "action", "allowed")
_COLUMNS = (
    doc.Column("actor", "Who"),
    doc.Column("action", "Did what"),
    doc.Column("times", "Times", doc.Kind.number),
    doc.Column("refused", "Of these refused", doc.Kind.number),
)


@section(
    "access",
    "Access",
    "Who read or asked for data in the period, and what was refused.",
    of_all_tenants="who read what is logged for all tenants together",
)
def access(inputs: Inputs, draft: Draft) -> None:
    """Reads by whom and how often."""
    table = inputs.lake.table(_LAYER, _NAME)
    if not table.exists():
        msg = f"the lake has no table {_LAYER}/{_NAME}, so that nothing says who read what"
        raise NotEvaluatedError(msg)
    if lacking := sorted(set(_NEEDED) - set(table.schema().names)):
        msg = f"{_LAYER}/{_NAME}: expected the columns {in_short(_NEEDED)}, found no {lacking[0]}"
        raise NotEvaluatedError(msg)
    times = (
        table.read(inputs.period.hours, list(_NEEDED))
        .group_by("actor", "action")
        .agg(times=pl.len(), refused=(~pl.col("allowed")).sum())
        .sort(["times", "actor", "action"], descending=[True, False, False])
        .collect()
    )
    made = doc.Table("access", "Access by whom", _COLUMNS, tuple(times.iter_rows()))
    query = f"{_LAYER}/{_NAME}, version {table.version()}, by actor and action"
    draft.add_table(made, Source(made.name, made.title, query))
