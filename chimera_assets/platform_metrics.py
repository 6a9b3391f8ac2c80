"""The platform's own metrics: name, what it says, labels. Described to users in docs/metrics.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: its help text, its labels, and whether it only ever grows."""

    help: str
    labels: tuple[str, ...] = ()
    counter: bool = False


_DAG, _STREAM, _TABLE = ("dag",), ("stream",), ("layer", "table")

#: The metrics that there are whatever the packs.
PLATFORM_METRICS: dict[str, Family] = {
    # Runs, from Dagster.
    "chimera_dag_duration_seconds": Family("How long the last ended run took.", _DAG),
    "chimera_dag_hours": Family("Hours that the last ended run was for.", _DAG),
    "chimera_dag_success": Family("1 if the last ended run succeeded, else 0.", _DAG),
    "chimera_dag_end_timestamp_seconds": Family("When the last ended run ended.", _DAG),
    "chimera_dag_running_seconds": Family(
        "How long the oldest run in progress has been running; 0 if none is.", _DAG
    ),
    "chimera_dag_runs_total": Family(
        "Ended runs in Dagster's storage.", (*_DAG, "status"), counter=True
    ),
    "chimera_task_success_count": Family(
        "Times that a task of the last ended run succeeded.", (*_DAG, "task")
    ),
    "chimera_task_failure_count": Family(
        "Times that a task of the last ended run failed.", (*_DAG, "task")
    ),
    # Streams, from the lake's logs and the batch counts of the last days.
    "chimera_event_lag_seconds": Family(
        "Time since the end of the newest hour that has published rows.", _STREAM
    ),
    "chimera_event_lag_limit_seconds": Family("The lag that the contract allows.", _STREAM),
    "chimera_event_timestamp_seconds": Family(
        "End of the newest hour that has published rows.", _STREAM
    ),
    "chimera_judged_timestamp_seconds": Family("When rows were last judged.", _STREAM),
    "chimera_pending_hours": Family(
        "Hours to be extracted again, or that a run has begun and not ended.", _STREAM
    ),
    "chimera_blocked_hours": Family(
        "Hours of the newest seven days that are not published because of their gate.", _STREAM
    ),
    "chimera_quarantine_rows": Family("Rows in quarantine.", _STREAM),
    "data_quality_pass_rate": Family(
        "Share of the newest hour's rows that break no rule, 0 to 1.", _STREAM
    ),
    "data_quality_pass_rate_threshold": Family(
        "The share below which the contract blocks an hour.", _STREAM
    ),
    # Tables, from their logs.
    "delta_lake_row_count": Family("Rows of the newest version.", _TABLE),
    "delta_lake_size_bytes": Family("Bytes of the newest version's data files.", _TABLE),
    "delta_lake_file_count": Family("Data files of the newest version.", _TABLE),
}

#: The one that comes after all others.
LAST_METRIC: dict[str, Family] = {
    "chimera_metrics_timestamp_seconds": Family("When these metrics were collected."),
}

#: What no pack may call a metric of its own.
TAKEN_NAMES = frozenset((*PLATFORM_METRICS, *LAST_METRIC))
