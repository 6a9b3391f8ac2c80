"""One user's Dagster process: runs the hourly job as reported on stdin, one JSON object a line.

Starting Dagster costs seconds, so that a story with several runs keeps its process. What a run
tells the user (steps, causes, checks by partition) goes to stdout; everything printed, to stderr.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.site import reporting, service

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.orchestration.runs.run_record import StepEvent


def run(
    tell: Callable[[dict[str, Any]], None], first: str, last: str, by: str | None = None
) -> dict[str, Any]:
    """Run the hours from one partition key to another, as `chimera backfill` does."""
    from dagster import DagsterEventType, DagsterInstance

    from chimera_assets.access.principal import Principal
    from chimera_assets.hours import HourRange
    from chimera_assets.orchestration.runs.run_hours import run_hours

    def on_event(event: StepEvent) -> None:
        tell({"step": event.step, "outcome": event.outcome, "cause": event.cause})

    actor = Principal.of_command(by) if by is not None else None
    summary = run_hours(HourRange.from_keys(first, last), actor=actor, on_event=on_event)
    with DagsterInstance.get() as instance:
        checks = instance.all_logs(summary.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
        made = instance.all_logs(summary.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
        logged = instance.all_logs(summary.run_id)
    evaluations = [entry.get_dagster_event().asset_check_evaluation_data for entry in checks]
    materializations = [entry.get_dagster_event() for entry in made]
    return {
        "run_id": summary.run_id,
        "success": summary.success,
        "failed": {step.step: step.cause for step in summary.failed},
        "checks": [
            {
                "asset": "/".join(one.asset_key.path),
                "name": one.check_name,
                "partition": one.partition,
                "passed": one.passed,
                "severity": one.severity.value,
                "description": one.description or "",
            }
            for one in evaluations
        ],
        "materialized": [
            ["/".join(one.asset_key.path), one.partition]
            for one in materializations
            if one.asset_key is not None
        ],
        "warnings": [
            entry.user_message
            for entry in logged
            if entry.dagster_event is None and entry.level >= logging.WARNING
        ],
    }


def take(_: Callable[[dict[str, Any]], None], run_id: str) -> dict[str, Any]:
    """Execute a run of the hourly job that waits in the queue, as the daemon has it done."""
    import dagster as dg
    from dagster._core.execution.api import execute_run_iterator

    from chimera_assets.orchestration.runs.run_hours import hourly_job

    with dg.DagsterInstance.get() as instance:
        waiting = instance.get_run_by_id(run_id)
        assert waiting is not None
        starting = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_STARTING.value, waiting.job_name)
        instance.report_dagster_event(starting, run_id)
        made = instance.get_run_by_id(run_id)
        assert made is not None
        for _event in execute_run_iterator(dg.reconstructable(hourly_job), made, instance):
            pass
        ended = instance.get_run_by_id(run_id)
    assert ended is not None
    return {"status": ended.status.value, "tags": dict(ended.tags)}


def materialize(
    tell: Callable[[dict[str, Any]], None], assets: list[str], partition: str
) -> dict[str, Any]:
    """A run of some of the hourly job's assets, two steps at once if its executor can do that.

    Each event of a step is passed on while the run goes on; their times come with the result.
    """
    import dagster as dg
    from dagster._core.execution.api import execute_run_iterator

    from chimera_assets.orchestration.runs.run_hours import hourly_job

    chosen = frozenset(dg.AssetKey(name.split("/")) for name in assets)
    job = dg.reconstructable(hourly_job).get_subset(asset_selection=chosen)
    with dg.DagsterInstance.get() as instance:
        run = instance.create_run_for_job(
            job_def=job.get_definition(),
            run_config={"execution": {"config": {"max_concurrent": 2}}},
            tags={"dagster/partition": partition},
            asset_selection=chosen,
            job_code_origin=job.get_python_origin(),
        )
        for event in execute_run_iterator(job, run, instance):
            if event.is_step_event:
                tell({"step": event.step_key, "event": event.event_type_value})
        logged = instance.all_logs(run.run_id)
        ended = instance.get_run_by_id(run.run_id)
    steps = [one for one in logged if one.step_key and one.is_dagster_event]
    return {
        "run_id": run.run_id,
        "success": ended is not None and ended.is_success,
        "steps": [[one.step_key, one.dagster_event_type.value, one.timestamp] for one in steps],
    }


def look(_: Callable[[dict[str, Any]], None], cursor: str | None) -> dict[str, Any]:
    """A tick of the sensor `landing_files`: what it asks for, and its cursor."""
    import dagster as dg

    from chimera_assets.definitions import defs

    with dg.DagsterInstance.get() as instance:
        context = dg.build_sensor_context(
            instance, cursor=cursor, repository_def=defs.get_repository_def()
        )
        tick = defs.resolve_sensor_def("landing_files").evaluate_tick(context)
    return {
        "asked": [
            sorted("/".join(key.path) for key in request.asset_selection or ())
            for request in tick.run_requests or ()
        ],
        "cursor": tick.cursor,
        "skipped": tick.skip_message,
    }


def land(_: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """A run of the job `chimera_landing`."""
    import dagster as dg

    from chimera_assets.definitions import defs

    instance = dg.DagsterInstance.get()
    ran = defs.resolve_job_def("chimera_landing").execute_in_process(instance=instance)
    return {
        "success": ran.success,
        "checks": {
            "/".join(one.asset_key.path): [one.passed, one.severity.value, one.description or ""]
            for one in ran.get_asset_check_evaluations()
        },
        "metadata": {
            "/".join(one.asset_key.path): {k: v.value for k, v in one.metadata.items()}
            for event in ran.get_asset_materialization_events()
            if (one := event.step_materialization_data.materialization)
        },
    }


def late(_: Callable[[dict[str, Any]], None], cursor: str | None, *, run: bool) -> dict[str, Any]:
    """A tick of the sensor for late rows, and the runs that it asks for, as the daemon does."""
    import dagster as dg
    from dagster._core.execution.api import execute_run_iterator

    from chimera_assets.definitions import defs
    from chimera_assets.orchestration.runs.run_hours import hourly_job

    with dg.DagsterInstance.get() as instance:
        repository = defs.get_repository_def()
        context = dg.build_sensor_context(instance, cursor=cursor, repository_def=repository)
        ticked = repository.get_sensor_def("late_arrivals").evaluate_tick(context)
        done = []
        for request in ticked.run_requests:
            job = dg.reconstructable(hourly_job)
            made = instance.create_run_for_job(
                job_def=job.get_definition(), tags={**request.tags}, run_config=None
            )
            if run:
                for _event in execute_run_iterator(job, made, instance):
                    pass
            ended = instance.get_run_by_id(made.run_id)
            done.append({"id": made.run_id, "tags": request.tags, "status": ended.status.value})
    return {"runs": done, "skipped": ticked.skip_message, "cursor": ticked.cursor}


def asked(_: Callable[[dict[str, Any]], None], moments: list[str]) -> list[list[str]]:
    """The hours that the schedule asks for at each of these moments."""
    import dagster as dg

    from chimera_assets.definitions import defs

    repository = defs.get_repository_def()
    schedule = repository.get_schedule_def("chimera_etl_hourly")
    found = []
    for moment in moments:
        context = dg.build_schedule_context(
            scheduled_execution_time=datetime.fromisoformat(moment), repository_def=repository
        )
        requests = schedule.evaluate_tick(context).run_requests
        found.append([str(request.partition_key) for request in requests])
    return found


def fail(_: Callable[[dict[str, Any]], None], run_id: str) -> dict[str, Any]:
    """Tell Dagster that a run failed, as its run monitoring does for one whose process is gone."""
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        instance.report_run_failed(run)
    return {}


def describe(_: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """What Dagster's catalogue holds."""
    import dagster as dg

    from chimera_assets.definitions import defs

    graph = defs.resolve_asset_graph()
    job = defs.resolve_job_def("chimera_etl_hourly")
    schedules = list(defs.get_repository_def().schedule_defs)
    hourly = next(one for one in schedules if one.name == "chimera_etl_hourly")
    made = graph.materializable_asset_keys
    reports = {key for key in graph.get_all_asset_keys() if key.path[0] == "reports"}
    nodes = [graph.get(key) for key in made | reports]  # reports are made by jobs of their own
    checks = [graph.get(key) for key in graph.asset_check_keys]
    return {
        "assets": {
            "/".join(node.key.path): {
                "group": node.group_name,
                "description": node.description or "",
                "owners": list(node.owners),
                "kinds": sorted(node.kinds),
                "partitioned": node.partitions_def is not None,
                "columns": [
                    column.name
                    for column in getattr(node.metadata.get("dagster/column_schema"), "columns", [])
                ],
                "deps": sorted("/".join(key.path) for key in node.parent_keys),
            }
            for node in nodes
        },
        "checks": {
            f"{'/'.join(check.key.asset_key.path)}:{check.key.name}": {
                "blocking": check.blocking,
                "partitioned": check.partitions_def is not None,
            }
            for check in checks
        },
        "check_descriptions": {
            f"{'/'.join(check.key.asset_key.path)}:{check.key.name}": check.description
            for check in checks
        },
        "jobs": [one.name for one in defs.get_repository_def().get_all_jobs()],
        "hourly": ["/".join(key.path) for key in job.asset_layer.executable_asset_keys],
        "first_reports": {
            node.key.path[-1]: node.partitions_def.get_first_partition_key()
            for node in nodes
            if node.group_name == "reports"
        },
        "job_partitions": type(job.partitions_def).__name__,
        "sensors": {
            one.name: [one.default_status.value, one.minimum_interval_seconds]
            for one in defs.get_repository_def().sensor_defs
        },
        "schedules": {one.name: one.cron_schedule for one in schedules},
        "schedules_on": sorted(
            one.name for one in schedules if one.default_status.value == "RUNNING"
        ),
        "ticks": {
            moment: [
                request.partition_key
                for request in hourly.evaluate_tick(
                    dg.build_schedule_context(
                        scheduled_execution_time=datetime.fromisoformat(moment).astimezone(UTC),
                        repository_def=defs.get_repository_def(),
                    )
                ).run_requests
            ]
            for moment in ("2026-01-31T05:05:00+00:00", "2026-02-01T00:05:00+00:00")
        },
    }


