"""The batching event log tells what Dagster's own would have reported, letter by letter."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events.log import EventLogEntry
from dagster._core.instance import InstanceType
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._serdes import serialize_value

from chimera_assets.orchestration.instance import event_serializer
from chimera_assets.orchestration.instance.event_log import BatchingSqliteEventLogStorage
from chimera_assets.orchestration.instance.event_serializer import EventSerializer

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_offset=1)
RANGE = dg.PartitionKeyRange("2026-01-01", "2026-02-10")
CHECK = dg.AssetCheckSpec("fine", asset="table", partitions_def=DAYS, blocking=True)


@dg.multi_asset(
    specs=[
        dg.AssetSpec("table", partitions_def=DAYS),
        dg.AssetSpec("other", partitions_def=DAYS),
    ],
    check_specs=[CHECK],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def tables(context: dg.AssetExecutionContext) -> Iterator[object]:
    """Two tables with metadata that JSON has to escape, and numbers of each day."""
    for number, day in enumerate(context.partition_keys):
        context.add_asset_metadata({"of the day": number}, asset_key="table", partition_key=day)
        if number == 2:
            last = {"gap": "-9876543210123000", "none": None}
            context.add_asset_metadata(last, asset_key="other", partition_key=day)
    yield dg.MaterializeResult("table", metadata={'"quoted"\n': "snöw", "rows": 3, "rate": 0.5})
    yield dg.MaterializeResult("other", metadata={"schema": {"a": ["b", None]}})
    yield dg.Output(
        None, context.op_execution_context.job_def.asset_layer.get_op_output_name(CHECK.key)
    )
    for number, day in enumerate(context.partition_keys):
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("table"),
            check_name="fine",
            passed=number % 3 > 0,
            partition=day,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"day": day, "number": number},
        )


@pytest.fixture
def run(tmp_path: Path) -> Iterator[tuple[dg.DagsterInstance, list[EventLogEntry]]]:
    """A finished run over a range, on an instance with our event log, and all its events."""
    storage = BatchingSqliteEventLogStorage(str(tmp_path / "events"))
    with dg.DagsterInstance(
        instance_type=InstanceType.EPHEMERAL,
        local_artifact_storage=LocalArtifactStorage(str(tmp_path)),
        run_storage=SqliteRunStorage.from_local(str(tmp_path / "runs")),
        event_storage=storage,
        compute_log_manager=NoOpComputeLogManager(),
        run_coordinator=DefaultRunCoordinator(),
        run_launcher=DefaultRunLauncher(),
    ) as instance:
        tags = {
            "dagster/asset_partition_range_start": RANGE.start,
            "dagster/asset_partition_range_end": RANGE.end,
        }
        result = dg.materialize([tables], instance=instance, tags=tags)
        yield instance, instance.all_logs(result.run_id)


def test_events_are_serialized_as_dagster_does(
    run: tuple[dg.DagsterInstance, list[EventLogEntry]],
) -> None:
    _, entries = run
    serializer = EventSerializer()
    events = [entry for entry in entries if entry.is_dagster_event]
    kinds = {entry.dagster_event_type for entry in events}
    assert dg.DagsterEventType.ASSET_MATERIALIZATION in kinds
    assert dg.DagsterEventType.ASSET_CHECK_EVALUATION in kinds
    for entry in [*events, *reversed(events)]:
        assert serializer(entry) == serialize_value(entry)
    assert len(serializer._envelopes) <= event_serializer._ENVELOPES


def test_every_partition_is_found_again(
    run: tuple[dg.DagsterInstance, list[EventLogEntry]],
) -> None:
    instance, _ = run
    days = DAYS.get_partition_keys_in_range(RANGE)
    for name in ("table", "other"):
        assert instance.get_materialized_partitions(dg.AssetKey(name)) == set(days)
    (first,) = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey("table"), asset_partitions=[days[0]]), limit=1
    ).records
    reported = first.asset_materialization
    assert reported is not None
    assert reported.metadata['"quoted"\n'].value == "snöw"
    executions = instance.event_log_storage.get_asset_check_execution_history(CHECK.key, limit=1000)
    assert sorted(one.partition for one in executions if one.partition) == days
    failed = {one.partition for one in executions if one.status.value == "FAILED"}
    assert failed == set(days[::3])


def test_a_planned_check_is_known_before_it_is_evaluated(
    run: tuple[dg.DagsterInstance, list[EventLogEntry]],
) -> None:
    instance, _ = run
    job = dg.Definitions(assets=[tables], jobs=[dg.define_asset_job("all")]).resolve_job_def("all")
    planned = instance.create_run_for_job(job, tags={"dagster/partition": "2026-02-11"})
    log = instance.event_log_storage
    latest = log.get_asset_check_execution_history(CHECK.key, limit=1)[0]
    assert (latest.run_id, latest.partition) == (planned.run_id, "2026-02-11")
    assert latest.status.value == "PLANNED"


def test_only_what_is_about_assets_is_in_the_index_of_all_runs(
    run: tuple[dg.DagsterInstance, list[EventLogEntry]], tmp_path: Path
) -> None:
    _, entries = run
    assert dg.DagsterEventType.STEP_OUTPUT in {entry.dagster_event_type for entry in entries}
    with closing(sqlite3.connect(tmp_path / "events" / "index.db")) as index:
        found = index.execute("SELECT DISTINCT dagster_event_type FROM event_logs").fetchall()
    assert "ASSET_MATERIALIZATION" in {kind for (kind,) in found}
    assert "STEP_OUTPUT" not in {kind for (kind,) in found}
