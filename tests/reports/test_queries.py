"""What the SELECTs of a report's sections may see, and what becomes of what they give."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
import yaml

from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.packs.sections import Section
from chimera_assets.privacy.masking import OPERATOR_LEVEL
from chimera_assets.privacy.table_masks import Masks
from chimera_assets.reports import document as doc
from chimera_assets.reports import readable_size
from chimera_assets.reports.answers import Answer, QueryError, UnreadableError
from chimera_assets.reports.evidence.predicate import Figure, TableVersion
from chimera_assets.reports.inputs import Inputs
from chimera_assets.reports.periods import parse_period
from chimera_assets.reports.queries import PeriodTables, Scope
from chimera_assets.reports.rendering.complete_json import json_bytes
from chimera_assets.reports.rendering.machines import scalar
from chimera_assets.reports.reproduce import Reproduced, reproduce
from chimera_assets.reports.sections.from_pack import pack_sections
from chimera_assets.reports.sections.plain_values import plain

START = datetime(2026, 1, 31, 5, tzinfo=UTC)
HOURS = HourRange.single(START)
ALL, ACME = Scope(HOURS), Scope(HOURS, "acme")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Tables with and without hours, with and without tenants."""
    lake = Lake(str(tmp_path_factory.mktemp("queries") / "lake"))
    hour = {"hour_partition": [date(2026, 1, 31)] * 2, "hour": [5] * 2}
    rows = pl.DataFrame({**hour, "tenant_id": ["acme", "other"], "cost": [1.5, 2.5]})
    lake.table("quality", "agg_costs").write_hours(
        rows.with_columns(pl.col("hour").cast(pl.Int32)), HOURS
    )
    spent = pl.DataFrame({"tenant_id": ["acme", "other"], "budget": [10, 20]})
    lake.table("quality", "budget_burn_down").overwrite(spent)
    lake.table("quality", "dim_models").overwrite(spent.select("budget"))
    return lake


def asked(lake: Lake, sql: str, scope: Scope = ALL) -> Answer | QueryError:
    tenants = {"quality/agg_costs": "tenant_id", "quality/dim_models": "tenant_id"}
    tables = PeriodTables(lake, Masks(OPERATOR_LEVEL, {}), tenants)
    return tables.ask({"it": sql}, scope)["it"]


@pytest.mark.parametrize("table", ["budget_burn_down", "dim_models"])
def test_a_report_of_one_tenant_reads_no_table_that_does_not_tell_tenants_apart(
    lake: Lake, table: str
) -> None:
    sql = f"SELECT sum(budget) FROM {table}"  # noqa: S608
    refused = asked(lake, sql, ACME)
    assert isinstance(refused, QueryError)
    assert refused.problem == (
        f"expected tables that tell tenants apart, as the report is of one, found quality/{table}"
    )
    every, own = asked(lake, sql), asked(lake, "SELECT sum(cost) FROM agg_costs", ACME)
    assert isinstance(every, Answer)
    assert isinstance(own, Answer)
    assert (every.rows, own.rows, own.read[0].rows) == (((30,),), ((1.5,),), 1)


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("TIMESTAMP '2026-01-31 05:00'", START),
        ("'infinity'::TIMESTAMP", "infinity"),
        ("'infinity'::TIMESTAMPTZ", "infinity"),
        ("'290000-01-01'::TIMESTAMP", "290000-01-01 00:00:00"),
        ("INTERVAL 36 HOUR", "1 day, 12:00:00"),
        ("'\\x01\\xFF'::BLOB", "01ff"),
        (
            "(SELECT histogram(one) FROM (VALUES (DATE '2026-01-31')) AS t(one))",
            '{"2026-01-31": 1}',
        ),
        ("MAP {[1, 2]: 3}", '{"key": [[1, 2]], "value": [3]}'),
        ("'a'::ENUM('a', 'b')", "a"),
        ("'00000000-0000-0000-0000-000000000001'::UUID", "00000000-0000-0000-0000-000000000001"),
        ("TIME '10:00'", "10:00:00"),
        (
            "{'at': [TIMESTAMP '2026-01-31 05:00', NULL], 'cost': 1.50, 'nan': 'NaN'::DOUBLE}",
            '{"at": ["2026-01-31T05:00:00Z", null], "cost": "1.50", "nan": "NaN"}',
        ),
    ],
)
def test_every_value_has_its_place_in_a_report(lake: Lake, sql: str, value: object) -> None:
    answer = asked(lake, f"SELECT {sql}")
    assert isinstance(answer, Answer)
    assert plain(answer.rows[0][0]) == value
    scalar(plain(answer.rows[0][0]))


