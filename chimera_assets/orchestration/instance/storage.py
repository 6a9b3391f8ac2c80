"""Dagster's own storage on one machine, under CHIMERA_HOME; named in `dagster.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from chimera_assets.orchestration.instance.dead_runs import has_died
from chimera_assets.orchestration.instance.event_log import BatchingSqliteEventLogStorage
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData
    from dagster._utils.concurrency import ConcurrencyClaimStatus


def _folder(name: str) -> str:
    return str(get_settings().home_folder("dagster", name))


class _UnderHome:
    """What needs no configuration in `dagster.yaml`: its place follows from CHIMERA_HOME."""

    _FOLDER = ""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No configuration."""
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Any,  # noqa: ANN401
    ) -> Self:
        """The one of this process's CHIMERA_HOME."""
        make: Any = cls
        made: Self = make(_folder(cls._FOLDER), inst_data=inst_data, **config_value)
        return made


class LaptopEventLog(BatchingSqliteEventLogStorage):
    """The event log, with pools in which the dead hold no place."""

    def claim_concurrency_slot(
        self, concurrency_key: str, run_id: str, step_key: str, priority: int | None = None
    ) -> ConcurrencyClaimStatus:
        """Claim a place for a step; if all are taken, those of dead processes are free."""
        claim = super().claim_concurrency_slot(concurrency_key, run_id, step_key, priority)
        if claim.is_claimed:
            return claim
        holders = {slot.run_id for slot in self.get_concurrency_info(concurrency_key).claimed_slots}
        dead = [holder for holder in holders - {run_id} if has_died(self, holder)]
        for holder in dead:
            self.free_concurrency_slots_for_run(holder)
        if not dead:
            return claim
        return super().claim_concurrency_slot(concurrency_key, run_id, step_key, priority)


class LaptopStorage(_UnderHome, DagsterSqliteStorage):
    """Runs, events and schedules in SQLite."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        # Where Dagster's own class keeps them, so that its tools find them too.
        self._event_log_storage = LaptopEventLog(f"{base_dir}/history/runs/")


class LaptopComputeLogs(_UnderHome, LocalComputeLogManager):
    """What runs print, in files."""

    _FOLDER = "logs"


class LaptopArtifacts(_UnderHome, LocalArtifactStorage):
    """Files of Dagster's own, such as the schedules' bookkeeping."""
