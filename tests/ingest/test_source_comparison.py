"""`chimera verify --source`: the lake has what its source has, or is told what differs, by key."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.cli import run as run_chimera
from chimera_assets.contracts import contracts, load_contract
from chimera_assets.hours import ONE_HOUR, HourRange, floor_hour, partition_key
from chimera_assets.ingest.extraction import extract_into_raw
from chimera_assets.ingest.source_comparison import compare_with_source
from chimera_assets.lake import open_lake
from chimera_assets.run_context import RunContext
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing import Place, load_files
from chimera_assets.sources.postgres import PostgresSource
from tests.site.site import FOUR_STREAMS, Site, generations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Said = tuple[int, dict[str, Any]]

FIRST = floor_hour(datetime.now(UTC)) - 6 * ONE_HOUR
HOURS = HourRange(FIRST, FIRST + 3 * ONE_HOUR)
ONE, TWO, THREE = (partition_key(hour) for hour in HOURS)


@pytest.fixture(scope="module")
def own_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site") / "home", CHIMERA_STREAMS=FOUR_STREAMS)
    yield made
    made.close()


@pytest.fixture
def site(
    own_site: Site, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """A source with 40 rows in each of three hours, and a lake that has them."""
    lake = tmp_path_factory.mktemp("lake")
    monkeypatch.setenv("CHIMERA_HOME", str(own_site.home))
    monkeypatch.setenv("CHIMERA_LAKE_URI", str(lake / "lake"))
    monkeypatch.setenv("CHIMERA_LANDING_URI", str(lake / "landing"))
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", own_site.source.url)
    _forget()
    own_site.source.execute("TRUNCATE generations")
    for hour in (ONE, TWO, THREE):
        own_site.source.insert("generations", generations(hour, 40))
    extract(own_site)
    yield own_site
    _forget()


def _forget() -> None:
    for cached in (get_settings, contracts, open_lake):
        cached.cache_clear()


def extract(site: Site, hours: HourRange = HOURS) -> None:
    run = RunContext(open_lake(), datetime.now(UTC), "run")
    extract_into_raw(run, contracts()["generations"], PostgresSource(site.source.url), hours)


@pytest.fixture
def compared(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def compared(*arguments: str) -> Said:
        """The exit code, and what is said of generations."""
        code = run_chimera(["verify", "--source", "--json", *arguments])
        told = json.loads(capsys.readouterr().out)
        assert told["equal"] == (code == 0)
        (found,) = (one for one in told["streams"] if one["stream"] == "generations")
        return code, found

    return compared


def raw_rows() -> pl.DataFrame:
    return open_lake().table("raw", "generations").read().collect()


def keep(rows: pl.DataFrame) -> None:
    """As somebody who writes into the lake, or a fault of ours, would."""
    open_lake().table("raw", "generations").write_hours(rows, HOURS)


@pytest.mark.usefixtures("site")
def test_a_lake_that_has_it_all(compared: Callable[..., Said]) -> None:
    code, found = compared()

    assert code == 0
    assert (found["hours"], found["rows"], found["pending"]) == (3, 120, 0)
    assert found["differences"] == []


def test_a_lost_row_and_a_changed_number_are_found_by_key(
    site: Site, compared: Callable[..., Said]
) -> None:
    rows, stamp = raw_rows(), f"{FIRST:%Y-%m-%dT%H}"
    lost, changed, cost = (f"{stamp}-{number:04}" for number in (7, 9, 11))
    key = pl.col("event_id")
    keep(
        rows.filter(key != lost).with_columns(
            tokens_used=pl.col("tokens_used") + (key == changed).cast(pl.Int64),
            cost_usd=pl.col("cost_usd") + pl.when(key == cost).then(1e-4).otherwise(0.0),
        )
    )

    code, found = compared()

    assert code == 1
    (differs,) = found["differences"]
    assert differs["hour"] == ONE
    assert (differs["source_rows"], differs["raw_rows"]) == (40, 39)
    counts = {kind: differs[kind] for kind in ("missing", "changed", "elsewhere", "deleted")}
    assert counts == {"missing": 1, "changed": 2, "elsewhere": 0, "deleted": 0}
    assert differs["columns"] == ["tokens_used", "cost_usd"]
    assert differs["missing_keys"] == [{"event_id": lost}]
    assert differs["changed_keys"] == [{"event_id": changed}, {"event_id": cost}]
    extract(site)
    assert compared()[0] == 0


@pytest.mark.usefixtures("site")
def test_a_key_that_is_another_is_found_though_as_many_are_there(
    compared: Callable[..., Said],
) -> None:
    key, stamp = pl.col("event_id"), f"{FIRST:%Y-%m-%dT%H}"
    keep(raw_rows().with_columns(key.replace({f"{stamp}-0003": f"{stamp}-0999"})))

    code, found = compared()

    assert code == 1
    (differs,) = found["differences"]
    assert (differs["missing"], differs["deleted"]) == (1, 1)
    assert differs["surplus_keys"] == [{"event_id": f"{stamp}-0999"}]


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("column", "changed"),
    [
        ("user_id", pl.lit("somebody@example.com")),
        ("success", ~pl.col("success")),
        ("timestamp", pl.col("timestamp") + pl.duration(microseconds=1)),
        ("techniques_applied", pl.lit(["other"])),
        ("error_code", pl.lit("another")),
        ("latency_ms", pl.col("latency_ms") + 1e-7),
        ("tokens_used", pl.lit(0, pl.Int64)),
    ],
)
def test_a_value_of_any_type_that_is_another_is_found(
    compared: Callable[..., Said], column: str, changed: pl.Expr
) -> None:
    one = pl.col("event_id") == f"{FIRST:%Y-%m-%dT%H}-0010"
    rows = raw_rows()
    keep(rows.with_columns(pl.when(one).then(changed).otherwise(column).alias(column)))

    code, found = compared()

    assert code == 1
    (differs,) = found["differences"]
    assert (differs["changed"], differs["columns"]) == (1, [column])


@pytest.mark.usefixtures("site")
def test_two_numbers_that_were_swapped_are_found(compared: Callable[..., Said]) -> None:
    stamp = f"{FIRST:%Y-%m-%dT%H}"
    swapped = {f"{stamp}-0001": f"{stamp}-0002", f"{stamp}-0002": f"{stamp}-0001"}
    rows = raw_rows()
    other = rows.select(pl.col("event_id").replace(swapped), swapped="latency_ms")
    both = rows.join(other, on="event_id", maintain_order="left")
    keep(both.with_columns(latency_ms="swapped").drop("swapped"))

    code, found = compared()

    assert (code, found["differences"][0]["columns"]) == (1, ["latency_ms"])


def test_what_was_deleted_at_the_source_is_told_apart(
    site: Site, compared: Callable[..., Said], capsys: pytest.CaptureFixture[str]
) -> None:
    gone = [f"{FIRST:%Y-%m-%dT%H}-{number:04}" for number in range(3)]
    site.source.execute(
        "DELETE FROM generations WHERE event_id = ANY(string_to_array($1, ' '))", [" ".join(gone)]
    )

    code, found = compared()

    assert code == 0
    (differs,) = found["differences"]
    assert (differs["deleted"], differs["missing"], differs["elsewhere"]) == (3, 0, 0)
    assert [key["event_id"] for key in differs["surplus_keys"]] == gone
    assert run_chimera(["verify", "--source"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "The lake has what the source has, and rows that were deleted there." in said
    keep(raw_rows().filter(pl.col("event_id") != f"{FIRST + ONE_HOUR:%Y-%m-%dT%H}-0007"))
    assert run_chimera(["verify", "--source"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "generations 3 117 0 2 " in said  # hours that differ
    assert "not as its source in 1 hour; in 1 more, rows were deleted there, which does not" in said


def test_rows_that_came_since_are_pending_and_no_difference(
    site: Site, compared: Callable[..., Said], capsys: pytest.CaptureFixture[str]
) -> None:
    site.source.insert("generations", generations(TWO, 42)[40:])
    assert run_chimera(["verify", "--source", "--from", TWO, "--to", THREE]) == 0
    assert "Nothing was compared: 1 hour pending, 0 past retention." in " ".join(
        capsys.readouterr().out.split()
    )

    code, found = compared()

    assert (code, found["hours"], found["pending"], found["differences"]) == (0, 2, 1, [])
    extract(site, HourRange.single(FIRST + ONE_HOUR))
    assert compared()[1]["rows"] == 122


def test_rows_of_files_are_no_difference(site: Site, compared: Callable[..., Said]) -> None:
    place = Place(get_settings().landing_uri)
    folder = get_settings().landing_uri + "/generations"
    Path(folder).mkdir(parents=True)
    rows = generations(TWO, 45)[38:]  # two of which the source has, too
    Path(folder, "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    later = RunContext(open_lake(), datetime.now(UTC) + timedelta(hours=1), "load")
    load_files(later, contracts()["generations"], place, pause=0)
    assert compared()[1]["pending"] == 1
    extract(site)

    code, found = compared()

    assert (code, found["pending"], found["differences"]) == (0, 0, [])
    assert raw_rows().height == 127


def test_a_column_that_the_lake_has_not_got_yet_is_not_compared(site: Site) -> None:
    contract = contracts()["generations"]
    later = dataclasses.replace(contract.column("model"), name="later", physical_name="model2")
    site.source.execute("ALTER TABLE generations ADD model2 text DEFAULT 'x'")
    wider = dataclasses.replace(contract, columns=(*contract.columns, later))

    found = compare_with_source(
        open_lake(), wider, PostgresSource(site.source.url), hours=None, now=datetime.now(UTC)
    )

    site.source.execute("ALTER TABLE generations DROP COLUMN model2")
    assert found is not None
    assert (found.rows, found.differences, found.not_compared) == (120, (), ("later",))


@pytest.mark.usefixtures("site")
def test_only_some_hours(compared: Callable[..., Said]) -> None:
    keep(raw_rows().filter(pl.col("hour") != FIRST.hour))

    assert compared("--from", TWO)[0] == 0
    code, found = compared("--from", ONE, "--to", TWO)
    assert (code, found["hours"], found["differences"][0]["missing"]) == (1, 1, 40)


COLUMNS = {
    "name": ("string", "text"),
    "number": ("integer", "bigint"),
    "moment": ("timestamp", "timestamptz"),
    "day": ("date", "date"),
    "sure": ("boolean", "boolean"),
    "price": ("number", "numeric(9, 4)"),
    "weight": ("number", "double precision"),
    "other": ("string", "uuid"),
}

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: things
name: Things
version: 1.0.0
status: active
slaProperties: [{property: retention, value: 30, unit: d}, {property: freshness, value: 2, unit: h}]
schema:
  - name: things
    customProperties: [{property: eventTime, value: moment}, {property: arrivalTime, value: moment}]
    properties:
"""


def test_keys_and_sums_of_every_type_are_the_same_on_both_sides(site: Site, tmp_path: Path) -> None:
    """[PROPERTY] Random rows: the hash of PostgreSQL and that of DuckDB are one."""
    path = tmp_path / "things.odcs.yaml"
    path.write_text(
        CONTRACT
        + "".join(
            f"      - {{name: {name}, logicalType: {kind}, physicalType: '{physical}', "
            f"primaryKey: true, required: true, classification: L1}}\n"
            for name, (kind, physical) in COLUMNS.items()
        )
    )
    declared = ", ".join(f"{name} {physical}" for name, (_, physical) in COLUMNS.items())
    site.source.execute("DROP TABLE IF EXISTS things")
    site.source.execute(f"CREATE TABLE things ({declared})")
    random = Random(3)  # noqa: S311
    site.source.insert("things", [_thing(random) for _ in range(300)])
    contract, source = load_contract(path), PostgresSource(site.source.url)
    lake, now = open_lake(), datetime.now(UTC)

    extract_into_raw(RunContext(lake, now, "run"), contract, source, HOURS)

    found = compare_with_source(lake, contract, source, hours=None, now=now)
    assert found is not None
    assert (found.rows, found.differences) == (300, ())


def test_sums_beyond_what_a_number_holds_are_compared(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "things.odcs.yaml"
    columns = {"name": ("string", "text", True), "moment": ("timestamp", "timestamptz", True),
               "price": ("number", "numeric(38, 18)", False),
               "weight": ("number", "double precision", False)}  # fmt: skip
    path.write_text(
        CONTRACT
        + "".join(
            f"      - {{name: {name}, logicalType: {kind}, physicalType: '{physical}', "
            f"primaryKey: {str(is_key).lower()}, classification: L1}}\n"
            for name, (kind, physical, is_key) in columns.items()
        )
    )
    site.source.execute("DROP TABLE IF EXISTS things")
    declared = ", ".join(f"{name} {physical}" for name, (_, physical, _) in columns.items())
    site.source.execute(f"CREATE TABLE things ({declared})")
    large = {"price": "60000000000000000000.000000000000000001", "weight": 1.7e308}
    rows = [{"name": str(n), "moment": FIRST.isoformat()} | large for n in range(4)]
    site.source.insert("things", rows)
    contract, source = load_contract(path), PostgresSource(site.source.url)
    lake, now = open_lake(), datetime.now(UTC)
    extract_into_raw(RunContext(lake, now, "run"), contract, source, HOURS)
    raw = lake.table("raw", "things")

    def differences() -> int:
        found = compare_with_source(lake, contract, source, hours=None, now=now)
        assert found is not None
        return len(found.differences)

    assert differences() == 0
    last_digit = pl.col("price") - pl.lit("0.000000000000000001").cast(pl.Decimal(38, 18))
    raw.write_hours(raw.read().collect().with_columns(price=last_digit), HOURS)
    assert differences() == 1


def _thing(random: Random) -> dict[str, Any]:
    letters = "aé€😀'\\\" \x1f"
    moment = FIRST + timedelta(microseconds=random.randrange(3 * 3600 * 10**6))
    thing = {
        "name": "".join(random.choices(letters, k=random.randrange(6))),
        "number": random.choice([0, -1, 2**63 - 1, -(2**63), random.randrange(10**6)]),
        "moment": moment.isoformat(),
        "day": f"{random.randrange(1, 9999):04}-0{random.randrange(1, 9)}-11",
        "sure": random.random() < 0.5,
        "price": str(random.randrange(-(10**9), 10**9) / 10**4),
        "weight": random.choice(["NaN", "Infinity", 1e300, -0.0, random.random()]),
        "other": f"{random.getrandbits(128):032x}",
    }
    nullable = set(thing) - {"moment"}
    return thing | dict.fromkeys(random.sample(sorted(nullable), random.randrange(3)))
