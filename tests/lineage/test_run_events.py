"""OpenLineage events of a real run: what it read and wrote, sent by OpenLineage's own client."""

import json
import os
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator

from chimera_assets.hours import HourRange
from chimera_assets.ingest.extraction import extract_into_raw
from chimera_assets.lineage.run_events import TracedRun, World, run_event
from chimera_assets.orchestration.runs import lineage_events
from chimera_assets.orchestration.table_metadata import HOUR_BYTES, HOUR_ROWS
from chimera_assets.quality import stage_hours
from chimera_assets.run_context import RunContext
from tests.cli.conftest import Chimera
from tests.lineage.conftest import FIRST, Works
from tests.site.site import Site, generations

HOUR = "2024-11-12-05:00"


def job_of(works: Works, *, fails: bool = False) -> dg.JobDefinition:
    """Two assets that do what the pipeline's do, under the executor with the events."""
    hours = HourRange.from_keys(HOUR, HOUR)

    @dg.asset(key=["raw", "generations"])
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        run = RunContext(works.lake, datetime.now(UTC), context.run.run_id)
        extract_into_raw(run, works.contract, works.source, hours)
        return dg.MaterializeResult(metadata={HOUR_ROWS: 20, HOUR_BYTES: 1000})

    @dg.asset(key=["staged", "generations"], deps=[raw])
    def staged(context: dg.AssetExecutionContext) -> None:
        if fails:
            raise dg.Failure
        stage_hours(
            RunContext(works.lake, datetime.now(UTC), context.run.run_id), works.contract, hours
        )

    wrapped = lineage_events.run_with_lineage_events(dg.in_process_executor)
    return dg.Definitions([raw, staged], executor=wrapped).resolve_implicit_global_asset_job_def()


def events_of(works: Works, log: Path, *, fails: bool = False) -> list[dict[str, Any]]:
    """The events of a run, that of whose hour are named by its tags."""
    job = job_of(works, fails=fails)
    log.unlink(missing_ok=True)
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"dagster/partition": HOUR}
        run = instance.create_run_for_job(job_def=job, tags=tags)
        list(execute_run_iterator(InMemoryJob(job), run, instance))
    found = [json.loads(line) for line in log.read_text().splitlines()]
    assert {one["run"]["runId"] for one in found} == {run.run_id}
    return found


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings of the client, which adds to them itself, stay behind."""
    yield
    monkeypatch.undo()
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        del os.environ[name]


@pytest.fixture
def log(
    site: Site, works: Works, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chimera: Chimera
) -> Path:
    """A file that the client writes events into, by its own settings."""
    assert chimera is not None  # whose settings these are
    if not works.lake.table("raw", "providers").exists():
        site.source.insert("generations", generations(HOUR, 20))
        works.run(FIRST)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(tmp_path / "events"))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__APPEND", "true")
    return tmp_path / "events"


def test_a_run_tells_what_it_read_and_wrote(works: Works, log: Path) -> None:
    started, ended = events_of(works, log)
    assert (started["eventType"], ended["eventType"]) == ("START", "COMPLETE")
    for event in (started, ended):
        assert event["schemaURL"].startswith("https://openlineage.io/spec/2-0-2/OpenLineage.json")
        assert event["job"]["namespace"] == "chimera"
        nominal = event["run"]["facets"]["nominalTime"]
        assert nominal["nominalStartTime"] == "2024-11-12T05:00:00+00:00"
    (read,) = ended["inputs"]
    assert read["namespace"].startswith("postgres://")
    assert read["name"] == "operational.public.generations"
    assert read["inputFacets"]["inputStatistics"]["rowCount"] == 20
    assertions = read["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert {one["assertion"] for one in assertions} >= {"latency_ms_range"}
    assert all(one["success"] for one in assertions if one["assertion"] == "latency_ms_range")
    outputs = {one["name"]: one for one in ended["outputs"]}
    raw = outputs[f"{works.lake.uri}/raw/generations"]
    assert raw["outputFacets"]["outputStatistics"]["rowCount"] == 20
    fields = {one["name"]: one["type"] for one in raw["facets"]["schema"]["fields"]}
    assert fields["event_id"] == "string"
    lineage = raw["facets"]["columnLineage"]["fields"]["tokens_used"]["inputFields"]
    assert [(one["name"], one["field"]) for one in lineage] == [
        ("operational.public.generations", "tokens_used")
    ]
    staged = outputs[f"{works.lake.uri}/staged/generations"]
    made_of = staged["facets"]["columnLineage"]["fields"]["tokens_used"]["inputFields"]
    assert made_of[0]["name"] == f"{works.lake.uri}/raw/generations"


def test_a_run_that_fails_says_so(works: Works, log: Path) -> None:
    _, ended = events_of(works, log, fails=True)
    assert ended["eventType"] == "FAIL"
    assert [one["name"] for one in ended["outputs"]] == [f"{works.lake.uri}/raw/generations"]


def test_an_endpoint_that_is_dead_is_a_warning_and_no_more(
    works: Works, chimera: Chimera, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chimera is not None
    monkeypatch.setenv("OPENLINEAGE_URL", "http://someone:secret@127.0.0.1:1")
    monkeypatch.setattr(lineage_events, "_WAIT_SECONDS", 0.3)
    said: list[str] = []
    sender = lineage_events.Sender(said.append)
    world = World(works.lake, {}, {}, "postgresql://localhost/operational")
    run = TracedRun(str(uuid.uuid4()), "job", None, ())
    for state in ("START", "COMPLETE"):
        sender.send(lambda state=state: run_event(state, datetime.now(UTC), run, world))
    sender.finish()
    assert len(said) == 1
    assert said[0].startswith("OpenLineage: ")
    assert "secret" not in said[0]


def test_nothing_is_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not lineage_events.is_on()
    assert lineage_events.run_with_lineage_events(dg.in_process_executor) is dg.in_process_executor
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    assert lineage_events.is_on()
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    assert not lineage_events.is_on()
    monkeypatch.setitem(sys.modules, "openlineage.client", None)
    said: list[str] = []
    sender = lineage_events.Sender(said.append)
    run = TracedRun(str(uuid.uuid4()), "job", None, ())
    world: Any = None
    sender.send(lambda: run_event("START", datetime.now(UTC), run, world))
    sender.finish()
    assert "pip install 'chimera-assets[openlineage]'" in said[0]
