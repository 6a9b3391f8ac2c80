"""An aggregate of a pack is YAML: it is verified from its facts, watched, and its facts ordered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.lifecycle.policy import policy
from chimera_assets.monitoring.metrics.families import families
from chimera_assets.monitoring.metrics.lake_metrics import LakeMetrics
from chimera_assets.packs import Pack, active_packs, aggregates
from chimera_assets.packs.aggregates import active_aggregates, active_order, read_definitions
from chimera_assets.packs.errors import PackError
from chimera_assets.reconciliation.aggregates import compared
from chimera_assets.reconciliation.verify import verify
from chimera_assets.warehouse import hour_rows

if TYPE_CHECKING:
    from chimera_assets.packs.aggregates import Aggregate

START = datetime(2026, 1, 31, 22, tzinfo=UTC)  # across midnight, and a month's end
HOURS = HourRange(START, START + timedelta(hours=4))
NEWEST = HourRange.single(HOURS.end - timedelta(hours=1))
PAGE = Path(__file__).parents[2] / "docs" / "aggregates.md"
CLIMATE = PAGE.read_text().split("```yaml\n")[1].split("```")[0]


def pack(folder: Path, text: str = CLIMATE, name: str = "nursery") -> Pack:
    place = folder / name
    place.mkdir(exist_ok=True)
    (place / "aggregates.yaml").write_text(text)
    for model in ("marts/fact_readings", "aggregations/agg_house_climate"):
        (place / "models" / model).parent.mkdir(parents=True, exist_ok=True)
        (place / "models" / f"{model}.sql").write_text("select 1 as a")
    return Pack(name, "1.0.0", name, "growers", (), place)


@pytest.fixture
def climate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aggregate:
    """The one aggregate of a pack, which is used beside the shipped one."""
    own = pack(tmp_path)
    monkeypatch.setattr(aggregates, "active_packs", lambda: (*active_packs(), own))
    return read_definitions(own).aggregates[0]


def hourly(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of hours counted from the first."""
    at = pl.lit(START) + pl.duration(hours="n")
    return (
        pl.DataFrame(rows)
        .with_columns(hour_partition=at.dt.date(), hour=at.dt.hour().cast(pl.Int32))
        .drop("n")
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Facts of four hours in a folder whose name looks like a pattern, and their aggregate."""
    made = Lake(str(tmp_path / "la*ke"))
    houses = ("north", None, "south")
    readings = [
        {"n": n % 4, "house": houses[n % 3], "sensor_id": f"s-{n}", "temperature_c": n - 20.5}
        for n in range(60)
    ]
    facts = hourly([*readings, {"n": 0, "house": "north", "sensor_id": "s", "temperature_c": None}])
    made.table("marts", "fact_readings").write_hours(facts, HOURS)
    temperature = pl.col("temperature_c")
    climates = (
        facts.drop_nulls("temperature_c")
        .group_by("hour_partition", "hour", "house")
        .agg(readings=pl.len(), frosts=(temperature < 0).sum(), degrees=temperature.sum())
    )
    made.table("aggregates", "agg_house_climate").write_hours(climates, HOURS)
    return made


def test_an_aggregate_is_verified_against_its_facts(climate: Aggregate, lake: Lake) -> None:
    whole = verify(lake, {})
    assert whole.failures == ()
    assert whole.checked["aggregates"] == 4

    table = lake.table("aggregates", climate.table)
    rows = table.read().collect()
    table.write_hours(
        rows.with_columns(
            pl.when((pl.col("hour") == 23) & (pl.col("house") == "south"))
            .then(pl.col("degrees") + 1)
            .otherwise("degrees")
            .alias("degrees")
        ),
        HOURS,
    )
    (failure,) = verify(lake, {}).failures
    assert (failure.promise, failure.hour) == ("aggregates", "2026-01-31-23:00")
    assert failure.table == "aggregates/agg_house_climate"
    assert failure.expected.startswith("degrees ")
    assert failure.found.endswith("; 1 groups differ")


def test_a_sum_of_money_is_compared_to_its_last_digit(climate: Aggregate, tmp_path: Path) -> None:
    """A cent in sums beyond what floating point can hold apart."""
    lake = Lake(str(tmp_path / "lake"))
    each = Decimal("30000000000000.01")
    facts = hourly([{"n": 0, "house": "north", "sensor_id": f"s-{n}"} for n in range(300)])
    money = pl.lit(each).cast(pl.Decimal(18, 2))
    facts = facts.with_columns(temperature_c=money)
    lake.table("marts", "fact_readings").write_hours(facts, HOURS)
    of_the_hour = {"readings": 300, "frosts": 0, "degrees": each * 300}
    sums = hourly([{"n": 0, "house": "north", **of_the_hour}])
    kept = lake.table("aggregates", climate.table)

    kept.write_hours(sums, HOURS)
    assert compared(climate, lake, [HOURS]).is_empty()

    kept.write_hours(sums.with_columns(pl.col("degrees") + Decimal("0.01")), HOURS)
    (differs,) = compared(climate, lake, [HOURS]).to_dicts()
    assert (differs["measure"], differs["groups"]) == ("degrees", 1)


def test_no_file_of_another_hour_is_opened(climate: Aggregate, lake: Lake) -> None:
    (place,) = (Path(lake.uri) / "marts" / "fact_readings").rglob("hour=0/*.parquet")
    place.write_bytes(b"x" * place.stat().st_size)
    around = [
        HourRange(START, START + timedelta(hours=2)),
        HourRange.single(HOURS.end - timedelta(hours=1)),
    ]
    assert compared(climate, lake, around).is_empty()


def test_files_of_an_older_schema_are_read_as_the_table_is_now(
    climate: Aggregate, lake: Lake
) -> None:
    older = hourly([{"n": 4, "house": "east", "sensor_id": "s-1"}])
    later = HourRange.single(HOURS.end)
    lake.table("marts", "fact_readings").write_hours(older, later)
    assert compared(climate, lake, [later]).is_empty()


def test_a_table_that_delta_alone_can_read_is_left_to_it(
    climate: Aggregate, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one with deletion vectors, which others may have written."""
    monkeypatch.setattr(hour_rows, "plain", lambda _: False)
    assert compared(climate, lake, [HOURS]).is_empty()
    assert compared(climate, lake, [HourRange.single(START), NEWEST]).is_empty()


def test_sql_that_does_not_fit_the_facts_is_one_line(tmp_path: Path, lake: Lake) -> None:
    text = CLIMATE.replace("SUM(temperature_c)", "SUM(temperature_f)")
    (wrong,) = read_definitions(pack(tmp_path, text)).aggregates
    with pytest.raises(
        PackError, match=r"aggregates\.yaml:5: aggregate agg_house_climate: expected SQL"
    ):
        compared(wrong, lake, [HOURS])


def test_a_column_that_the_table_lacks_is_one_line(tmp_path: Path, lake: Lake) -> None:
    (wrong,) = read_definitions(pack(tmp_path, CLIMATE.replace("frosts", "frost"))).aggregates
    with pytest.raises(
        PackError,
        match=r"yaml:5: column of agg_house_climate: .*did you mean frosts\?\), found frost",
    ):
        compared(wrong, lake, [HOURS])


@pytest.mark.parametrize(
    ("slip", "guess"),
    [
        (("table: agg_house_climate", "table: agg_house_climates"), "agg_house_climate"),
        (("facts: [fact_readings]", "facts: [fact_reading]"), "fact_reading"),
        (("  fact_readings: [", "  fact_reading: ["), "fact_readings"),
    ],
)
def test_a_table_that_no_model_makes_is_refused_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lake: Lake, slip: tuple[str, str], guess: str
) -> None:
    own = pack(tmp_path, CLIMATE.replace(*slip, 1))
    monkeypatch.setattr(aggregates, "active_packs", lambda: (*active_packs(), own))
    with pytest.raises(PackError, match=rf"aggregates\.yaml:\d+: .*did you mean {guess}\?\)"):
        verify(lake, {})


