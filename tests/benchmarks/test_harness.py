"""The harness of `python -m benchmarks`; the measures themselves are no tests."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from benchmarks import docs_table, registry
from benchmarks.data import generations, with_hours
from benchmarks.measures import validate
from benchmarks.measures.validate import by_hand, judged
from benchmarks.outcome import Goal, Outcome
from benchmarks.peer import requirement

ROOT = Path(__file__).resolve().parents[2]
MACHINE = {
    "processor": "A Processor",
    "cpus": 2,
    "memory_gb": 23.5,
    "load": 0.1,
    "platform": "Linux",
    "python": "3.11.7",
    "versions": {"polars": "2.1.0"},
}


def result(ours: float, **changes: Any) -> dict[str, Any]:
    goals = [{"what": "ratio", "bound": 4, "reported": ">= 4", "met": True}]
    found = {"rows": 1000, "own_rows": 1000, "ours": ours, "floor": 4 * ours, "ratio": 4.0}
    return found | {"peer": "dlt 1.31.0", "peak_mb": 700.2, "growths": {}, "goals": goals} | changes


def report(folder: Path, date: str, **measures: dict[str, Any]) -> None:
    reported = {"date": date, "machine": MACHINE, "measures": measures}
    (folder / f"{date[:10]}.json").write_text(json.dumps(reported))


def test_the_rows_fit_the_contract_and_are_judged_as_by_hand() -> None:
    frame = with_hours(generations(4_000, bad=validate.BAD))
    assert judged(frame) == by_hand(frame)
    assert by_hand(frame)[0] == 13  # the share of bad rows is one by chance


def test_the_docs_table_has_the_newest_full_result_of_each_measure(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"Before.\n\n{docs_table.BEGIN}\n\nold\n\n{docs_table.END}\n\nAfter.\n")
    growth = {"what": "hour", "bound": 1.3, "reported": "hour <= 1.3x", "met": False}
    grown = result(9.0, ratio=None, peer="after a day", growths={"hour": 1.45}, goals=[growth])
    report(tmp_path, "2026-01-05T10:00:00+00:00", dlt=result(1.0), history=grown)
    report(tmp_path, "2026-01-06T10:00:00+00:00", dlt=result(2.0))
    report(tmp_path, "2026-01-07T10:00:00+00:00", dlt=result(0.1, rows=10))  # a small try

    docs_table.written(tmp_path, page)
    docs_table.written(tmp_path, page)  # again: nothing is added

    text = page.read_text()
    assert text.startswith("Before.\n\n<!-- results -->\n\n| measure |")
    assert text.endswith("<!-- end of results -->\n\nAfter.\n")
    assert "| `dlt` | 1,000 | 2.00 s | 8.00 s (dlt 1.31.0) | 4.00 | 700 MB | >= 4 | yes |" in text
    assert "| hour <= 1.3x (1.45x) | **no** |" in text
    assert "`dlt`: 2026-01-06, 2 x A Processor, 23.5 GB" in text
    assert "`history`: 2026-01-05" in text
    assert "Python 3.11.7, polars 2.1.0" in text
    assert len(re.findall("^\\| `", text, flags=re.MULTILINE)) == 2


def test_a_table_is_not_written_from_nothing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="expected results of full runs, found none"):
        docs_table.written(tmp_path, tmp_path / "benchmarks.md")


def test_every_measure_is_documented_and_can_be_loaded() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    for name in registry.names():
        assert f"| `{name}` |" in page
        assert registry.load(name).rows > 0
    assert set(registry.names()) - set(registry.usual()) == {"big_hour", "lineage", "wide_hour"}


def test_growths_are_held_to_their_goals() -> None:
    goals = (Goal("time", 10), Goal("memory", 2))
    outcome = Outcome(rows=1, ours=1.0, goals=goals, growths={"time": 9.0, "memory": 2.5})
    assert [met for _, met in outcome.verdicts()] == [True, False]
    assert str(goals[1]) == "memory <= 2x"


def test_each_peer_is_pinned_within_what_the_extra_asks_for() -> None:
    pins = (ROOT / "benchmarks" / "constraints-peers.txt").read_text().split()
    assert all(re.fullmatch(r"[a-z0-9-]+==[^=]+", pin) for pin in pins)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extra = project["project"]["optional-dependencies"]["bench"]
    for name, line in (("dlt", "1.31."), ("great-expectations", "1.24.")):
        assert requirement(name) in extra
        assert any(pin.startswith(f"{name}=={line}") for pin in pins)
