"""On one machine: whether the process that executes a run still lives, and what to do if not.

Every run writes down the id of its process, however it was started: by the daemon, by
`chimera backfill`, by `dagster asset materialize`. A process that was killed cannot say that its
run is over, nor give back its places in pools; here others find out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psutil
from dagster import DagsterEventType, DagsterRunStatus, RunsFilter
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dagster import DagsterInstance, DagsterRun
    from dagster._core.storage.event_log.base import EventLogStorage

#: Set on a run whose process was found to be gone.
DEAD_TAG = "chimera/process_is_gone"

#: A process that began so much later than the run's note is another one with the same id.
_CLOCK_SECONDS = 2.0

DIED = "The process that executed the run is gone: killed, out of memory, or its machine restarted."


class LaptopRunLauncher(DefaultRunLauncher):
    """Dagster's launcher, which can also say whether a run's process lives.

    By it, run monitoring ends the runs of dead processes, and run retries start them again.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether run monitoring may ask."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """The state of the run's process."""
        if has_died(self._instance.event_log_storage, run.run_id):
            self._instance.add_run_tags(run.run_id, {DEAD_TAG: "true"})
            return CheckRunHealthResult(WorkerStatus.FAILED, DIED)
        return CheckRunHealthResult(WorkerStatus.RUNNING)


def has_died(events: EventLogStorage, run_id: str) -> bool:
    """Whether the run's process is gone; False too if none is known."""
    for process, noted in _processes(events, run_id):
        try:
            found = psutil.Process(process)
            if found.create_time() > noted + _CLOCK_SECONDS:
                return True
            return bool(found.status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False
    return False


def _processes(events: EventLogStorage, run_id: str) -> Iterator[tuple[int, float]]:
    """The processes that the run noted and when, the run's own first, then those of its steps."""
    for entry in events.get_logs_for_run(run_id, of_type=DagsterEventType.ENGINE_EVENT):
        data = entry.get_dagster_event().engine_event_data
        pid: Any = data.metadata.get("pid") if data is not None else None
        if pid is not None:
            yield int(pid.value), entry.timestamp


def end_dead_runs(instance: DagsterInstance) -> list[str]:
    """Mark the runs of dead processes as failed and give back their places in pools.

    Run monitoring does so where the daemon runs; this is for processes that run alone.

    Returns:
        The ids of these runs.
    """
    ended = []
    for run in instance.get_runs(filters=RunsFilter(statuses=[DagsterRunStatus.STARTED])):
        if has_died(instance.event_log_storage, run.run_id):
            instance.add_run_tags(run.run_id, {DEAD_TAG: "true"})
            instance.report_run_failed(run, DIED)
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended
