"""A run of more than ten minutes, or than CHIMERA_SLA_MINUTES, is reported as slow, once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from chimera_assets.monitoring.alerts.sending import send_notifications
from chimera_assets.settings import get_settings
from tests.monitoring.receivers import receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance in the memory, under default settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHIMERA_SLA_MINUTES", raising=False)
    get_settings.cache_clear()
    with dg.DagsterInstance.ephemeral() as made:
        yield made
    get_settings.cache_clear()


def running(instance: dg.DagsterInstance, minutes: float) -> str:
    """An hourly run that began so many minutes ago; gives its id."""
    job = dg.GraphDefinition("chimera_etl_hourly").to_job()
    run = instance.create_run_for_job(job, tags={"dagster/partition": "2026-01-31-04:00"})
    instance.run_storage.handle_run_event(
        run.run_id,
        dg.DagsterEvent("PIPELINE_START", run.job_name),
        datetime.now(UTC) - timedelta(minutes=minutes),
    )
    return run.run_id


@pytest.mark.criterion("AC-001.5")
@pytest.mark.parametrize(("setting", "minutes"), [(None, 10), ("30", 30), ("2", 2)])
def test_a_run_is_slow_after_ten_minutes_or_what_the_setting_says(
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    setting: str | None,
    minutes: int,
) -> None:
    if setting is not None:
        monkeypatch.setenv("CHIMERA_SLA_MINUTES", setting)
    with receiver() as on_call:
        monkeypatch.setenv("CHIMERA_NOTIFY_URLS", on_call.url.replace("http", "json"))
        running(instance, minutes - 1)
        assert send_notifications(instance).summary == "0 new, 0 sent, 0 waiting"
        slow = running(instance, minutes + 0.1)
        assert send_notifications(instance).summary == "1 new, 1 sent, 0 waiting"
        assert send_notifications(instance).summary == "0 new, 0 sent, 0 waiting"
        ((*_, body),) = on_call.requests

    message = json.loads(body)
    assert message["title"] == "Chimera: hour 2026-01-31 04:00 UTC is slow"
    assert f"the limit is {minutes} minutes. It goes on." in message["message"]
    assert slow in message["message"]
