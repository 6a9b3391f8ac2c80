"""What staged tables hold beside the contract's columns."""

from __future__ import annotations

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.quality.staged_schema import staged_schema
from tests.quality.rows import shipped


def test_rows_of_streams_have_their_hour_and_those_of_reference_tables_none() -> None:
    batch = ["_batch_id", "_ingested_at"]
    for stream, further in (("generations", [*HOUR_COLUMNS, *batch]), ("providers", batch)):
        contract = shipped()[stream]

        assert staged_schema(contract).names == [*contract.column_names, *further]