def test_a_value_that_python_has_not_is_told(lake: Lake) -> None:
    answer = asked(lake, "SELECT INTERVAL '99999999 months'")
    assert isinstance(answer, QueryError)
    assert "cast others to text" in answer.problem


def test_texts_of_an_answer_have_a_bound(lake: Lake) -> None:
    answer = asked(lake, "SELECT repeat('x', 300000) FROM range(100)")
    assert isinstance(answer, QueryError)
    assert answer.problem == "expected at most 20,000,000 bytes of texts, found more"


def section_of(figures: str, tables: str = "{}") -> Section:
    read = yaml.safe_load(f"{{title: Own, figures: {figures}, tables: {tables}}}")
    return Section.model_validate(read)


def test_a_figure_that_is_no_number_is_not_evaluated(lake: Lake) -> None:
    own = section_of("{odd: {title: Odd, sql: \"SELECT 'NaN'::DOUBLE\", at_least: 1}}")
    tables = PeriodTables(lake, Masks(OPERATOR_LEVEL, {}), {})
    inputs = Inputs(lake, {}, parse_period("2026-01-31"), None, START, tables)
    (built,) = pack_sections(inputs, [own])
    assert built.section.status is doc.Status.not_evaluated
    (findings,) = [one for one in built.section.blocks if isinstance(one, doc.Findings)]
    assert findings.findings[0].observations == ("expected a finite number, found nan",)


def told_of(lake: Lake, section: Section) -> tuple[doc.Section, list[str]]:
    """What a section says of a lake, and its sentences."""
    tables = PeriodTables(lake, Masks(OPERATOR_LEVEL, {}), {})
    inputs = Inputs(lake, {}, parse_period("2026-01-31"), None, START, tables)
    (built,) = pack_sections(inputs, [section])
    texts = [one.text for one in built.section.blocks if isinstance(one, doc.Paragraph)]
    return built.section, texts


def test_a_figure_of_several_rows_is_named(lake: Lake) -> None:
    said, words = told_of(lake, section_of("{odd: {title: Odd, sql: FROM dim_models}}"))
    found = "expected one row of one value, found 2 rows of 1 value"
    assert (said.status, words) == (
        doc.Status.not_evaluated, [f"Not evaluated: section , odd: {found}."],
    )  # fmt: skip


def test_of_a_pack_whose_tables_are_not_made_yet_one_sentence_is_said(lake: Lake) -> None:
    figures = "{a: {title: A, sql: SELECT count(*) FROM fact_generations, at_least: 1}}"
    rows = "rows: {title: Rows, sql: FROM agg_provider_metrics}"
    said, words = told_of(lake, section_of(figures, f"{{{rows}}}"))
    assert said.status is doc.Status.not_evaluated
    needed = "fact_generations and agg_provider_metrics"
    assert words == [f"Not evaluated: nothing of it is in this lake yet, as it needs {needed}."]
    assert [type(block) for block in said.blocks] == [doc.Findings, doc.Paragraph]


def test_of_tables_that_are_not_made_yet_each_is_named_once_beside_the_others(lake: Lake) -> None:
    figures = "{a: {title: A, sql: SELECT count(*) FROM fact_generations}}"
    rows, models = "{title: Rows, sql: FROM fact_generations}", "{title: M, sql: FROM dim_models}"
    odd = "{title: Odd, sql: FROM dim_modles}"
    _, words = told_of(lake, section_of(figures, f"{{r: {rows}, m: {models}, odd: {odd}}}"))
    misspelt, missing = words
    assert misspelt.startswith("Not evaluated: section , table odd: dim_modles: no such table in")
    assert "(did you mean quality.dim_models?)" in misspelt
    assert missing == "Not evaluated: A and Rows: fact_generations is not in this lake yet."


def test_the_platforms_own_tables_stand_in_no_list_of_what_could_be_meant(lake: Lake) -> None:
    answer = asked(lake, "FROM something_else")
    assert isinstance(answer, QueryError)
    assert "quality" not in answer.problem


