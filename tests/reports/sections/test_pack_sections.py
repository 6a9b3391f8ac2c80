"""What a section of a pack says: its thresholds, its changes, its days, and that all is proven."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import yaml

from chimera_assets.hours import ONE_HOUR, HourRange
from chimera_assets.lake import Lake
from chimera_assets.packs.sections import Section
from chimera_assets.privacy.masking import OPERATOR_LEVEL
from chimera_assets.privacy.origins import ModelLineage
from chimera_assets.privacy.table_masks import Masks
from chimera_assets.reports import document as doc
from chimera_assets.reports.changes import Version, changes_section
from chimera_assets.reports.evidence.predicate import Figure, TableVersion
from chimera_assets.reports.inputs import Inputs
from chimera_assets.reports.periods import parse_period
from chimera_assets.reports.queries import PeriodTables, Scope
from chimera_assets.reports.reproduce import reproduce
from chimera_assets.reports.sections.from_pack import pack_sections
from chimera_assets.system_tables.column_lineage import append_lineages

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.reports.inputs import BuiltSection

DAY = date(2026, 1, 30)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two days and a half by the hour, each hour with one row more than the one before."""
    folder: Path = tmp_path_factory.mktemp("pack-sections")
    lake = Lake(str(folder / "lake"))
    start = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    hours = HourRange(start, start + 60 * ONE_HOUR)
    rows = [(hour.date(), hour.hour, n) for n, hour in enumerate(hours, 1) for _ in range(n)]
    schema = {"hour_partition": pl.Date, "hour": pl.Int32, "n": pl.Int64}
    lake.table("quality", "seen").write_hours(pl.DataFrame(rows, schema, orient="row"), hours)
    return lake


def built(lake: Lake, section: str, period: str = "2026-01-31", zone: str = "UTC") -> BuiltSection:
    read = {"title": "Own", **yaml.safe_load(section)}
    tables = PeriodTables(lake, Masks(OPERATOR_LEVEL, {}), {}, zone=zone)
    at = datetime(2026, 2, 3, tzinfo=UTC)
    inputs = Inputs(lake, {}, parse_period(period, zone), None, at, tables)
    (found,) = pack_sections(inputs, [Section.model_validate(read)])
    return found


def blocks(found: BuiltSection, kind: type[Any]) -> list[Any]:
    return [block for block in found.section.blocks if isinstance(block, kind)]


@pytest.mark.criterion("006.2")
@pytest.mark.parametrize(
    ("sql", "bound", "status", "words"),
    [
        ("5 / 100", "show: share, at_most: 0.05", "satisfied", ("at most 5 %", "found 5 %")),
        ("99 / 100", "show: share, at_least: 0.99", "satisfied", ("at least 99 %", "found 99 %")),
        ("(0.1::DOUBLE + 0.2) / 3", "at_most: 0.1", "satisfied", ("at most 0.1", "found 0.1")),
        ("0.05::DECIMAL(3, 2)", "at_most: 0.05", "satisfied", ("at most 0.05", "found 0.05")),
        ("1234568", "at_most: 1234567", "not satisfied", ("at most 1,234,567", "1,234,568")),
        ("0.9499", "at_least: 0.95, show: share", "not satisfied", ("95 %", "found 94.99 %")),
        ("0.0500001", "at_most: 0.05", "not satisfied", ("at most 0.05", "found 0.0500001")),
        ("12.5", "at_most: 20, unit: USD", "satisfied", ("at most 20 USD", "found 12.5 USD")),
        ("'a text'", "at_most: 1", "not evaluated", ("at most 1", "expected a finite number")),
        ("NULL", "at_most: 1", "not evaluated", ("at most 1", "its SQL gave no value, null")),
        ("n FROM seen", "at_most: 1", "not evaluated", ("at most 1", "expected one row of one")),
        (
            "99999999999999999999999999999999999999::DECIMAL(38, 0)",
            "at_most: 99999999999999999999999999999999999998",
            "not satisfied",
            ("at most 99,999", "found 99,999"),
        ),
        (
            "12345678901234567.02::DECIMAL(38, 2)",
            "at_most: '12345678901234567.01'",
            "not satisfied",
            ("at most 12,345,678,901,234,567.01", "found 12,345,678,901,234,567.02"),
        ),
    ],
)
def test_a_figure_at_its_bound_is_within_it(
    lake: Lake, sql: str, bound: str, status: str, words: tuple[str, str]
) -> None:
    found = built(lake, f'figures: {{one: {{title: One, sql: "SELECT {sql}", {bound}}}}}')
    ((finding,),) = [block.findings for block in blocks(found, doc.Findings)]
    assert finding.status.value == status, finding
    assert words[0] in finding.title
    assert words[1] in finding.observations[0]


@pytest.mark.criterion("006.4")
def test_a_figure_of_several_rows_is_told_by_name_and_nothing_of_it_is_to_be_proven(
    lake: Lake,
) -> None:
    figures = "{many: {title: Many, sql: SELECT n FROM seen}, all: {title: All, sql: SELECT 1}}"
    found = built(lake, f"figures: {figures}")
    assert [source.name for source in found.sources.values()] == ["all"]
    (told,) = [block.text for block in blocks(found, doc.Paragraph)]
    assert told.startswith("Not evaluated: section , many: expected one row of one value, found ")


