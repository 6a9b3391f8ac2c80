"""What is wrong with a pack's models is named by file and line, at once, without starting dbt."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from chimera_assets.cli import run
from chimera_assets.contracts import contracts
from chimera_assets.packs import PackError, active_packs
from chimera_assets.packs.active import SHIPPED_PACKS
from chimera_assets.settings import get_settings
from chimera_assets.warehouse.dbt_project import parsed_project
from tests.packs.test_packs import LIBRARY, edit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AGGREGATE, FACT = "models/aggregations/agg_loans", "models/marts/fact_loans"

MONTHS = "in_run_months(\"current_setting('x')\")"
HOURS, IN_HOURS = "{% if run_hours() is not none %}", "{{ in_run_hours() }}"
OUTSIDE = "select 1 from read_text('/x') union"
STG_LOANS = "{{ ref('stg_loans') }}"
STABLE_DAYS = "{{ stable_sum('loans.days') }}"
NO_ENV = "'env_var' is undefined"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the pack `library`, used beside `ai`."""
    shutil.copytree(LIBRARY, tmp_path / "library")
    monkeypatch.setenv("CHIMERA_PACKS", "ai,library")
    monkeypatch.setenv("CHIMERA_PACKS_DIR", str(tmp_path))
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "home"))
    _forget()
    yield tmp_path / "library"
    _forget()


def _forget() -> None:
    for cached in (get_settings, active_packs, contracts, parsed_project):
        cached.cache_clear()


