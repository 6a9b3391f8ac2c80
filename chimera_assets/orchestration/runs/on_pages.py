"""How a run that no code server started finds its place on the pages.

The timeline and the page of a job list a run under its code location. A run that was created in a
process of its own names none, and would be in the list of runs alone.
"""

from __future__ import annotations

import sys

from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

#: As in every `workspace.yaml` here.
LOCATION = "chimera_assets"
_DEFINITIONS = "chimera_assets.definitions"

#: Who started a run by a command sees it fail; the daemon is not to start it again behind them.
NO_RETRY = {"dagster/max_retries": "0"}


def origin_on_pages(job: str) -> RemoteJobOrigin:
    """The origin of a job as the pages know it."""
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=_DEFINITIONS)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name=LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job)
