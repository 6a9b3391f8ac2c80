"""A pack's traffic is a YAML file: its rows come, and its mistakes are found by line."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import polars.selectors as cs
import pytest

from chimera_assets.errors import ChimeraError
from chimera_assets.hours import HourRange
from chimera_assets.packs import Pack
from chimera_assets.packs.errors import PackError
from chimera_assets.packs.traffic import read_traffic
from chimera_assets.postgres.connection import execute
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from chimera_assets.simulator import simulate
from chimera_assets.simulator.rows import stream_rows
from chimera_assets.simulator.seeded_traffic import SeededTraffic
from chimera_assets.sources.database import connect
from tests.simulator.ai_traffic import seeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.packs.traffic import Traffic

MONDAY = datetime(2026, 1, 26, tzinfo=UTC)
WEEK = HourRange(MONDAY, MONDAY + timedelta(days=7))
PAGE = Path(__file__).parents[2] / "docs" / "traffic.md"
NURSERY = PAGE.read_text().split("```yaml\n")[1].split("```")[0]
TABLES = """
CREATE TABLE sensors (sensor_id text PRIMARY KEY, house text, kinds text[],
    installed_at timestamptz);
CREATE TABLE readings (reading_id text PRIMARY KEY, measured_at timestamptz, sensor_id text,
    house text, crop text, sky text, temperature_c float8, humidity float8, stored_at timestamptz)
"""


def pack(folder: Path, text: str) -> Pack:
    (folder / "traffic.yaml").write_text(text)
    return Pack("nursery", "1.0.0", "Nursery", "growers", (), folder)


def nursery(folder: Path, text: str = NURSERY) -> Traffic:
    traffic = read_traffic(pack(folder, text))
    assert traffic is not None
    return traffic


def digest(rows: pl.DataFrame) -> str:
    """The rows whatever their order, times by the second and numbers to six digits."""
    even = rows.sort(rows.columns[0]).with_columns(
        cs.float().round(6), cs.datetime().dt.truncate("1s")
    )
    return hashlib.sha256(even.write_csv().encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("seed", "rows_per_hour", "stream", "rows", "expected"),
    [
        (7, 400, "generations", 22719, "e4331235a487bee5"),
        (7, 400, "jailbreak_tests", 475, "958dbe831e0e7886"),
        (7, 400, "provider_health", 2880, "778b82ccd450ccd1"),
        (12345, 60, "generations", 3440, "a0f997348c4b9241"),
        (12345, 60, "jailbreak_tests", 54, "73982509a8d5de84"),
        (12345, 60, "provider_health", 2880, "91ff190496c55d6f"),
    ],
)
def test_the_same_seed_gives_the_rows_it_always_gave(
    seed: int, rows_per_hour: int, stream: str, rows: int, expected: str
) -> None:
    """As made by the simulator that had these streams in Python; later columns come after."""
    start = MONDAY + timedelta(days=2, hours=9)
    made = stream_rows(
        seeded(seed, rows_per_hour), stream, HourRange(start, start + timedelta(days=2))
    )
    first = made[:, : made.columns.index("created_at") + 1]
    assert (made.height, digest(first)) == (rows, expected)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("nursery"))
    yield server.url("operational")
    server.release()


@pytest.fixture
def nursery_database(database: str) -> str:
    """A database with the empty tables of the nursery."""
    with connect(database, autocommit=True) as connection:
        for statement in ("DROP TABLE IF EXISTS sensors, readings", *TABLES.split(";")):
            execute(connection, statement)
    return database


def test_a_pack_that_nobody_here_thought_of_fills_its_tables(
    tmp_path: Path, nursery_database: str
) -> None:
    url, packs = nursery_database, [pack(tmp_path, NURSERY)]

    added = simulate(url, WEEK, seed=3, rows_per_hour=300, packs=packs)
    again = simulate(url, WEEK, seed=3, rows_per_hour=300, packs=packs)

    with connect(url) as connection:
        readings = pl.DataFrame(execute(connection, "SELECT * FROM readings"))
        kinds = execute(connection, "SELECT kinds FROM sensors ORDER BY sensor_id")
    assert again == {"sensors": 0, "readings": 0}
    assert added == {"sensors": 3, "readings": readings.height}
    assert readings.height == pytest.approx(168 * 300 / 5, rel=0.1)
    assert [row["kinds"] for row in kinds] == [["air", "soil"], ["air"], ["soil"]]
    whole = readings.filter(pl.col("sensor_id").is_not_null(), pl.col("temperature_c") > -200)
    assert 0.01 < 1 - whole.height / readings.height < 0.03
    assert set(whole["sky"]) == {"clear", "clouded"}
    assert set(whole["house"]) == {"north", "south"}
    assert whole["temperature_c"].max() > 26  # type: ignore[operator]  # a heatwave
    assert whole["humidity"].is_between(5, 100).all()
    crops = whole["crop"].value_counts(sort=True)["crop"].to_list()
    assert crops == ["tomato", "basil", "orchid"]
    delay = whole["stored_at"] - whole["measured_at"]
    assert (delay > timedelta(minutes=10)).any()
    assert delay.min() >= timedelta(seconds=1)  # type: ignore[operator]
    by_hour = whole.group_by(pl.col("measured_at").dt.hour()).len()
    night, noon = (by_hour.filter(measured_at=hour)["len"].item() for hour in (3, 15))
    assert noon > 1.5 * night


def test_an_hour_does_not_depend_on_those_made_with_it(tmp_path: Path) -> None:
    made = SeededTraffic(nursery(tmp_path), 3, 300)
    noon = MONDAY + timedelta(days=1, hours=12)
    alone = stream_rows(made, "readings", HourRange.single(noon))
    among = stream_rows(made, "readings", WEEK)
    same = among.filter(pl.col("reading_id").str.contains(f"-{noon:%Y%m%d%H}-"))
    assert alone.height
    assert alone.sort("reading_id").equals(same.sort("reading_id"))


def test_a_pack_without_traffic_has_none(tmp_path: Path) -> None:
    assert read_traffic(Pack("quiet", "1.0.0", "Quiet", "nobody", (), tmp_path)) is None


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        ("rhythm:", "rythm:", "rythm: expected one of .* (did you mean rhythm?), found rythm"),
        ("swing: 0.4", "swing: strong", "rhythm.swing: expected a number"),
        ("every_hours: 72", "every_hours: 7", "expected a part of a day or whole days, in hours"),
        ("sky: sky_of_hour", "sky: sky_of_our", "expected one of .*did you mean sky_of_hour"),
        ("crop: {choose: crops,", "crop: {choose: cops,", "a table, one of crops, sensors"),
        ("{take: sensors.house,", "{take: sensors.hut,", "a column of sensors, one of"),
        ("{during: heatwave,", "{during: coldwave,", "an episode, one of heatwave"),
        ("take: degrees}", "take: colour}", "a column of heatwave, one of"),
        ("{pick: sensors, by: which}", "{pik: sensors}", "SQL, or a mapping with one of pick"),
        ("{pick: sensors, by: which}", "{pick: sensors}", "by: expected a value, found none"),
        ("{after: hour, m", "{after: hour +, m", "expected a SQL expression that Polars knows"),
        ("{after: hour, m", "{after: hour AT TIME ZONE 'x', m", "SQL expression that Polars knows"),
        ("{after: hour, m", f"{{after: {'hour+' * 20_000}1, m", "of at most 1,000 characters"),
        ("shape: 8", "shape: 0", "shape: expected more than 0, found 0"),
        ("frozen: {temp", "frozen: {tmp", "column of frozen: expected one of"),
        ("rows: rows_per_hour", "rows: row_per_hour", "did you mean rows_per_hour"),
        ("- {sensor_id: s-2, house: south,", "- {sensor_id: s-2,", "the columns sensor_id, house"),
        ("{sensor_id: s-2,", "{sensor_id: 2,", "sensor_id of sensors: expected a text, found 2"),
        ("_heat: {during", "noise: {during", "name noise: expected a name that nothing else has"),
        ("sky: sky_of_hour", "sky: UPPER(sky)", "no circle of columns, found it needs itself"),
        ("humidity:", "Humidity:", "expected lower-case letters, digits and _"),
        ("{tomato: 0.5,", "{tomato: much,", "weight of crops: expected a number above 0"),
        ("degrees: 4 +", "end: 4 +", "name end: expected a name that nothing else has"),
        ("degrees: 4 + 6 * how_hot", "degrees: {during: heatwave, at: block}", "another episode"),
        ("reference: [sensors]", "reference: [sensor]", "a table, one of crops, sensors"),
    ],
)
def test_a_mistake_is_found_by_file_and_line(
    tmp_path: Path, written: str, instead: str, complaint: str
) -> None:
    text = NURSERY.replace(written, instead, 1)
    (line,) = [n for n, row in enumerate(text.splitlines(), 1) if row not in NURSERY.splitlines()]
    with pytest.raises(PackError) as found:
        nursery(tmp_path, text)
    problem = next(one for one in found.value.problems if one.line == line)
    for part in complaint.split(".*"):
        assert part in str(problem)
    assert str(problem).startswith(f"{tmp_path / 'traffic.yaml'}:{line}: ")


@pytest.mark.parametrize(
    ("ddl", "line_of", "found"),
    [
        ("DROP TABLE readings", "  readings:", "table readings: expected one that the"),
        ("ALTER TABLE readings RENAME humidity TO humid", "humidity:", "(did you mean humid?)"),
        ("ALTER TABLE sensors RENAME house TO home", "- {sensor_id: s-1", "found house"),
        ("DROP TABLE sensors", "reference:", "`chimera source init` makes"),
    ],
)
def test_a_database_that_lacks_something_is_reported_by_file_and_line(
    tmp_path: Path, nursery_database: str, ddl: str, line_of: str, found: str
) -> None:
    line = 1 + NURSERY[: NURSERY.index(line_of)].count("\n")
    with connect(nursery_database, autocommit=True) as connection:
        execute(connection, ddl)
    with pytest.raises(ChimeraError) as refused:
        simulate(nursery_database, HourRange.single(MONDAY), packs=[pack(tmp_path, NURSERY)])
    assert str(refused.value).startswith(f"{tmp_path / 'traffic.yaml'}:{line}: "), refused.value
    assert found in str(refused.value)


def test_types_that_do_not_fit_are_one_line(tmp_path: Path) -> None:
    text = NURSERY.replace("sky: sky_of_hour", "sky: sky_of_hour - noise")
    line = 1 + text[: text.index("sky_of_hour - noise")].count("\n")
    with pytest.raises(ChimeraError, match=rf"traffic\.yaml:{line}: sky: expected what"):
        stream_rows(
            SeededTraffic(nursery(tmp_path, text), 1, 100), "readings", HourRange.single(MONDAY)
        )