def test_figures_of_a_pack_are_metrics(climate: Aggregate, lake: Lake) -> None:
    assert families()["nursery_frost_share"].labels == ("house",)
    samples = list(LakeMetrics(lake, ()).samples(datetime.now(UTC)))
    newest = lake.table("aggregates", climate.table).read(NEWEST).collect()
    by_house = dict(newest.select(pl.col("house").fill_null("unknown"), "readings").iter_rows())
    found = {s.labels[0]: s.value for s in samples if s.name == "nursery_readings"}
    assert found == by_house
    shares = {s.labels[0]: s.value for s in samples if s.name == "nursery_frost_share"}
    assert shares.keys() == {"north", "south", "unknown"}
    assert sum(shares.values()) / 3 == pytest.approx(21 / 60, abs=0.01)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fact_readings", ("house", "sensor_id")),
        ("fact_generations", ("tenant_id", "provider", "model")),
        ("fact_jailbreak_tests", ("tenant_id", "target_provider", "target_model")),
        ("fact_provider_health", ("provider_id",)),
        ("fact_of_nobody", ()),
    ],
)
def test_facts_are_kept_in_the_order_that_their_pack_says(
    climate: Aggregate, lake: Lake, name: str, expected: tuple[str, ...]
) -> None:
    assert climate.facts == ("fact_readings",)
    names = ("model", "target_model", "target_provider", "provider_id", "provider", "tenant_id")
    if name != "fact_readings":
        row = {"n": 0, **dict.fromkeys(names, "x")}
        lake.table("marts", name).write_hours(hourly([row]), HOURS)
    assert policy(lake.table("marts", name), {}).order_by == expected


