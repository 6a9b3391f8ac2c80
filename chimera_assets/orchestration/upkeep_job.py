"""The job and schedule of the nightly upkeep, apart from the hours."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from chimera_assets.contracts import contracts
from chimera_assets.lake import open_lake
from chimera_assets.lifecycle.maintenance import Tended, tend_lake
from chimera_assets.orchestration.runs.job_names import UPKEEP

#: Between the hourly runs, which start some minutes past the hour, at a time of little traffic.
_CRON = "37 2 * * *"


@dg.op(
    out=dg.Out(dg.Nothing),
    description=(
        "Table by table: deletes what is past its retention, merges small files, orders rows, "
        "deletes files of old versions. What it did is told on each table's asset, and kept in "
        "quality/upkeep."
    ),
)
def tend_tables(context: dg.OpExecutionContext) -> None:
    """Tend every table; fails at the end if one of them could not be tended."""
    now = datetime.now(UTC)
    done = []
    for tended in tend_lake(open_lake(), contracts(), run_id=context.run_id, now=now):
        done.append(tended)
        context.log.info("%s: %s", tended.table, in_words(tended))
        context.log_event(dg.AssetObservation(tended.table.split("/"), metadata=observed(tended)))
    context.add_output_metadata(_totals(done))
    failed = [f"{tended.table}: {tended.error}" for tended in done if tended.error is not None]
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
    cron_schedule=_CRON,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each night at 02:37 UTC, between the hourly runs.",
)


def observed(tended: Tended) -> dict[str, Any]:
    """What the asset's page tells of it; numbers, so that it draws them over time."""
    told: dict[str, Any] = {
        "upkeep: files": tended.files_after,
        "upkeep: files before": tended.files_before,
        "upkeep: bytes": tended.bytes_after,
        "upkeep: bytes before": tended.bytes_before,
        "upkeep: bytes with old versions": tended.stored_bytes_after,
        "upkeep: bytes freed": tended.bytes_freed,
        "upkeep: files deleted": tended.files_deleted,
        "upkeep: rows dropped": tended.rows_dropped,
        "upkeep: hours held": tended.hours_held,
        "upkeep: hours skipped": tended.hours_skipped,
        "upkeep: log files": tended.log_files_after,
        "upkeep: seconds": round(tended.seconds, 2),
    }
    return told if tended.error is None else {"upkeep: error": tended.error}


def in_words(tended: Tended) -> str:
    """What was done to a table, in one line."""
    if tended.error is not None:
        return f"not tended: {tended.error}"
    said = [f"{tended.files_before:,} files became {tended.files_after:,}"]
    if tended.rows_dropped:
        said.append(f"{tended.rows_dropped:,} rows of {tended.hours_dropped:,} hours deleted")
    for count, words in (
        (tended.hours_held, "hours held"),
        (tended.hours_merged, "partitions merged"),
        (tended.hours_ordered, "partitions ordered"),
        (tended.hours_skipped, "partitions skipped, as others wrote them"),
        (tended.files_deleted, "old files deleted"),
    ):
        if count:
            said.append(f"{count:,} {words}")
    return "; ".join(said)


def _totals(done: list[Tended]) -> dict[str, Any]:
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