@pytest.mark.criterion("006.1")
@pytest.mark.parametrize(
    ("period", "before"),
    [
        ("2026-01-31", sum(range(1, 25))),
        # Of the period before only two days and a half are in the lake, or one.
        ("2026-01-31..2026-02-02", None),
        ("2026-01-30", None),
    ],
)
def test_no_change_is_told_against_a_period_that_is_not_whole_in_the_lake(
    lake: Lake, period: str, before: int | None
) -> None:
    one = "{title: One, sql: SELECT count(*) FROM seen, compare: true}"
    ((figure,),) = [
        block.figures
        for block in blocks(built(lake, f"figures: {{one: {one}}}", period), doc.Figures)
    ]
    assert figure.before == before


def test_days_are_those_of_the_reports_zone(lake: Lake) -> None:
    sql = "SELECT report_day(hour_partition, hour) AS day, count(*) AS rows FROM seen GROUP BY day"
    table = f"tables: {{by_day: {{title: By day, sql: '{sql}'}}}}"
    for zone, offset in (("UTC", 0), ("Europe/Berlin", -1), ("America/New_York", 5)):
        (found,) = blocks(built(lake, table, zone=zone), doc.Table)
        first = 25 + offset
        assert found.rows == ((DAY + timedelta(days=1), sum(range(first, first + 24))),), zone


@pytest.mark.criterion("006.3", "006.4")
@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        ("number", ((7, 276), (8, 276)), ("7 USD", "8 USD")),
        (
            "money",
            ((1234.5, 276), (1234.5, 275)),
            (
                "1,234.50 USD, in the period before 276.00 USD",
                "1,234.50 USD, in the period before 275.00 USD",
            ),
        ),
        (
            "number",
            ((0.1, None), (0.10000000000000002, None)),
            (
                "0.1, in the period before None",
                "0.10000000000000002, in the period before None",
            ),
        ),
    ],
)
def test_what_changed_is_told_so_that_it_is_seen(
    kind: str, values: tuple[tuple[float, float | None], ...], told: tuple[str, str]
) -> None:
    def version(value: float, before: float | None) -> Version:
        read = (TableVersion("quality/seen", 1, 1),)
        said: Any = {"value": value, "unit": "USD", "before": before, "kind": kind}
        figure = Figure("own.one", "One", "SELECT 7", "/one", f"{hash(str(said)):064x}", read)
        return Version((figure,), {"one": said, "notes": [], "sections": []})

    changes = changes_section(version(*values[0]), version(*values[1]), 2)
    ((row,),) = [block.rows for block in changes.blocks if isinstance(block, doc.Table)]
    assert tuple(str(cell).replace("\u00a0", " ") for cell in row) == ("own.one", *told)


@pytest.mark.criterion("006.4")
def test_what_a_figure_is_compared_with_is_computed_again_too(lake: Lake) -> None:
    one = "{title: One, sql: SELECT count(*) FROM seen, compare: true}"
    found = built(lake, f"figures: {{one: {one}}}")
    ((place, source),) = found.sources.items()
    (read,) = source.read
    versions = (TableVersion(read.table, read.version, read.rows),)
    figure = Figure("own.one", "One", source.query, "/one", "0" * 64, versions)
    period = parse_period("2026-01-31")

    def outcome(before: int) -> str:
        tables = PeriodTables(lake, Masks(OPERATOR_LEVEL, {}), {}, {read.table: read.version})
        said = {"one": {"value": sum(range(25, 49)), "before": before}}
        then, now = Scope(period.before), Scope(period.hours)
        (again,) = reproduce([figure], said, tables, now, then)  # type: ignore[arg-type]
        return f"{again.outcome}: {again.detail}"

    assert place == "/blocks/0/figures/0"
    assert outcome(sum(range(1, 25))) == "reproduced: quality/seen version 1"
    assert outcome(299).startswith("differs: the period before: expected 299, found 300; ")


def test_a_bound_that_yaml_would_round_has_to_be_in_quotes() -> None:
    figures = "{one: {title: One, sql: SELECT 1, at_most: 12345678901234567.01}}"
    with pytest.raises(ValueError, match="at most 15 digits, or one in quotes"):
        Section.model_validate({"title": "Own", **yaml.safe_load(f"figures: {figures}")})


@pytest.mark.parametrize("beside", ["", "one: {title: One, sql: SELECT 1, at_least: 1},"])
def test_a_table_that_was_made_once_is_told_as_gone_and_not_as_one_to_come(
    tmp_path: Path, beside: str
) -> None:
    lake = Lake(str(tmp_path / "lake"))
    table = "agg_technique_effectiveness"
    append_lineages(lake, {("aggregates", table): {"1": ModelLineage({}, frozenset())}})
    figures = f"{{{beside} a: {{title: A, sql: FROM {table}}}}}"
    rows = f"rows: {{title: Rows, sql: FROM {table}}}, m: {{title: M, sql: FROM dim_models}}"

    found = built(lake, f"figures: {figures}\ntables: {{{rows}}}")

    assert found.section.status is doc.Status.not_evaluated
    why = "it is gone, though quality/column_lineage has runs of its model"
    assert [block.text for block in blocks(found, doc.Paragraph)] == [
        f"Not evaluated: A and Rows: aggregates/{table}: {why}.",
        "Not evaluated: M: dim_models is not in this lake yet.",
    ]
