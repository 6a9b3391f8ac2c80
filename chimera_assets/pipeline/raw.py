"""The layer `raw`: rows as the source has them, taken hour by hour."""

from datetime import UTC, datetime
from itertools import chain

import dagster as dg
import pyarrow as pa

from chimera_assets.contracts import Contract
from chimera_assets.embedded.postgres import source_database_url
from chimera_assets.pipeline import describe
from chimera_assets.pipeline.hourly import HOURLY, ONE_RUN, hours_of
from chimera_assets.pipeline.lakehouse import open_lake
from chimera_assets.pipeline.retries import retried
from chimera_assets.settings import get_settings
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.errors import SourceTableMissing
from chimera_assets.sources.landing import LAYER, landed_rows
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.tracing import traced_batches


def raw_asset(contract: Contract) -> dg.AssetsDefinition:
    """The asset `raw/<stream>`: hourly for a stream, whole for a reference table."""
    hourly = contract.kind == "stream"

    @dg.asset(
        key=["raw", contract.stream],
        deps=[dg.AssetKey([LAYER, contract.stream])] if hourly else [],
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
        batch = Batch.new(contract.stream, datetime.now(UTC))
        landed = landed_rows(open_lake(), contract, hours_of(context), batch) if hourly else None
        try:
            for note in source.verify(contract):
                context.log.info(note)
        except SourceTableMissing as missing:
            if landed is None:
                raise
            context.log.info("Rows come from landing files alone: %s", missing)
            return landed
        context.log.info("Extracting %s as batch %s.", contract.source_table, batch.batch_id)
        if not hourly:
            return source.extract_reference(contract, batch)
        rows = source.extract_hours(contract, hours_of(context), batch)
        if landed is not None:
            rows = pa.RecordBatchReader.from_batches(rows.schema, chain(rows, landed))
        return traced_batches(
            rows,
            "extract",
            run_id=context.run_id,
            stream=contract.stream,
            hours=hours_of(context),
        )

    return raw
