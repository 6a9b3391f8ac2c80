"""The columns of staged tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from chimera_assets.hour_columns import HOUR_FIELDS

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract

#: What `raw`, `staged` and everything made from them have beside the contract's columns.
LINEAGE_FIELDS = (
    *HOUR_FIELDS,
    pa.field("_batch_id", pa.string()),
    pa.field("_ingested_at", pa.timestamp("us", tz="UTC")),
)


def staged_schema(contract: Contract) -> pa.Schema:
    """The Arrow schema of a staged table."""
    lineage = LINEAGE_FIELDS if contract.kind == "stream" else LINEAGE_FIELDS[2:]
    return pa.schema([*contract.arrow_schema(), *lineage])