def tick(_: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """One tick of the sensor `notifications`, as the daemon evaluates it."""
    import dagster as dg

    from chimera_assets.definitions import defs

    sensor = defs.resolve_sensor_def("notifications")
    with dg.DagsterInstance.get() as instance, dg.build_sensor_context(instance) as context:
        return {"said": sensor.evaluate_tick(context).skip_message}


def freshness(_: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The job `chimera_freshness`: stream -> whether it is fresh, and its words."""
    import dagster as dg

    from chimera_assets.definitions import defs

    with dg.DagsterInstance.get() as instance:
        ran = defs.resolve_job_def("chimera_freshness").execute_in_process(instance=instance)
    return {
        one.asset_key.path[-1]: {"passed": one.passed, "words": one.description}
        for one in ran.get_asset_check_evaluations()
    }


def main() -> None:
    """Answer until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(said: dict[str, Any]) -> None:
        print(json.dumps(said), file=answers, flush=True)

    from chimera_assets.errors import ChimeraError
    from chimera_assets.orchestration.instance.home import dagster_home
    from chimera_assets.orchestration.runs.run_hours import hourly_job

    try:
        dagster_home()
        hourly_job()
    except ChimeraError as error:
        tell({"error": type(error).__name__, "message": str(error)})
        return
    tell({"ready": os.getpid()})
    for line in sys.stdin:
        request = json.loads(line)
        wanted = {
            "run": run,
            "asked": asked,
            "backfill": service.backfill,
            "describe": describe,
            "fail": fail,
            "freshness": freshness,
            "land": land,
            "late": late,
            "look": look,
            "materialize": materialize,
            "pages": service.pages,
            "report_look": reporting.report_look,
            "report_run": reporting.report_run,
            "report_tick": reporting.report_tick,
            "schedules": service.schedules,
            "take": take,
            "tick": tick,
        }[request.pop("do")]
        tell({"result": wanted(tell, **request)})


if __name__ == "__main__":
    main()
