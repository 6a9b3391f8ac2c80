"""What a pack's section of reports may say, and what it is told where it does not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from chimera_assets.packs.active import SHIPPED_PACKS
from chimera_assets.packs.errors import OutsideError, PackError
from chimera_assets.packs.pack import read_pack
from chimera_assets.packs.report_names import DEVICES, OWN_SECTIONS, OWN_TABLES
from chimera_assets.packs.sections import read_sections, section_problems
from chimera_assets.packs.select import read_select
from chimera_assets.reports import changes, sections
from chimera_assets.reports.changes import SECTION
from chimera_assets.reports.evidence.file_names import odd_name
from chimera_assets.reports.sections import own

GOOD = """\
title: Latency
figures:
  slow: {title: Slow, sql: SELECT 1 FROM fact_generations}
tables:
  by_model: {title: By model, sql: SELECT model FROM fact_generations}
charts:
  models: {title: Models, alternative: Bars., kind: bar, table: by_model, x: model, y: model}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack with one section."""
    folder = tmp_path / "own"
    (folder / "reports").mkdir(parents=True)
    (folder / "contracts").mkdir()
    (folder / "pack.yaml").write_text("name: own\nversion: 1.0.0\ntitle: Own\nowner: us\n")
    (folder / "reports" / "latency.yaml").write_text(GOOD)
    return folder


def test_a_section_is_called_as_its_file(pack: Path) -> None:
    (section,) = read_sections(read_pack(pack))
    assert (section.id, section.title, section.order) == ("latency", "Latency", 100)
    assert section.figures["slow"].show == "number"
    assert section.tables["by_model"].shown == 50


def test_the_shipped_sections_can_be_used() -> None:
    assert [one.id for one in read_sections(read_pack(SHIPPED_PACKS / "ai"))] == ["usage"]


@pytest.mark.criterion("006.7")
@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("title: Latency\n", "titel: Latency\n", 1, "did you mean title"),
        ("SELECT 1 FROM fact_generations", "DROP TABLE x", 3, "expected one SELECT"),
        ("SELECT 1 FROM fact_generations", "SELECT 1; SELECT 2", 3, "expected one SELECT"),
        ("SELECT 1 FROM fact_generations", "COPY (SELECT 1) TO 'x'", 3, "expected one SELECT"),
        ("SELECT 1 FROM fact_generations", "FROM read_csv('x')", 3, "table functions"),
        ("SELECT 1 FROM fact_generations", "SELECT getenv('HOME')", 3, "expected"),
        (
            "SELECT 1 FROM fact_generations",
            "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT 1 FROM t) FROM t",
            3,
            "sure to end",
        ),
        ("kind: bar", "kind: pie", 7, "expected"),
        ("table: by_model", "table: by_modle", 7, "did you mean by_model"),
        ("alternative: Bars.", "alternative: ''", 7, "expected"),
        ("by_model:", "By-Model:", 5, "expected"),
        ("by_model:", "_by_model:", 5, "expected a letter first"),
        ("by_model:", "con:", 5, "the name of a device"),
        ("by_model:", "retention_holds:", 5, "none of the platform's own tables"),
        ("by_model:", "manifest:", 5, "none of the platform's own tables and files"),
        ("models:", "publishing_lag:", 7, "none of the platform's own tables"),
        ("by_model: {", "slow: {", 5, "a name that no figure of the section has"),
        ("title: Slow,", "title: Slow, at_least: .nan,", 3, "finite number"),
        ("title: Slow,", "title: Slow, at_most: .inf,", 3, "finite number"),
        *(
            ("SELECT 1 FROM fact_generations", "SELECT " + sql, 3, words)
            for sql, words in (
                ("random()", "at any time, found random"),
                ("uuid()", "at any time"),
                ("now()", "at any time"),
                ("current_timestamp", "at any time"),
                ("current_localtimestamp()", "at any time"),
                ("today()", "at any time"),
                ("version()", "at any time"),
                ("1 + (SELECT 1 FROM x TABLESAMPLE 10%)", "a sample"),
            )
        ),
        (
            "SELECT 1 FROM fact_generations",
            "SELECT 1 FROM fact_generations USING SAMPLE 3",
            3,
            "a sample",
        ),
    ],
)
def test_what_is_none_is_told_with_its_line(
    pack: Path, old: str, new: str, line: int, words: str
) -> None:
    file = pack / "reports" / "latency.yaml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, f'"{new}"' if new[:4] in {"WITH", "SELE", "COPY"} else new))
    with pytest.raises(PackError) as told:
        read_sections(read_pack(pack))
    problems = [str(problem) for problem in told.value.problems]
    assert any(words in problem for problem in problems), problems
    assert any(problem.line == line for problem in told.value.problems)
    assert list(section_problems([read_pack(pack)]))


def test_two_sections_cannot_have_one_table(pack: Path) -> None:
    (pack / "reports" / "other.yaml").write_text(GOOD)
    problems = list(section_problems([read_pack(pack)]))
    assert {problem.found for problem in problems} == {"by_model", "models"}


@pytest.mark.parametrize("name", ["changes", "audit_trail", "nul", "_own", "Latency"])
def test_a_section_has_a_name_of_its_own(pack: Path, name: str) -> None:
    (pack / "reports" / "latency.yaml").rename(pack / "reports" / f"{name}.yaml")
    with pytest.raises(PackError) as told:
        read_sections(read_pack(pack))
    (problem,) = told.value.problems
    assert (problem.what, problem.line) == ("name of the file", 1)
    assert name in problem.found


def test_a_column_may_be_called_as_a_function(pack: Path) -> None:
    file = pack / "reports" / "latency.yaml"
    file.write_text(GOOD.replace("SELECT model", "SELECT version AS age"))
    assert read_sections(read_pack(pack))


def test_what_is_reserved_is_what_the_platform_makes() -> None:
    assert {*OWN_SECTIONS} == {*own.OWN_SECTIONS, SECTION}
    assert {"report", "oscal", "manifest"} < OWN_TABLES
    files = [*Path(sections.__path__[0]).glob("*.py"), Path(changes.__file__)]
    calls = (node for file in files for node in ast.walk(ast.parse(file.read_text())))
    made = {
        str(ast.literal_eval(node.args[0]))
        for node in calls
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"doc.Table", "doc.Chart", "table_of"}
        and isinstance(node.args[0], ast.Constant)
    }
    assert made == OWN_TABLES - {"report", "oscal", "manifest"}
    assert {odd_name(f"{name}.csv") for name in DEVICES} == {"the name of a device"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT (WITH t AS (SELECT 1 z) SELECT z FROM t) FROM t",
        "WITH t AS (SELECT z FROM t) FROM t",
        "WITH a AS (FROM t), t AS (SELECT 1 z) FROM a",
        "WITH t AS (SELECT 1 z) FROM t, staged.t",
    ],
)
def test_what_a_with_names_is_a_table_elsewhere(sql: str) -> None:
    assert read_select(sql).tables == {"t"}


def test_what_a_with_names_is_none_where_it_holds() -> None:
    sql = "WITH t AS (SELECT 1 z), u AS (FROM t) SELECT (SELECT max(z) FROM t) FROM u, T"
    assert read_select(sql).tables == frozenset()
    with pytest.raises(OutsideError):
        read_select(
            "SELECT (WITH duckdb_views AS (SELECT 1 z) FROM duckdb_views) FROM duckdb_views"
        )
