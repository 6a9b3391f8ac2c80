"""The layer `raw`: rows as the source has them, taken hour by hour."""

from datetime import UTC, datetime

import dagster as dg
import pyarrow as pa

from chimera_assets.contracts import Contract
from chimera_assets.embedded.postgres import source_database_url
from chimera_assets.pipeline import describe
from chimera_assets.pipeline.hourly import HOURLY, ONE_RUN, hours_of
from chimera_assets.pipeline.retries import retried
from chimera_assets.settings import get_settings
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.postgres import PostgresSource


def raw_asset(contract: Contract) -> dg.AssetsDefinition:
    """The asset `raw/<stream>`: hourly for a stream, whole for a reference table."""
    hourly = contract.kind == "stream"

    @dg.asset(
        key=["raw", contract.stream],
        partitions_def=HOURLY if hourly else None,
        backfill_policy=ONE_RUN,
        pool=f"raw/{contract.stream}",
        io_manager_key="lake",
        group_name="raw",
        kinds={"postgres", "deltalake"},
        owners=describe.owners(contract),
        tags=describe.tags(contract),
        description=f"{contract.description} As received, before any check.",
        metadata=describe.metadata(contract),
    )
    @retried
    def raw(context: dg.AssetExecutionContext) -> pa.RecordBatchReader:
        source = PostgresSource(source_database_url(get_settings()))
        for note in source.verify(contract):
            context.log.info(note)
        batch = Batch.new(contract.stream, datetime.now(UTC))
        context.log.info("Extracting %s as batch %s.", contract.source_table, batch.batch_id)
        if hourly:
            return source.extract_hours(contract, hours_of(context), batch)
        return source.extract_reference(contract, batch)

    return raw
