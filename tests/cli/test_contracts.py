"""`chimera contract`: check, diff, and the dbt sources."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.hours import HourRange
from tests.cli.conftest import ROWS, START, one_line
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.lake import Lake
    from tests.cli.conftest import Chimera

GENERATIONS = SHIPPED / "generations.odcs.yaml"


def _edited(folder: Path, *edits: tuple[str, str]) -> Path:
    text = GENERATIONS.read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "generations.odcs.yaml"
    path.write_text(text)
    return path


def test_the_contracts_are_listed(chimera: Chimera) -> None:
    reported = {c["stream"]: c for c in json.loads(chimera("contract", "list", "--json").out)}
    assert reported["generations"]["rules"] >= 20
    assert reported["providers"]["kind"] == "reference"
    said = chimera("contract", "list").out
    assert "99.00%" in said
    assert re.search(r"^invoices .* no threshold ", said, re.MULTILINE)


def test_columns_that_no_rule_looks_at_are_named(chimera: Chimera) -> None:
    listed = {c["stream"]: c for c in json.loads(chimera("contract", "list", "--json").out)}
    assert listed["generations"]["without_rule"] == []
    assert listed["providers"]["without_rule"] == ["enabled"]
    assert re.search(r"rules +without rule +pass rate", chimera("contract", "list").out)


def test_the_contracts_that_are_shipped_hold(chimera: Chimera) -> None:
    said = chimera("contract", "check")
    assert (said.code, said.out) == (0, "")


def test_every_problem_is_reported_by_file_and_line(chimera: Chimera, tmp_path: Path) -> None:
    path = _edited(tmp_path, ("logicalType: boolean", "logicalType: bool"), ("L3", "L9"))
    for place in (path, tmp_path):
        said = chimera("contract", "check", str(place))
        assert said.code == 1
        lines = said.out.splitlines()
        assert len(lines) >= 2
        assert all(line.startswith(f"error: {path}:") for line in lines)
        assert "expected" in lines[0]
        assert f"{len(lines)} errors" in said.err


def test_errors_come_first_and_warnings_of_one_kind_are_one_line(
    chimera: Chimera, tmp_path: Path
) -> None:
    """A draft has descriptions of no column; what keeps it from use must not drown in that."""
    described = re.compile(r"^        description: .*\n", re.MULTILINE)
    text = described.sub("", GENERATIONS.read_text())
    bare = tmp_path / "bare.odcs.yaml"
    bare.write_text(text.replace("name: generations", "name: calls"))
    wrong = tmp_path / "wrong.odcs.yaml"
    wrong.write_text(text.replace("logicalType: boolean", "logicalType: bool", 1))

    said = chimera("contract", "check", str(tmp_path))

    lines = said.out.splitlines()
    errors = [line for line in lines if line.startswith(f"error: {wrong}:")]
    warnings = lines[len(errors) :]
    assert lines[: len(errors)] == errors
    assert errors
    (columns,) = [line for line in warnings if "description of column" in line]
    named = "description of column, 26 of them (event_id, timestamp, tenant_id, user_id, provider "
    assert columns.startswith(f"warning: {bare}:")
    assert f"{named}and 21 more): expected what it holds, in words, found none" in columns
    assert said.err.startswith(f"{len(errors)} errors, ")


def test_a_contract_with_a_typo_stops_other_commands_with_one_line(
    chimera: Chimera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _edited(tmp_path, ("name: generations", "name: more"), ("L3", "L9"))
    monkeypatch.setenv("CHIMERA_CONTRACTS", str(tmp_path))
    said = chimera("status")
    assert said.code == 2
    assert said.err.startswith(f"chimera: {path}:")


def test_a_stream_whose_contract_is_not_written_yet_stops_no_command_that_writes_it(
    chimera: Chimera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the tutorial's are: the settings say `calls` before there is a contract of it."""
    shutil.copy(SHIPPED / "providers.odcs.yaml", tmp_path)
    monkeypatch.setenv("CHIMERA_CONTRACTS", str(tmp_path))
    monkeypatch.setenv("CHIMERA_STREAMS", "calls,providers")
    (tmp_path / "rows.csv").write_text("id,at\n1,2026-01-01T10:00:00Z\n")

    made = chimera("source", "psql", "-c", "CREATE TABLE calls (id int PRIMARY KEY)")
    checked = chimera("contract", "check", "--source")
    drafted = chimera("contract", "new", "calls", "--from-file", str(tmp_path / "rows.csv"))
    status = chimera("status")

    assert made.code == 0, made.err
    assert (checked.code, checked.out.count("error: ")) == (1, 1), checked.err
    assert "expected a table providers in the source, found none" in checked.out
    assert "make it with `chimera source init`" in checked.out
    assert "CHIMERA_STREAMS names calls, of which there is no contract yet." in checked.err
    assert drafted.code == 0, drafted.err
    assert (status.code, status.err.count("\n")) == (2, 1)
    assert status.err.startswith("chimera: CHIMERA_STREAMS: expected one of ")


