"""`chimera table`: what is in a table, what was in it, and its upkeep."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.commands import tables
from chimera_assets.commands.rows import Format, print_rows
from chimera_assets.lake import open_lake
from chimera_assets.privacy.origins import ModelLineage
from chimera_assets.system_tables.column_lineage import append_lineages
from tests.cli.conftest import HOURS, ROWS, one_line, process

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.lake import Lake
    from tests.cli.conftest import Chimera

NAME = "staged/generations"
STAGED = 3 * ROWS - 2


class Keyboard(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self) -> bool:
        return True


pytestmark = pytest.mark.usefixtures("lake_of_four_hours")


def test_every_table_is_listed(chimera: Chimera) -> None:
    reported = {
        table["table"]: table for table in json.loads(chimera("table", "list", "--json").out)
    }
    assert reported[NAME]["rows"] == STAGED
    assert "quality/check_results" in reported
    assert NAME in chimera("table", "list").out


def test_history_tells_the_run_of_each_commit(chimera: Chimera) -> None:
    reported = json.loads(chimera("table", "history", NAME, "--json").out)
    assert [commit["version"] for commit in reported] == [*range(len(reported))][::-1]
    assert reported[0]["code"] == version("chimera-assets")
    assert reported[0]["run"] == "first"
    assert "first" in chimera("table", "history", NAME).out


def test_an_export_is_whole_unless_it_says_otherwise(chimera: Chimera) -> None:
    rows = json.loads(chimera("table", "read", NAME, "--format", "json").out)
    assert len(rows) == STAGED
    assert rows[0]["timestamp"] == "2026-01-31T00:00:00Z"
    assert rows[0]["techniques_applied"] == ["base64"]
    text = chimera("table", "read", NAME, "--format", "csv").out
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == STAGED
    assert lines[0]["event_id"] == "e-0-0"
    assert json.loads(lines[0]["techniques_applied"]) == ["base64"]
    assert lines[0]["error_code"] == ""
    cut = chimera("table", "read", NAME, "--format", "csv", "--limit", "5")
    assert f"5 of {STAGED} rows" in cut.err


def test_a_table_of_very_many_rows_points_to_the_other_formats(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_MOST_TABLE_ROWS", 3)
    for asked in ("0", "4"):
        cut = chimera("table", "read", NAME, "--limit", asked, "--columns", "event_id")
        assert cut.out.count("e-") == 3
        assert f"3 of {STAGED} rows; a table has at most 3: --format csv prints all." in cut.err


def test_lists_of_numbers_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    rows = pl.LazyFrame({"hour": [1, 2], "latency_counts": [[3, None, 4], None]})
    assert print_rows(rows, Format.table) == rows.collect().height
    assert "3, 4" in capsys.readouterr().out


def test_nothing_to_read_is_still_json_and_csv(chimera: Chimera) -> None:
    nothing = ("--hours", "2026-01-30", "--columns", "event_id,hour")
    assert json.loads(chimera("table", "read", NAME, *nothing, "--format", "json").out) == []
    assert chimera("table", "read", NAME, *nothing, "--format", "csv").out == "event_id,hour\n"


def rows_of(chimera: Chimera, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(chimera("table", "read", table, "--format", "json").out)
    return rows


def test_personal_values_are_masked_in_every_format_and_layer(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    for table in (NAME, "raw/generations", "quarantine/generations"):
        for form in ("table", "json", "csv"):
            said = chimera("table", "read", table, "--format", form)
            assert "alice@example.com" not in said.out
            assert "--reveal shows them" in said.err
    assert rows_of(chimera, NAME)[0]["user_id"] == "•••"
    assert rows_of(chimera, NAME)[0]["tenant_id"] == "acme"
    # What no contract describes is masked, but for what the platform adds itself.
    retired = lake_of_four_hours.table(*NAME.split("/")).read().collect()
    lake_of_four_hours.table("staged", "retired").overwrite(retired)
    first = rows_of(chimera, "staged/retired")[0]
    shown = {name for name, value in first.items() if value not in {None, "•••"}}
    assert shown == {"hour_partition", "hour", "_batch_id", "_ingested_at"}


def test_what_models_make_is_masked_by_origin(chimera: Chimera, lake_of_four_hours: Lake) -> None:
    row = {"provider": "alice", "whose": "alice", "flavour": "mint"}
    lake_of_four_hours.table("marts", "fact_tastes").overwrite(pl.DataFrame([row]))
    assert rows_of(chimera, "marts/fact_tastes") == [dict.fromkeys(row, "•••")]

    # With the model's first run it is known what each column is made of.
    staged = ("staged", "generations")
    made_of = {
        "whose": frozenset({(*staged, "user_id")}),
        "flavour": frozenset({(*staged, "model")}),
    }
    version = ModelLineage({**made_of, "provider": None}, frozenset({staged}))
    append_lineages(lake_of_four_hours, {("marts", "fact_tastes"): {"v": version}})
    masked = {"provider": "•••", "whose": "•••", "flavour": "mint"}
    assert rows_of(chimera, "marts/fact_tastes") == [masked]
    assert "Masked: provider, whose" in chimera("table", "read", "marts/fact_tastes").err


def test_hours_and_columns_can_be_chosen(chimera: Chimera) -> None:
    chosen = ("--hours", "2026-01-31T01", "--columns", "event_id,hour", "--format", "json")
    rows = json.loads(chimera("table", "read", NAME, *chosen).out)
    assert len(rows) == ROWS - 1
    assert set(rows[0]) == {"event_id", "hour"}
    wrong = chimera("table", "read", NAME, "--columns", "even_id")
    assert "no column even_id" in one_line(wrong)


@pytest.mark.criterion("AC-003.2")
def test_the_past_can_be_read_and_brought_back(chimera: Chimera, lake_of_four_hours: Lake) -> None:
    table = lake_of_four_hours.table("staged", "generations")
    before = table.version()
    table.write_hours(None, HOURS)
    assert json.loads(chimera("table", "read", NAME, "--format", "json").out) == []
    as_of = ("--as-of", str(before))
    rows = json.loads(chimera("table", "read", NAME, *as_of, "--format", "json").out)
    assert len(rows) == STAGED
    assert "expected --yes" in one_line(chimera("table", "restore", NAME, *as_of))
    assert table.count() == 0
    said = chimera("table", "restore", NAME, *as_of, "--yes")
    assert said.code == 0
    assert f"{STAGED} rows" in said.out
    assert table.count() == STAGED
    assert "no version 99" in one_line(chimera("table", "read", NAME, "--as-of", "99"))
    newest = str(table.version())
    again = one_line(chimera("table", "restore", NAME, "--as-of", newest, "--yes"))
    assert f"it is at version {newest} already; there is nothing to restore" in again
    assert str(table.version()) == newest


def test_at_a_terminal_what_may_be_regretted_is_asked_about_first(
    chimera: Chimera, lake_of_four_hours: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = lake_of_four_hours.table("staged", "generations")
    before = table.version()
    table.write_hours(None, HOURS)
    for answer, rows in (("n\n", 0), ("", 0), ("y\n", STAGED)):
        monkeypatch.setattr(sys, "stdin", Keyboard(answer))
        said = chimera("table", "restore", NAME, "--as-of", str(before))
        assert f"Make {NAME} again what it was at {before}?" in said.err
        assert (said.code == 0, table.count()) == (rows > 0, rows)


def test_small_files_are_merged_and_old_ones_deleted(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    table = lake_of_four_hours.table("staged", "generations")
    table.append(table.read().head(5))
    files = table.stats().files
    assert "files became" in chimera("table", "optimize", NAME).out
    assert table.stats().files < files
    assert chimera("table", "optimize", NAME, "--z-order", "tenant_id,provider").code == 0
    unknown = one_line(chimera("table", "optimize", NAME, "--z-order", "tenant_id,prvider"))
    assert "no column prvider" in unknown
    assert chimera("audit", "list", "--action", "table.optimize").out.count("prvider") == 0
    assert "0 files deleted" in chimera("table", "vacuum", NAME).out
    assert "expected --yes" in one_line(chimera("table", "vacuum", NAME, "--days", "0"))
    dry = chimera("table", "vacuum", NAME, "--days", "0", "--dry-run")
    assert "would be deleted" in dry.out
    assert chimera("table", "vacuum", NAME, "--days", "0", "--yes").code == 0
    assert table.read().select(pl.len()).collect().item() == STAGED + 5


def test_upkeep_still_orders_what_was_optimized_by_hand(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    facts = lake_of_four_hours.table("marts", "fact_generations")
    rows = lake_of_four_hours.table("staged", "generations").read().collect()
    for _ in range(2):
        facts.append(rows, partition_by=["hour_partition", "hour"])

    def to_order() -> int:
        plan = chimera("upkeep", "--table", "marts/fact_generations", "--dry-run", "--json")
        (reported,) = json.loads(plan.out)
        return int(reported["hours_ordered"])

    for options in ((), ("--z-order", "model,tenant_id")):
        assert chimera("table", "optimize", "marts/fact_generations", *options).code == 0
        assert facts.stats().files == 3
        assert to_order() == 3
    own = ("--z-order", "tenant_id,provider,model", "--hours", "2026-01-31T01")
    assert chimera("table", "optimize", "marts/fact_generations", *own).code == 0
    assert to_order() == 2


def test_a_reader_that_stops_early_is_no_defect(home: Path) -> None:
    import subprocess
    import sys

    code = "from chimera_assets.cli import main; main()"
    shell = f'"{sys.executable}" -c "{code}" table read raw/generations --format csv | head -n 1'
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert done.stdout.startswith("event_id,")
    assert "Traceback" not in done.stderr
    assert home.exists()


def test_the_exit_code_of_a_process_that_read_delta_is_right() -> None:
    for _ in range(3):
        said = process("table", "read", NAME, "--format", "json")
        assert said.code == 0
        assert len(json.loads(said.out)) == STAGED


def test_a_csv_for_people_has_no_formulas(chimera: Chimera) -> None:
    texts = [
        "=1+1",
        "+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "\r=1",
        "\uff1d1",
        "a=1",
        "",
        None,
        "'x",
    ]
    rows = {"event_id": texts, "tokens": [-1] * len(texts), "techniques": [["=1"]] * len(texts)}
    open_lake().table("marts", "fact_formulas").overwrite(pl.DataFrame(rows))
    read = ("table", "read", "marts/fact_formulas", "--reveal", "--format", "csv")

    people = list(csv.DictReader(io.StringIO(chimera(*read).out, newline="")))
    programs = list(csv.DictReader(io.StringIO(chimera(*read, "--raw").out, newline="")))

    defused = [f"'{text}" for text in texts[:8] if text]
    assert [row["event_id"] for row in people] == [*defused, "a=1", "", "", "'x"]
    assert [row["event_id"] for row in programs] == [text or "" for text in texts]
    assert {row["tokens"] for row in people} == {"-1"}  # a number is none
    assert {row["techniques"] for row in people} == {'["=1"]'}


def test_rows_of_an_aggregate_come_by_their_hour_and_key(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    """dbt writes the groups of an hour in any order."""
    day = date(2026, 1, 31)
    groups = [(1, "b", "x", "m"), (1, "a", "y", "m"), (0, "b", "x", "n"), (0, "b", "x", "m")]
    rows = pl.DataFrame(
        [(day, *group) for group in groups],
        {"hour_partition": pl.Date, "hour": pl.Int32, "tenant_id": pl.String}
        | dict.fromkeys(("provider", "model"), pl.String),
        orient="row",
    )
    table = lake_of_four_hours.table("aggregates", "agg_provider_metrics")
    table.overwrite(rows, partition_by=("hour_partition", "hour"))
    staged = ("staged", "generations")
    made_of = {name: frozenset({(*staged, name)}) for name in rows.columns}
    version = ModelLineage(made_of, frozenset({staged}))
    append_lineages(lake_of_four_hours, {("aggregates", table.name): {"v": version}})
    for form in ("csv", "json"):
        said = chimera("table", "read", "aggregates/agg_provider_metrics", "--format", form)
        frame = pl.read_csv if form == "csv" else pl.read_json
        found = frame(io.StringIO(said.out)).drop("hour_partition")
        assert found.rows() == sorted(groups)