def reported(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The errors of `chimera pack check`."""
    assert run(["pack", "check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    return [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]


@pytest.mark.usefixtures("library")
def test_the_packs_that_are_there_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pack", "check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "slip",
    [
        (f"{FACT}.sql", "ref('stg_loans')", "ref('stg_lons')", "(did you mean stg_loans?)"),
        (f"{AGGREGATE}.sql", "group by", "groop by", "syntax error at or near"),
        (f"{AGGREGATE}.sql", "branches.town,\n", "branches.twon,\n", 'column named "twon"'),
        (f"{AGGREGATE}.sql", "count(*)", "cuont(*)", "cuont does not exist"),
        (f"{AGGREGATE}.yml", "name: town", "name: city", "column of model agg_loans: expected one"),
        (f"{AGGREGATE}.yml", "data_type: varchar", "data_type: text of it", "a type of SQL"),
        (f"{AGGREGATE}.yml", "days, data_type: bigint", "days, data_type: real", "bigint, as the"),
        (f"{AGGREGATE}.yml", "- name: agg_loans", "- name: agg_lons", "did you mean agg_loans?"),
        (f"{AGGREGATE}.yml", "data_type: varchar", "data_type: txet", "type of column branch_id"),
        ("models/staging/stg_loans.sql", "'loans'", "'laons'", "(did you mean loans?)"),
        (f"{FACT}.sql", "{{ in_run_hours() }}", "{{ in_run_hours( }}", "Jinja that can be read"),
        (f"{FACT}.sql", "{{ in_run_hours() }}", "{{ in_hours() }}", "'in_hours' is undefined"),
        (f"{FACT}.sql", "in_run_hours()", MONTHS, "found current_setting()"),
        (f"{FACT}.sql", "ref('stg_loans')", "ref('agg_loans')", "does not read this one"),
        (f"{FACT}.sql", "{{ in_run", "{{ env_var('PGPASSWORD') }}{{ in_run", "'env_var' is undef"),
        (f"{FACT}.sql", "{{ in_run", "{{ run_query('x') }}{{ in_run", "'run_query' is undefined"),
        (f"{FACT}.sql", "strategy='hours'", "strategy='hours', pre_hook='x'", "found pre_hook"),
        (f"{FACT}.sql", "{{ ref('stg_loans') }}", "read_text('/etc/passwd')", "found read_text()"),
        (f"{FACT}.sql", "{{ ref('stg_loans') }}", "'/etc/group.csv'", "are disabled by config"),
        (f"{FACT}.sql", "select *", "copy (select 1) to '/x'; select *", "one SELECT"),
        (f"{FACT}.sql", "select *", "select 'it''s \0 odd', *", "zero byte"),
        (f"{FACT}.sql", "select *", "attach '/x'; select *", "one SELECT"),
        (f"{FACT}.sql", "*", "current_setting('temp_directory'), *", "found current_setting()"),
        (f"{FACT}.sql", "*", "system.main.getvariable('x'), *", "found getvariable()"),
        (f"{FACT}.sql", STG_LOANS, "pg_catalog.pg_settings", "found pg_catalog.pg_settings"),
        (f"{FACT}.sql", STG_LOANS, "Information_Schema.tables", "found Information_Schema.tables"),
        (f"{FACT}.sql", STG_LOANS, "duckdb_views", "found duckdb_views"),
        (f"{AGGREGATE}.sql", "where {{ in", "grup by days -- {{ in", "syntax error at or near"),
        (f"{AGGREGATE}.sql", "count(*)", "{{ stable_sum('amonut') }}", '"amonut" not found'),
        (f"{AGGREGATE}.yml", "    columns:", "    config: {pre-hook: x}\n    columns:", "pre_hook"),
        (f"{AGGREGATE}.yml", "sum(loans)", "(select 1 from read_text('/x'))", "found read_text()"),
        (f"{AGGREGATE}.yml", "sum(loans)", "(select 1 from '/x/y.csv')", "found /x/y.csv"),
        (f"{FACT}.sql", "select *", HOURS + OUTSIDE + " {% endif %}select *", "read_text()"),
        (f"{FACT}.sql", "select *", f"-- {IN_HOURS} {OUTSIDE}\nselect *", "a SELECT that"),
        (f"{FACT}.sql", "select *", "{{ execute }}select *", "'execute' is undefined"),
        (f"{AGGREGATE}.yml", "sum(loans)", "ref('x') ~ run_query('x')", "'run_query' is"),
        (f"{AGGREGATE}.yml", "sum(loans)", "env_var('X')", NO_ENV),
        (f"{AGGREGATE}.yml", "Loans by hour", '"{{ env_var(\'X\') }}" #', "'env_var' is undefined"),
    ],
)  # fmt: skip
def test_a_slip_in_a_model_is_one_error_with_its_line(
    library: Path, capsys: pytest.CaptureFixture[str], slip: tuple[str, str, str, str]
) -> None:
    file, old, new, found = slip
    line = edit(library / file, old, new)
    errors = reported(capsys)
    (error,) = [one for one in errors if "in aggregates" not in one]
    assert found in error, errors
    assert error.startswith(f"{library / file}:{line}: "), error


def test_a_stable_sum_of_decimals_is_a_decimal(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exact = "logicalType: number\n        physicalType: numeric(30,12)"
    edit(library / "contracts/loans.odcs.yaml", "logicalType: integer", exact)
    edit(library / f"{AGGREGATE}.sql", "cast(sum(loans.days) as bigint)", STABLE_DAYS)
    line = edit(library / f"{AGGREGATE}.yml", "days, data_type: bigint", "days, data_type: double")
    (error,) = [one for one in reported(capsys) if f"{AGGREGATE}.yml" in one]
    assert error.startswith(f"{library / AGGREGATE}.yml:{line}: type of column days: ")
    assert "expected decimal(38,12), as the model makes it" in error


def test_an_hourly_model_is_warned_of_what_it_lacks(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is made again of all rows each hour, and verify cannot compare it."""
    (library / "aggregates.yaml").unlink()
    model = library / f"{AGGREGATE}.sql"
    edit(model, "where {{ in_run_hours() }}", "")
    assert run(["pack", "check"]) == 0
    shown = capsys.readouterr().out
    assert f"warning: {model}:1: model agg_loans: expected where {{{{ in_run_hours() }}}}" in shown
    assert f"warning: {model}:1: aggregate agg_loans: expected an entry in aggregates.yaml" in shown
    assert run(["verify"]) == 0
    shown = capsys.readouterr()
    assert "Not compared, as no aggregates.yaml has them: agg_loans." in shown.out + shown.err
    assert run(["verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["not_compared"] == ["agg_loans"]


def test_analyses_are_checked_like_models(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """dbt renders them when it reads the project, though nobody asked for one."""
    (library / "analyses").mkdir()
    analysis = library / "analyses" / "odd.sql"
    analysis.write_text("select 1\nfrom {{ ref('agg_loans') }} {{ env_var('X') }}")
    (error,) = reported(capsys)
    assert error.startswith(f"{analysis}:2: analysis odd: ")
    assert NO_ENV in error


def test_all_slips_are_reported_at_once(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two models, a description, and a stream and a table of another pack."""
    contract = library / "contracts" / "loans.odcs.yaml"
    shutil.copy(SHIPPED_PACKS / "ai" / "contracts" / "provider_health.odcs.yaml", contract.parent)
    edit(contract, "physicalName: desk.loans", "physicalName: generations")
    edit(library / f"{FACT}.sql", "ref('stg_loans')", "ref('stg_lons')")
    edit(library / f"{AGGREGATE}.sql", "branches.town,\n", "branches.twon,\n")
    edit(library / f"{AGGREGATE}.yml", "name: town", "name: city")
    shown = "\n".join(reported(capsys))
    for part in (
        "one contract a stream",
        "expected a table of one pack",
        "did you mean stg_loans?",
        'column named "twon"',
    ):
        assert part in shown, shown


def test_the_loader_refuses_what_the_check_does(library: Path) -> None:
    edit(library / f"{FACT}.sql", "{{ ref('stg_loans') }}", "read_text('/etc/passwd')")
    with pytest.raises(PackError, match=r"fact_loans\.sql:3: model fact_loans: .*read_text\(\)"):
        parsed_project()
