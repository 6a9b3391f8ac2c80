"""The layer `raw`: rows as the source and its files have them, taken hour by hour."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa

from chimera_assets.contracts import Contract
from chimera_assets.embedded.postgres import source_database_url
from chimera_assets.pipeline import describe
from chimera_assets.pipeline.hourly import HOURLY, ONE_RUN, hours_of
from chimera_assets.pipeline.lakehouse import open_lake
from chimera_assets.pipeline.mirror import mirror
from chimera_assets.pipeline.retries import retried
from chimera_assets.pipeline.taking import LateRun, take_hours
from chimera_assets.settings import get_settings
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.landing import LAYER
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.tracing import traced_batches


def raw_asset(contract: Contract) -> dg.AssetsDefinition:
    """The asset `raw/<stream>`: hourly for a stream, whole for a reference table."""
    hourly = contract.kind == "stream"
    asset = dg.asset(
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
    def reference(context: dg.AssetExecutionContext) -> pa.RecordBatchReader:
        source, batch = _begin(context, contract)
        for note in source.verify(contract):
            context.log.info(note)
        rows = source.extract_reference(contract, batch)
        return traced_batches(rows, "extract", run_id=context.run_id, stream=contract.stream)

    @retried
    def stream(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        source, batch = _begin(context, contract)
        taken = take_hours(
            open_lake(),
            contract,
            source,
            hours_of(context),
            batch,
            run_id=context.run_id,
            late=LateRun.of(context.run.tags),
        )
        for note in taken.notes:
            context.log.info(note)
        for line in taken.told:
            context.log.warning(line)
        if taken.position is not None and (trouble := mirror(contract, taken, context.run_id)):
            context.log.warning(trouble)
        return dg.MaterializeResult(metadata=taken.metadata)

    return asset(stream if hourly else reference)


def _begin(context: dg.AssetExecutionContext, contract: Contract) -> tuple[PostgresSource, Batch]:
    batch = Batch.new(contract.stream, datetime.now(UTC))
    context.log.info("Extracting %s as batch %s.", contract.source_table, batch.batch_id)
    return PostgresSource(source_database_url(get_settings())), batch
