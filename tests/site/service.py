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


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