def test_what_fails_while_a_section_is_built_takes_no_other_with_it(lake: Lake) -> None:
    rows = "{title: Rows, sql: SELECT 1 AS one}"
    good = section_of("{}", f"{{rows: {rows}}}")
    bad = good.model_copy(update={"tables": {"Odd-Name": good.tables["rows"]}})
    tables = PeriodTables(lake, Masks(OPERATOR_LEVEL, {}), {})
    inputs = Inputs(lake, {}, parse_period("2026-01-31"), None, START, tables)
    told = [built.section for built in pack_sections(inputs, [bad, good])]
    assert [one.status for one in told] == [doc.Status.not_evaluated, None]
    (words,) = [one.text for one in told[0].blocks if isinstance(one, doc.Paragraph)]
    assert words.startswith("Not evaluated: table Odd-Name: expected small letters")


def test_what_a_with_names_hides_no_table_elsewhere(lake: Lake) -> None:
    sql = (
        "SELECT (WITH agg_costs AS (SELECT 1 z) SELECT z FROM agg_costs) * count(*) FROM agg_costs"
    )
    answer = asked(lake, sql, ACME)
    assert isinstance(answer, Answer)
    assert (answer.rows, [one.table for one in answer.read]) == (((1,),), ["quality/agg_costs"])


def test_a_report_that_no_verifier_reads_is_refused(
    weekly: doc.Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(json_bytes(weekly))
    readable_size.require_readable(weekly, size)
    monkeypatch.setattr(readable_size, "MOST_JSON_BYTES", size - 1)
    with pytest.raises(doc.DocumentError) as told:
        readable_size.require_readable(weekly, size)
    assert "the largest table is rules, let its SQL give fewer rows" in str(told.value)


def version_of(sql: str, answer: Answer) -> Figure:
    read = tuple(TableVersion(one.table, one.version, one.rows) for one in answer.read)
    return Figure("own", "own", sql, "/it", "0" * 64, read)


def outcome(lake: Lake, figure: Figure, said: object) -> Reproduced:
    versions = {one.table: one.version for one in figure.tables}
    tables = PeriodTables(lake, Masks(OPERATOR_LEVEL, {}), {}, versions)
    (found,) = reproduce([figure], {"it": said}, tables, ALL, ALL)  # type: ignore[dict-item]
    return found


def test_what_is_damaged_is_told_apart_from_what_is_past_its_horizon(tmp_path: Path) -> None:
    own = Lake(str(tmp_path / "lake"))
    table = own.table("quality", "own")
    table.overwrite(pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    own.table("quality", "other").overwrite(pl.DataFrame({"c": [3]}))
    sql = "SELECT a, b FROM quality.own ORDER BY a"
    answer = asked(own, sql)
    assert isinstance(answer, Answer)
    figure = version_of(sql, answer)
    columns = [{"name": "a"}, {"name": "b"}]
    same = outcome(own, figure, {"columns": columns, "rows": [[1, "x"], [2, "y"]]})
    assert same.outcome == "reproduced"
    said = {"columns": columns, "rows": [[1, "x"], [2, "z"]]}
    differs = outcome(own, figure, said)
    assert differs.detail == ("row 2, column b: expected z, found y; quality/own version 1")
    less = outcome(own, figure, {"columns": columns, "rows": [[1, "x"]]})
    assert less.detail.startswith("expected 1 rows, found 2; row 2: found one more")

    (file,) = Path(table.uri).glob("*.parquet")
    for damage in (lambda: file.write_bytes(b"no parquet"), file.unlink):
        damage()
        tables = PeriodTables(own, Masks(OPERATOR_LEVEL, {}), {})
        found = tables.ask({"own": sql, "other": "SELECT c FROM other"}, ALL)
        assert isinstance(found["own"], UnreadableError)
        assert isinstance(found["other"], Answer)
        lost = outcome(own, figure, said)
        assert (lost.outcome, "version 1 of quality/own cannot be read: " in lost.detail) == (
            "cannot be read", True,
        ), lost  # fmt: skip
        assert str(tmp_path) not in lost.detail
    table.overwrite(pl.DataFrame({"a": [1], "b": ["x"]}))
    past = outcome(own, figure, said)
    assert (past.outcome, "past its horizon" in past.detail) == ("not evaluated", True)
    shutil.rmtree(table.uri)
    gone = outcome(Lake(own.uri), figure, said)
    assert gone.outcome == "cannot be read"
    assert gone.detail.endswith("of quality/own cannot be read: there is no such table any more")
