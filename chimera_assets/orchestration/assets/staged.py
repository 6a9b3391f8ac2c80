"""The layers `staged` and `quarantine`: rows judged, hours that pass their gate published."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from chimera_assets.contracts import Contract, required_references
from chimera_assets.hour_columns import HOUR_KEY
from chimera_assets.lake import open_lake
from chimera_assets.layers import QUARANTINE, RAW, STAGED
from chimera_assets.orchestration.assets import descriptions
from chimera_assets.orchestration.assets.profiles import with_profiles
from chimera_assets.orchestration.assets.shared_builds import SHARED_BUILDS
from chimera_assets.orchestration.checks import gate
from chimera_assets.orchestration.data_version import content_version
from chimera_assets.orchestration.partitions import HOURLY_PARTITIONS, ONE_RUN, hours_of, step_of
from chimera_assets.orchestration.runs.retries import retried
from chimera_assets.orchestration.runs.tags import CAUSE_TAG, REPLAY
from chimera_assets.orchestration.table_metadata import (
    commit_metadata,
    note_hours,
    note_last,
    whole_table,
)
from chimera_assets.quality import Staging, stage_hours, stage_reference
from chimera_assets.run_context import RunContext
from chimera_assets.runs.step_names import judging_step
from chimera_assets.tracing import span


def staged_assets(contract: Contract) -> dg.AssetsDefinition:
    """The assets `staged/<stream>` and `quarantine/<stream>`, with the gate as a blocking check."""
    raw = dg.AssetKey([RAW, contract.stream])
    staged_key, quarantine_key = (dg.AssetKey([k, contract.stream]) for k in (STAGED, QUARANTINE))
    partitions = HOURLY_PARTITIONS if contract.kind == "stream" else None

    @dg.multi_asset(
        name=judging_step(contract.stream),
        specs=[_staged_spec(contract, raw), _quarantine_spec(contract, raw)],
        check_specs=gate.check_specs(contract, partitions),
        partitions_def=partitions,
        backfill_policy=ONE_RUN,
        pool=f"staged/{contract.stream}",
    )
    @retried
    def stage(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckEvaluation | dg.Output[None]]:
        lake = open_lake()
        run = RunContext(lake, datetime.now(UTC), context.run_id)
        hours = hours_of(context) if partitions is not None else None
        with span("judge", run_id=context.run_id, stream=contract.stream, hours=hours) as judged:
            if hours is not None:
                replay = context.run.tags.get(CAUSE_TAG) == REPLAY
                staging = stage_hours(run, contract, hours, replay=replay)
            else:
                staging = stage_reference(run, contract)
            counts = _counts(staging)
            judged.set(rows=counts["extracted"], quarantined=counts["quarantined"])
        staged, quarantined = (lake.table(k, contract.stream) for k in (STAGED, QUARANTINE))
        if staging.staged is None:
            context.log.error(gate.blocked_message(contract, staging))
        else:
            lineage = {"dagster/column_lineage": descriptions.same_columns(contract, raw)}
            shown = commit_metadata(staged, staging.staged, hours)
            if hours is not None:
                counted = _counts_by_hour(staging)
                each = with_profiles(counted, staging.column_profiles, lake, contract.stream)
                note_hours(step_of(context), staged_key, staged, hours, also=each)
                note_last(step_of(context), staged_key, hours, lineage)
            else:
                shown |= lineage | counts
            version = content_version(staged) if hours is None else None
            yield dg.MaterializeResult(staged_key, metadata=shown, data_version=version)
        # A preview of the quarantine would show values; its rows are under access control.
        if hours is not None:
            why = gate.reasons_by_hour(staging)
            note_hours(
                step_of(context), quarantine_key, quarantined, hours, show=lambda *_: {}, also=why
            )
        yield dg.MaterializeResult(
            quarantine_key,
            metadata={
                **whole_table(quarantined),
                "version": staging.quarantine.version,
                **({gate.REASONS: gate.reasons(staging)} if hours is None else {}),
            },
        )
        yield from gate.evaluations(context, contract, staging, partitioned=hours is not None)
        if staging.staged is not None:
            SHARED_BUILDS.note_staged(context.run_id, contract.stream)

    return stage


def _staged_spec(contract: Contract, raw: dg.AssetKey) -> dg.AssetSpec:
    references = [key.split(".")[0] for key in required_references(contract)]
    return dg.AssetSpec(
        [STAGED, contract.stream],
        deps=[raw, *(dg.AssetKey([STAGED, name]) for name in references)],
        description=f"{contract.description} Valid, typed, without duplicates.",
        group_name=STAGED,
        kinds={"pandera", "deltalake"},
        owners=descriptions.owners(contract),
        tags=descriptions.tags(contract),
        metadata=descriptions.metadata(contract),
        skippable=True,
    )


def _quarantine_spec(contract: Contract, raw: dg.AssetKey) -> dg.AssetSpec:
    return dg.AssetSpec(
        [QUARANTINE, contract.stream],
        deps=[raw],
        description=(
            f"Rows of {contract.stream} that broke a rule, with every reason and their original "
            f"values; kept {contract.quarantine_days} days."
        ),
        group_name=QUARANTINE,
        kinds={"pandera", "deltalake"},
        owners=descriptions.owners(contract),
        tags=descriptions.tags(contract),
        metadata={"dagster/column_schema": descriptions.quarantine_schema()},
    )


_COUNTED = ("extracted", "staged", "quarantined", "duplicates")


def _counts(staging: Staging) -> dict[str, int]:
    return {name: int(staging.batches[name].sum()) for name in _COUNTED}


def _counts_by_hour(staging: Staging) -> dict[str, dict[str, int]]:
    counted = staging.batches.select(*_COUNTED, key=HOUR_KEY).group_by("key").sum()
    return {row.pop("key"): row for row in counted.iter_rows(named=True)}