def test_what_two_packs_define_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = (pack(tmp_path), pack(tmp_path, name="garden"))
    monkeypatch.setattr(aggregates, "active_packs", lambda: both)
    with pytest.raises(PackError) as refused:
        active_aggregates()
    file, first = (tmp_path / name / "aggregates.yaml" for name in ("garden", "nursery"))
    assert [str(problem).partition(" defined")[0] for problem in refused.value.problems] == [
        f"{file}:2: order_by: expected an order",
        f"{file}:5: table: expected an aggregate",
        f"{file}:17: figure: expected a metric",
        f"{file}:18: figure: expected a metric",
    ]
    assert f"({first}:5 has it already), found agg_house" in str(refused.value.problems[1])
    with pytest.raises(PackError):
        active_order()


def test_a_metric_of_the_platform_is_no_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CLIMATE.replace("nursery_readings:", "chimera_dag_hours:")
    monkeypatch.setattr(aggregates, "active_packs", lambda: (pack(tmp_path, text),))
    with pytest.raises(PackError, match="figure: expected a name that no metric of the platform"):
        families()


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        ("order_by:", "orderby:", "expected one of aggregates, order_by (did you mean order_by?)"),
        ("    grain:", "    grains:", "did you mean grain?"),
        ("SELECT * FROM fact", "SELECT FROM WHERE fact", "expected a SELECT that DuckDB knows"),
        ("SELECT * FROM fact_readings W", "DELETE FROM fact_readings W", "expected one SELECT"),
        ("SELECT * FROM fact", "SELECT * FROM read_text('/x'), fact", "found read_text()"),
        ("COUNT(*)\n", "(SELECT count(*) FROM glob('/*'))\n", "found glob()"),
        (" fact_readings WHERE", " fact_reading WHERE", "(did you mean fact_readings?)"),
        (" fact_readings WHERE", " '/x/y.csv' WHERE", "one of fact_readings, found /x/y.csv"),
        ("SELECT * FROM f", "WITH RECURSIVE t AS (SELECT 1 UNION ALL FROM t) FROM t, f", "to end"),
        ("COUNT(*)\n", "COUNT(*\n", "readings: expected a SELECT that DuckDB knows"),
        ("by: readings}", "by: reading}", "a measure, one of degrees, frosts, readings (did you"),
        (", by: readings}", "}", "expected top and by, or neither, found one of them"),
        ("column: house,", "column: hut,", "a column of the grain, one of house"),
        ("share: frosts, of: readings}", "share: frosts}", "expected sum, or share and of"),
        ("hours: 24,", "hours: 25,", "hours: expected at most 24, found 25"),
        ("sum: readings}", "sum: reading}", "a measure, one of degrees"),
        ("facts: [fact_readings]", "facts: []", "facts: expected"),
    ],
)
def test_a_mistake_is_found_by_file_and_line(
    tmp_path: Path, written: str, instead: str, complaint: str
) -> None:
    text = CLIMATE.replace(written, instead, 1)
    assert text != CLIMATE
    known = CLIMATE.splitlines()
    (line,) = [number for number, row in enumerate(text.splitlines(), 1) if row not in known]
    with pytest.raises(PackError) as found:
        read_definitions(pack(tmp_path, text))
    problem = next(one for one in found.value.problems if one.line == line)
    assert complaint in str(problem)
    assert str(problem).startswith(f"{tmp_path / 'nursery' / 'aggregates.yaml'}:{line}: ")
