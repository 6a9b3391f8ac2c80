"""What a pack's section of reports may say, and what it is told where it does not."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chimera_assets.contracts.active import contracts
from chimera_assets.contracts.loader import read_contracts
from chimera_assets.packs.active import SHIPPED_PACKS, active_packs
from chimera_assets.packs.errors import OutsideError, PackError
from chimera_assets.packs.pack import read_pack
from chimera_assets.packs.report_names import DEVICES, OWN_SECTIONS, OWN_TABLES
from chimera_assets.packs.sections import read_sections, section_problems
from chimera_assets.packs.select import read_select
from chimera_assets.reports import changes, sections
from chimera_assets.reports.changes import SECTION
from chimera_assets.reports.draft import subtitle
from chimera_assets.reports.evidence.file_names import odd_name
from chimera_assets.reports.sections import own
from chimera_assets.settings import get_settings
from chimera_assets.warehouse.section_check import section_sql_problems
from tests.packs.test_packs import LIBRARY

if TYPE_CHECKING:
    from chimera_assets.yaml_documents import Problem

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


def test_a_section_alone_is_a_pack(pack: Path) -> None:
    (pack / "contracts").rmdir()
    assert [one.id for one in read_sections(read_pack(pack))] == ["latency"]
    (pack / "reports" / "latency.yaml").unlink()
    with pytest.raises(PackError, match="contracts, adapters, models, analyses or reports"):
        read_pack(pack)


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


#: Parts of a section that no report could evaluate, and what is said of each, by its line.
SLIPS = {
    "  a: {title: A, sql: SELECT count(*) FROM agg_provider_metric}": (
        "figure a, sql", "(did you mean aggregates.agg_provider_metrics?)"),
    "  b: {title: B, sql: SELECT sum(total_request) FROM agg_provider_metrics}": (
        "figure b, sql", 'column "total_request" not found'),
    "  c: {title: C, sql: SELECT count(DISTINCT user_id) FROM fact_generations}": (
        "figure c, sql", "columns of marts/fact_generations that a report may show, found user_id"),
    "  d: {title: D, sql: SELECT count(DISTINCT user_id) FROM staged.generations}": (
        "figure d, sql", "columns of staged/generations that a report may show, found user_id"),
    "  e: {title: E, sql: SELECT provider FROM agg_provider_metrics}": (
        "figure e, sql", "found SQL that may give several"),
    "  f: {title: F, sql: SELECT count(*) FROM agg_costs GROUP BY provider}": (
        "figure f, sql", "found SQL that may give several"),
    "  g: {title: G, sql: 'SELECT count(*), 1 FROM agg_costs'}": (
        "figure g, sql", "SQL that gives one value, found 2 columns"),
    "  h: {title: H, at_most: 1, sql: SELECT max(provider) FROM agg_costs}": (
        "figure h, at_most", "a number, as it has a threshold, found varchar"),
    "  i: {title: I, sql: SELECT count(*) FROM generations}": (
        "figure i, sql", "found several of that name"),
    "  j: {title: J, sql: SELECT count(*) FROM stg_generations}": (
        "figure j, sql", "found stg_generations"),
}  # fmt: skip
FINE = """\
  k: {title: K, at_most: 1, sql: SELECT count(*) FILTER (WHERE NOT success) FROM fact_generations}
  l: {title: L, sql: SELECT provider FROM agg_costs GROUP BY provider ORDER BY ALL LIMIT 1}
  m: {title: M, sql: SELECT count(*) FROM quality.batches WHERE rows_extracted > 1}
  n: {title: N, sql: SELECT count(*) FROM quarantine.generations}
  p: {title: P, sql: "SELECT min(report_day(hour_partition, hour)) FROM agg_costs"}
  o: {title: O, sql: WITH own AS (FROM fact_generations) SELECT count(*) FROM own}
"""


def test_what_no_report_could_evaluate_is_found_without_data(pack: Path) -> None:
    sql = "SELECT provider, total_requests AS requests FROM agg_provider_metrics"
    table = ["tables:", f"  t: {{title: T, sql: '{sql}', columns: {{request: {{title: R}}}}}}"]
    chart = ["charts:", "  c: {title: C, alternative: A., table: t, x: provider, y: provider}"]
    lines = ["title: Slips", "figures:", *SLIPS, *FINE.splitlines(), *table, *chart]
    (pack / "reports" / "latency.yaml").write_text("\n".join(lines))
    packs = [read_pack(SHIPPED_PACKS / "ai"), read_pack(pack)]
    found: dict[str, list[Problem]] = {}
    for one in section_sql_problems(packs, read_contracts(packs[0].contract_folders)):
        found.setdefault(lines[one.line - 1], []).append(one)
    expected = {
        **SLIPS,
        table[1]: ("table t, columns", "(did you mean requests?), found request"),
        chart[1]: ("chart c, y", "a column of numbers, found provider, which is varchar"),
    }
    for line, (what, words) in expected.items():
        (problem,) = found.pop(line)
        assert (problem.what, words in str(problem)) == (what, True), problem
    assert not found


def test_the_section_of_the_docs_passes_as_it_stands_there(pack: Path) -> None:
    text = Path("docs/reports.md").read_text()
    blocks = [block.partition("```")[0] for block in text.split("```yaml\n")[1:]]
    (described,) = [block for block in blocks if block.startswith("name: gateway")]
    (section,) = [block for block in blocks if block.startswith("title: Latency")]
    folder = pack.rename(pack.with_name("gateway"))
    (folder / "contracts").rmdir()
    (folder / "pack.yaml").write_text(described)
    (folder / "reports" / "latency.yaml").write_text(section)
    packs = [read_pack(SHIPPED_PACKS / "ai"), read_pack(folder)]
    assert read_sections(packs[1])[0].charts["slowest"].by == "model"
    assert list(section_sql_problems(packs, read_contracts(packs[0].contract_folders))) == []


@pytest.mark.parametrize(
    ("streams", "title"),
    [
        ("loans,branches", "A public library · Own"),
        ("generations,providers", "AI gateway and red-team tests · Own"),
    ],
)
def test_a_report_is_titled_by_the_packs_that_run(
    pack: Path, monkeypatch: pytest.MonkeyPatch, streams: str, title: str
) -> None:
    (pack / "contracts").rmdir()
    shutil.copytree(LIBRARY, pack.parent / "library")
    monkeypatch.setenv("CHIMERA_PACKS", "ai,library,own")
    monkeypatch.setenv("CHIMERA_PACKS_DIR", str(pack.parent))
    monkeypatch.setenv("CHIMERA_STREAMS", streams)
    cached = (get_settings, active_packs, contracts)
    for one in cached:
        one.cache_clear()
    try:
        assert subtitle() == title
    finally:
        monkeypatch.undo()
        for one in cached:
            one.cache_clear()
