"""The job and schedule of the nightly upkeep, apart from the hours."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from chimera_assets.access.principal import Principal
from chimera_assets.errors import counted
from chimera_assets.lifecycle.maintenance import UPKEEP_TIME, maintain_lake
from chimera_assets.orchestration.runs.audited_run import context_of_run
from chimera_assets.runs.job_names import UPKEEP
from chimera_assets.system_tables.upkeep import Maintained


@dg.op(
    out=dg.Out(dg.Nothing),
    description=(
        "Table by table: deletes what is past its retention, merges small files, orders rows, "
        "deletes files of old versions. What it did is reported on each table's asset, and kept in "
        "quality/upkeep."
    ),
)
def tend_tables(context: dg.OpExecutionContext) -> None:
    """Maintain every table; fails at the end if one of them could not be maintained."""
    done = []
    for maintained in maintain_lake(context_of_run(context.run, now=datetime.now(UTC))):
        done.append(maintained)
        context.log.info("%s: %s", maintained.table, in_words(maintained))
        context.log_event(
            dg.AssetObservation(maintained.table.split("/"), metadata=observed(maintained))
        )
    context.add_output_metadata(_totals(done))
    failed = [
        f"{maintained.table}: {maintained.error}"
        for maintained in done
        if maintained.error is not None
    ]
    if failed:
        raise dg.Failure("; ".join(failed), allow_retries=False)


@dg.job(
    name=UPKEEP,
    executor_def=dg.in_process_executor,
    tags={"pipeline": "upkeep"},
    description=(
        "Keeps the tables compact and deletes what is past its time. Safe beside running hours: "
        "what they write meanwhile is left for the next night."
    ),
)
def upkeep_job() -> None:
    """One step, as the tables share one disk and one network."""
    tend_tables()


upkeep_schedule = dg.ScheduleDefinition(
    name=UPKEEP,
    job=upkeep_job,
    cron_schedule=f"{UPKEEP_TIME.minute} {UPKEEP_TIME.hour} * * *",
    execution_timezone="UTC",
    tags=Principal.of_system(f"schedule {UPKEEP}").tags(),
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=f"Each night at {UPKEEP_TIME:%H:%M} UTC, between the hourly runs.",
)


def observed(maintained: Maintained) -> dict[str, Any]:
    """What the asset's page shows of it; numbers, so that it draws them over time."""
    shown: dict[str, Any] = {
        "upkeep: files": maintained.files_after,
        "upkeep: files before": maintained.files_before,
        "upkeep: bytes": maintained.bytes_after,
        "upkeep: bytes before": maintained.bytes_before,
        "upkeep: bytes with old versions": maintained.stored_bytes_after,
        "upkeep: bytes freed": maintained.bytes_freed,
        "upkeep: files deleted": maintained.files_deleted,
        "upkeep: rows dropped": maintained.rows_dropped,
        "upkeep: hours held": maintained.hours_held,
        "upkeep: hours skipped": maintained.hours_skipped,
        "upkeep: log files": maintained.log_files_after,
        "upkeep: seconds": round(maintained.seconds, 2),
    }
    return shown if maintained.error is None else {"upkeep: error": maintained.error}


def in_words(maintained: Maintained) -> str:
    """What was done to a table, in one line."""
    if maintained.error is not None:
        return f"not tended: {maintained.error}"
    said = [f"{counted(maintained.files_before, 'file')} became {maintained.files_after:,}"]
    if maintained.rows_dropped:
        hours = counted(maintained.hours_dropped, "hour")
        said.append(f"{counted(maintained.rows_dropped, 'row')} of {hours} deleted")
    for count, words in (
        (maintained.hours_held, "hours held"),
        (maintained.hours_merged, "partitions merged"),
        (maintained.hours_ordered, "partitions ordered"),
        (maintained.hours_skipped, "partitions skipped, as others wrote them"),
        (maintained.files_deleted, "old files deleted"),
    ):
        if count:
            said.append(f"{count:,} {words}")
    return "; ".join(said)


def _totals(done: list[Maintained]) -> dict[str, Any]:
    lines = ["| table | files | rows dropped | ordered | merged | skipped | bytes freed |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    lines += [
        f"| {t.table} | {t.files_before:,} → {t.files_after:,} | {t.rows_dropped:,} | "
        f"{t.hours_ordered:,} | {t.hours_merged:,} | {t.hours_skipped:,} | {t.bytes_freed:,} |"
        for t in done
    ]
    return {
        "tables": dg.MetadataValue.md("\n".join(lines)),
        "files before": sum(t.files_before for t in done),
        "files after": sum(t.files_after for t in done),
        "bytes before": sum(t.bytes_before for t in done),
        "bytes after": sum(t.bytes_after for t in done),
        "bytes freed": sum(t.bytes_freed for t in done),
        "rows dropped": sum(t.rows_dropped for t in done),
        "partitions skipped": sum(t.hours_skipped for t in done),
        "seconds": round(sum(t.seconds for t in done), 2),
    }
