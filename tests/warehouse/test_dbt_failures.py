"""Whether a failed node is worth another try is asked of what was raised, not of dbt's words."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

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
