"""Reports in the worker's process: what their sensors ask for at times that the test sets, runs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagster import JobDefinition


def daily() -> JobDefinition:
    """The job of daily reports."""
    return _job("compliance_report_daily")


def of_any_range() -> JobDefinition:
    """The job of a report of any range."""
    return _job("compliance_report")


def _job(name: str) -> JobDefinition:
    from chimera_assets.definitions import defs

    return defs.resolve_job_def(name)


def report_look(_: Callable[[dict[str, Any]], None], cursor: str | None, at: str) -> dict[str, Any]:
    """What the sensor of daily reports asks for at a time."""
    import dagster as dg

    from chimera_assets.orchestration.sensors.compliance_reports import look

    with dg.DagsterInstance.get() as instance:
        found = look(instance, "daily", cursor, datetime.fromisoformat(at))
    if isinstance(found, dg.SkipReason):
        return {"asked": [], "said": found.skip_message, "cursor": cursor}
    skipped = found.skip_reason
    return {
        "asked": [[one.partition_key, one.run_key, one.tags] for one in found.run_requests or ()],
        "said": skipped.skip_message if skipped else None,
        "cursor": found.cursor,
    }


def report_tick(_: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """A tick of the sensor of weekly reports, as the daemon evaluates it."""
    import dagster as dg

    from chimera_assets.definitions import defs

    sensor = defs.resolve_sensor_def("compliance_report_weekly")
    repository = defs.get_repository_def()
    with (
        dg.DagsterInstance.get() as instance,
        dg.build_sensor_context(instance, repository_def=repository) as context,
    ):
        ticked = sensor.evaluate_tick(context)
    return {
        "asked": [one.partition_key for one in ticked.run_requests or ()],
        "said": ticked.skip_message,
        "cursor": ticked.cursor,
    }


def report_run(
    _: Callable[[dict[str, Any]], None],
    tags: dict[str, str],
    config: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A run of the job of daily reports; with a configuration, of that of any range."""
    import dagster as dg
    from dagster._core.execution.api import execute_run_iterator

    job = dg.reconstructable(daily if config is None else of_any_range)
    configured = {"ops": {"build_report": {"config": config}}} if config else None
    with dg.DagsterInstance.get() as instance:
        made = instance.create_run_for_job(
            job_def=job.get_definition(),
            tags=tags,
            run_config=configured,
            job_code_origin=job.get_python_origin(),
        )
        events = list(execute_run_iterator(job, made, instance))
        ended = instance.get_run_by_id(made.run_id)
    assert ended is not None
    shown = [one.step_materialization_data for one in events if one.is_step_materialization]
    return {
        "run_id": made.run_id,
        "status": ended.status.value,
        "tags": dict(ended.tags),
        "metadata": [
            {name: one.value for name, one in data.materialization.metadata.items()}
            for data in shown
        ],
    }