def test_a_new_contract_may_compare_with_the_shipped_reference(
    chimera: Chimera, tmp_path: Path
) -> None:
    _edited(tmp_path, ("name: generations", "name: more_generations"))
    assert chimera("contract", "check", str(tmp_path)).code == 0


@pytest.mark.usefixtures("lake_of_four_hours")
def test_a_changed_rule_is_tried_on_the_past(chimera: Chimera, tmp_path: Path) -> None:
    """As Markdown for whoever reviews the change; exit code 1 if more would be rejected."""
    path = _edited(
        tmp_path, ("{check: range, min: 0, max: 10000}", "{check: range, min: 0, max: 200}")
    )

    said = chimera("contract", "check", str(path), "--against", "3000d")

    assert said.code == 1
    lines = said.out.splitlines()
    assert lines[0] == "## generations 1.1.0 → 1.1.0"
    rows = ROWS * 4
    assert lines[2].startswith(f"{rows:,} rows of 4 hours in the last 3000d. Rejected: 2")
    assert lines[2].endswith(f"today, {rows:,} then.")
    (changed,) = (line for line in lines if line.startswith("| `latency_ms_range`"))
    assert changed == f"| `latency_ms_range` | error | 2 | {rows:,} |"
    assert lines[-1].startswith("3 hours would be blocked: `")

    assert chimera("contract", "check", str(GENERATIONS), "--against", "3000d").code == 0
    for wrong in ("30", "d", "0d", "999999d", "1w"):
        refused = one_line(chimera("contract", "check", str(path), "--against", wrong))
        assert "--against: expected" in refused
    several = one_line(chimera("contract", "check", str(path), str(path), "--against", "1d"))
    assert "expected one contract file, found 2" in several


def test_a_file_as_it_stands_changes_nothing_of_the_past(
    chimera: Chimera, lake_of_four_hours: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of rows that an adapter lets lack a value, and of values that could not be read."""
    monkeypatch.setenv("CHIMERA_ADAPTERS", "otel")
    raw = lake_of_four_hours.table("raw", "generations")
    rows = raw.read(HourRange.single(START)).collect()
    number = pl.int_range(pl.len())
    rows = rows.with_columns(
        tokens_used=pl.when(number >= 3).then("tokens_used"),
        _unreadable=pl.when(number >= ROWS - 5).then(pl.lit('{"error_code":"some"}')),
    )
    raw.write_hours(rows, HourRange.single(START))

    said = chimera("contract", "check", str(GENERATIONS), "--against", "3000d")

    assert said.code == 0
    rejected = re.search(r"Rejected: (\d+) today, (\d+) then", said.out)
    assert rejected is not None
    assert rejected[1] == rejected[2]
    assert "| `readable` | error | 5 | 5 |" in said.out
    assert "| `tokens_used_not_null` | warning | 3 | 3 |" in said.out


def test_a_breaking_change_is_reported_in_words(chimera: Chimera, tmp_path: Path) -> None:
    assert chimera("contract", "diff", str(GENERATIONS), str(GENERATIONS)).out == "No difference.\n"
    path = _edited(tmp_path, ("classification: L3", "classification: L4"))
    said = chimera("contract", "diff", str(GENERATIONS), str(path))
    assert said.code == 1
    assert "breaking: column user_id classified higher, from L3 to L4" in said.out
    assert "ask for 2.0.0" in said.out


def test_the_sources_of_dbt_say_what_the_contracts_say(chimera: Chimera, tmp_path: Path) -> None:
    path = tmp_path / "_sources.yml"
    check = ("contract", "sources", "--path", str(path), "--check")
    assert chimera(*check).code == 1
    assert not path.exists()
    assert chimera(*check[:-1]).code == 0
    assert "generations" in path.read_text()
    assert chimera(*check).code == 0
    path.write_text(path.read_text().replace("event_id", "id"))
    assert chimera(*check).code == 1
