"""Whether a failed node is worth another try is asked of what was raised, not of dbt's words."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from chimera_assets.errors import SettingError
from chimera_assets.packs import active_packs
from chimera_assets.settings import get_settings
from chimera_assets.warehouse.dbt_project import parsed_project
from chimera_assets.warehouse.dbt_run import DbtRun
from tests import warm

ROOT = Path(__file__).parents[2]


def test_what_the_lake_plugin_raised_decides(tmp_path: Path) -> None:
    settings = {name: v for name, v in os.environ.items() if not name.startswith("CHIMERA_")}
    said = subprocess.run(
        warm.module("tests.warehouse.failing_run"),
        cwd=ROOT,
        env={**settings, "CHIMERA_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    reported = json.loads(said.stdout.splitlines()[-1])

    assert reported["conflict"]["error"] == "DbtFailed"
    assert "model fact_generations" in reported["conflict"]["words"]
    assert "somebody was quicker" in reported["conflict"]["words"]
    assert reported["conflict"]["passes"]
    assert "503 Slow Down" in reported["to be mended"]["words"]
    assert not reported["to be mended"]["passes"]
    assert reported["at the beginning"]["error"] == "DbtUnable"
    assert "nobody answers" in reported["at the beginning"]["words"]
    assert reported["at the beginning"]["passes"]
    # What was raised in an earlier run says nothing of a later one.
    assert reported["nothing"]["error"] is None
    assert "Conversion Error: a value cannot be converted to INT32" in reported["a value"]["words"]
    assert "zq7marker" not in said.stdout


def test_a_project_that_is_gone_fails_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the thread in which dbt runs, where nobody would hear of it."""
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path))
    monkeypatch.setenv("CHIMERA_PACKS", "gone")
    for cached in (get_settings, active_packs, parsed_project):
        cached.cache_clear()
    try:
        with pytest.raises(SettingError, match="CHIMERA_PACKS"):
            list(DbtRun(["build"]).node_results())
    finally:
        for cached in (get_settings, active_packs, parsed_project):
            cached.cache_clear()
