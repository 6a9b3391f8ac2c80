"""The nightly job as Dagster runs it: numbers on each table's own asset, failures that name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chimera_assets.lake import Lake
from tests.lake.conftest import events, hours
from tests.site.site import environment

RUN = """
import json, sys
from dagster import DagsterEventType, DagsterInstance
from chimera_assets.orchestration.upkeep_job import upkeep_job
with DagsterInstance.ephemeral() as instance:
    result = upkeep_job.execute_in_process(instance=instance, raise_on_error=False)
    seen = instance.all_logs(result.run_id, of_type=DagsterEventType.ASSET_OBSERVATION)
    reported = {}
    for entry in seen:
        observation = entry.get_dagster_event().asset_observation_data.asset_observation
        reported["/".join(observation.asset_key.path)] = {
            name: value.value for name, value in observation.metadata.items()
        }
    failures = [e.event_specific_data.user_failure_data.description for e in result.all_events
                if e.event_type == DagsterEventType.STEP_FAILURE]
print(json.dumps({"success": result.success, "observed": reported, "failures": failures}))
"""


def ran(home: Path) -> dict[str, object]:
    import json

    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env=environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    reported: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return reported


@pytest.mark.criterion("AC-001.2", "AC-003.4")
def test_each_table_tells_its_numbers_and_one_bad_table_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lake = Lake(str(tmp_path / "lake"))
    table = lake.table("aggregates", "agg_example")
    table.write_hours(events(hours(0, 2)), hours(0, 2))
    for _ in range(3):
        table.append(events(hours(1)))
    lake.table("raw", "broken").write_hours(events(hours(0)), hours(0))
    log = Path(lake.uri) / "raw" / "broken" / "_delta_log"
    os.truncate(log / "00000000000000000001.json", 50)

    reported = ran(tmp_path)

    assert not reported["success"]
    assert "raw/broken" in str(reported["failures"])
    observed = reported["observed"]
    assert isinstance(observed, dict)
    numbers = observed["aggregates/agg_example"]
    assert (numbers["upkeep: files before"], numbers["upkeep: files"]) == (5, 2)
    assert "cut or damaged" in observed["raw/broken"]["upkeep: error"]
    assert table.stats().files == 2
    kept = lake.table("quality", "upkeep").read().collect()
    assert set(kept["table"]) == {"aggregates/agg_example", "raw/broken"}
