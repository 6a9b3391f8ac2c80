"""The layer `raw`: rows as the source and its files have them, extracted hour by hour."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa

from chimera_assets.contracts import Contract
from chimera_assets.hours import partition_key
from chimera_assets.ingest.extraction import extract_into_raw
from chimera_assets.ingest.watermark import Watermark
from chimera_assets.ingest.watermark_mirror import mirror
from chimera_assets.lake import open_lake
from chimera_assets.layers import LANDING, RAW
from chimera_assets.orchestration.assets import descriptions
from chimera_assets.orchestration.partitions import HOURLY_PARTITIONS, ONE_RUN, hours_of, step_of
from chimera_assets.orchestration.runs.retries import retried
from chimera_assets.orchestration.runs.tags import late_streams
from chimera_assets.orchestration.table_metadata import commit_metadata, note_hours, note_last
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.run_context import RunContext
from chimera_assets.settings import get_settings
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.tracing import traced_batches


def raw_asset(contract: Contract) -> dg.AssetsDefinition:
    """The asset `raw/<stream>`: hourly for a stream, whole for a reference table."""
    hourly = contract.kind == "stream"
    asset = dg.asset(
        key=[RAW, contract.stream],
        deps=[dg.AssetKey([LANDING, contract.stream])] if hourly else [],
        partitions_def=HOURLY_PARTITIONS if hourly else None,
        backfill_policy=ONE_RUN,
        pool=f"raw/{contract.stream}",
        io_manager_key="lake",
        group_name=RAW,
        kinds={"postgres", "deltalake"},
        owners=descriptions.owners(contract),
        tags=descriptions.tags(contract),
        description=f"{contract.description} As received, before any check.",
        metadata=descriptions.metadata(contract),
    )

    lineage = {"dagster/column_lineage": descriptions.columns_of_source(contract)}

    @retried
    def reference(context: dg.AssetExecutionContext) -> pa.RecordBatchReader:
        source, batch = _begin(context, contract)
        for note in source.verify(contract):
            context.log.info(note)
        context.add_output_metadata(lineage)
        rows = source.extract_reference(contract, batch)
        return traced_batches(rows, "extract", run_id=context.run_id, stream=contract.stream)

    @retried
    def stream(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        source, batch = _begin(context, contract)
        hours, lake = hours_of(context), open_lake()
        late = late_streams(context.run.tags)
        run = RunContext(lake, batch.ingested_at, context.run_id)
        done = extract_into_raw(run, contract, source, hours, late=late)
        for note in done.notes:
            context.log.info(note)
        for warning in done.warnings:
            context.log.warning(warning)
        if done.commit is None or done.watermark is None:
            left = {"left as it is": "no rows of this stream came late"}
            return dg.MaterializeResult(metadata=left)
        trouble = mirror(contract, done.watermark, done.commit.version, context.run_id)
        if trouble is not None:
            context.log.warning(trouble)
        table = lake.table(RAW, contract.stream)
        note_hours(step_of(context), context.asset_key, table, hours)
        note_last(step_of(context), context.asset_key, hours, lineage)
        written = commit_metadata(table, done.commit, hours)
        return dg.MaterializeResult(metadata=written | _metadata(done.watermark, done.fewer))

    return asset(stream if hourly else reference)


def _metadata(watermark: Watermark, fewer: Mapping[datetime, tuple[int, int]]) -> dict[str, Any]:
    """How far the stream is extracted now, and which hours have lost rows at the source."""
    moment = watermark.moment
    shown: dict[str, Any] = {
        "extracted up to": moment.taken_at.isoformat(timespec="seconds") if moment else "unknown",
        "hours pending": len(watermark.pending),
    }
    if fewer:
        rows = {partition_key(hour): list(counts) for hour, counts in fewer.items()}
        shown["fewer rows than before"] = rows
    return shown


def _begin(context: dg.AssetExecutionContext, contract: Contract) -> tuple[PostgresSource, Batch]:
    batch = Batch.new(contract.stream, datetime.now(UTC))
    context.log.info("Extracting %s as batch %s.", contract.source_table, batch.batch_id)
    return PostgresSource(source_database_url(get_settings())), batch
