"""What `chimera up` keeps running, in the worker's process and at times that the test sets.

The pages are asked as browsers ask them, by GraphQL; the schedules are those of the daemon, one
iteration a request. Runs that they ask for wait in the queue, as nobody takes them from it here.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagster._core.workspace.context import WorkspaceProcessContext

#: As the pages send it.
BACKFILL = """mutation($parameters: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $parameters) {
    ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""


@cache
def _workspace() -> WorkspaceProcessContext:
    """Instance and code location, as in `workspace.yaml`; kept, as the daemon keeps them."""
    from dagster import DagsterInstance
    from dagster._core.remote_origin import InProcessCodeLocationOrigin
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget

    target = LoadableTargetOrigin(
        executable_path=sys.executable, module_name="chimera_assets.definitions"
    )
    origin = InProcessCodeLocationOrigin(target, location_name="chimera_assets")
    return WorkspaceProcessContext(DagsterInstance.get(), InProcessWorkspaceLoadTarget(origin))


def pages(
    _: Callable[[dict[str, Any]], None], query: str, variables: dict[str, Any], at: str
) -> dict[str, Any]:
    """The answer to a GraphQL request of the pages, sent at a time in ISO format."""
    from dagster._core.test_utils import freeze_time
    from dagster_graphql.schema import create_schema

    with freeze_time(_moment(at)):
        context = _workspace().create_request_context()
        asking = create_schema().execute_async(query, context_value=context, variables=variables)
        answer = asyncio.run(asking)
    assert not answer.errors, answer.errors
    data: dict[str, Any] = answer.data
    return data


def schedules(_: Callable[[dict[str, Any]], None], at: str) -> dict[str, Any]:
    """An iteration of the schedule daemon at a time; gives job and partition of each new run."""
    from dagster._core.test_utils import freeze_time
    from dagster._scheduler.scheduler import launch_scheduled_runs

    workspace = _workspace()
    known = {run.run_id for run in workspace.instance.get_runs()}
    with freeze_time(_moment(at)):
        iteration = launch_scheduled_runs(workspace, logging.getLogger("daemon"), _moment(at), {})
        errors = [error.to_string() for error in iteration if error is not None]
    assert not errors, errors
    new = [run for run in workspace.instance.get_runs() if run.run_id not in known]
    return {"asked": sorted([run.job_name, run.tags.get("dagster/partition", "")] for run in new)}


def backfill(
    _: Callable[[dict[str, Any]], None], parameters: dict[str, Any]
) -> list[dict[str, Any]]:
    """A backfill that the pages ask for, taken by the daemons to its end; gives its runs."""
    from dagster_graphql.schema import create_schema

    workspace = _workspace()
    known = {run.run_id for run in workspace.instance.get_runs()}
    asking = create_schema().execute_async(
        BACKFILL,
        context_value=workspace.create_request_context(),
        variables={"parameters": parameters},
    )
    answer = asyncio.run(asking)
    assert not answer.errors, answer.errors
    launched = answer.data["launchPartitionBackfill"]
    _iterate(workspace, launched["backfillId"], known)
    backfill = workspace.instance.get_backfill(launched["backfillId"])
    assert backfill is not None
    assert backfill.status.value == "COMPLETED_SUCCESS", backfill.error
    runs = [run for run in workspace.instance.get_runs() if run.run_id not in known]
    return [
        {
            "status": run.status.value,
            "tags": dict(run.tags),
            "assets": sorted("/".join(key.path) for key in run.asset_selection or ()),
        }
        for run in reversed(runs)
    ]


def _iterate(workspace: WorkspaceProcessContext, backfill_id: str, known: set[str]) -> None:
    """The daemon's iterations over a backfill, and the runs that each of them queues."""
    from dagster import DagsterRunStatus
    from dagster._daemon.backfill import execute_backfill_iteration

    for _ in range(20):
        errors = [*filter(None, execute_backfill_iteration(workspace, logging.getLogger("daemon")))]
        assert not errors, errors
        for run in workspace.instance.get_runs():
            if run.run_id not in known and run.status == DagsterRunStatus.QUEUED:
                _execute(workspace, run.run_id)
        found = workspace.instance.get_backfill(backfill_id)
        if found is None or found.status.value != "REQUESTED":
            return


def _execute(workspace: WorkspaceProcessContext, run_id: str) -> None:
    """Execute a queued run, as the daemon has it done."""
    import dagster as dg
    from dagster._core.execution.api import execute_run_iterator
    from dagster._core.origin import JobPythonOrigin
    from dagster._utils.hosted_user_process import recon_job_from_origin

    instance = workspace.instance
    run = instance.get_run_by_id(run_id)
    assert run is not None
    starting = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_STARTING.value, run.job_name)
    instance.report_dagster_event(starting, run_id)
    assert isinstance(run.job_code_origin, JobPythonOrigin)
    chosen = recon_job_from_origin(run.job_code_origin).get_subset(
        asset_selection=run.asset_selection, asset_check_selection=run.asset_check_selection
    )
    made = instance.get_run_by_id(run_id)
    assert made is not None
    for _event in execute_run_iterator(chosen, made, instance):
        pass


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
