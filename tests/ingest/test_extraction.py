"""Extractions and what is said of them, from a source whose rows are made up here."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.hours import ONE_HOUR, HourRange, parse_key
from chimera_assets.ingest import late_rows
from chimera_assets.ingest.extraction import Extracted, HoursHeldBack, extract_into_raw
from chimera_assets.ingest.files_only import FilesOnly, source_now
from chimera_assets.ingest.landed_hours import LANDED_HOURS
from chimera_assets.ingest.late_row_scan import LateRowScan, scan_for_late_rows
from chimera_assets.ingest.late_rows import Known, backlog, doubt
from chimera_assets.ingest.moved_rows import KEY_PRINTS, key_prints
from chimera_assets.lake import Lake
from chimera_assets.lake.commit import Carried
from chimera_assets.run_context import RunContext
from chimera_assets.settings import get_settings
from chimera_assets.sources.arrivals import Arrivals, Arrived, Moment
from chimera_assets.sources.errors import SourceTableMissing
from chimera_assets.sources.snapshot import Snapshot
from tests.ingest.fake_source import FakeTable
from tests.quality.rows import good_row, raw_frame
from tests.shipped import SHIPPED
from tests.site.site import generations, keys

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = load_contracts([SHIPPED])["generations"]
SIX, SEVEN, EIGHT = keys("2026-02-10-06:00", 3)
NOW = datetime(2026, 2, 11, tzinfo=UTC)


def hours(first: str, count: int = 1) -> HourRange:
    return HourRange(parse_key(first), parse_key(first) + timedelta(hours=count))


@dataclasses.dataclass
class LakeAndSource:
    """A lake and its source."""

    lake: Lake
    table: FakeTable

    def extract(self, wanted: HourRange, **asked: Any) -> Extracted:
        context, source = RunContext(self.lake, NOW, "run-1"), self.table
        return extract_into_raw(context, CONTRACT, source, wanted, **asked)  # type: ignore[arg-type]

    def scan(self) -> LateRowScan:
        return scan_for_late_rows(self.lake, CONTRACT, self.table, now=NOW, seconds=20)  # type: ignore[arg-type]

    def delete(self, *names: str) -> None:
        for name in names:
            del self.table.rows[name]


@pytest.fixture
def site(tmp_path: Path) -> LakeAndSource:
    return LakeAndSource(Lake(str(tmp_path / "lake")), FakeTable())


def test_an_hour_is_extracted_and_what_is_gone_when_it_is_again_is_reported(
    site: LakeAndSource,
) -> None:
    first, second = generations(SIX, 20), generations(SEVEN, 20)
    site.table.write(*first, *second)
    done = site.extract(hours(SIX, 2))

    assert done.commit is not None
    assert done.watermark is not None
    assert (done.commit.rows, done.fewer, done.warnings, done.notes) == (40, {}, [], [])
    assert done.watermark.extracted == set(hours(SIX, 2))
    raw = site.lake.table("raw", "generations")
    assert raw.history(1)[0]["run"] == "run-1"
    (batch,) = raw.read().collect()["_batch_id"].unique()
    assert list(done.watermark.open) == [batch]

    site.delete(*(row["event_id"] for row in first[:12]), second[0]["event_id"])
    again = site.extract(hours(SIX, 3))
    assert again.fewer == {parse_key(SIX): (20, 8), parse_key(SEVEN): (20, 19)}
    assert again.warnings == [
        (
            "generations: fewer rows than when they were extracted before: "
            "2026-02-10-06:00 (20 to 8), 2026-02-10-07:00 (20 to 19)"
        )
    ]


def test_a_late_run_takes_its_streams_alone_and_empties_no_hour(site: LakeAndSource) -> None:
    rows = generations(SIX, 20)
    site.table.write(*rows)
    other, mine = frozenset({"provider_health"}), frozenset({"generations", "provider_health"})
    # Hours that were never extracted are, whosever run it is.
    assert site.extract(hours(SIX), late=other).commit is not None
    assert site.extract(hours(SIX), late=other) == Extracted()
    assert site.extract(hours(SIX, 2), late=other).commit is not None

    site.delete(*(row["event_id"] for row in rows[:11]))
    version = site.lake.table("raw", "generations").version()
    with pytest.raises(HoursHeldBack) as held:
        site.extract(hours(SIX), late=mine)
    assert str(held.value) == (
        "generations: the source no longer has most rows of 2026-02-10-06:00 (9 of 20 rows left); "
        "not extracted again, so that they stay in the lake; `chimera backfill` extracts hours as "
        "the source has them"
    )
    assert site.lake.table("raw", "generations").version() == version
    site.table.write(*rows[:1])
    assert site.extract(hours(SIX), late=mine).fewer == {parse_key(SIX): (20, 10)}


def test_a_scan_says_what_is_pending_and_of_how_many_rows(site: LakeAndSource) -> None:
    assert site.scan() == LateRowScan(messages=("generations: nothing extracted yet",))
    rows = generations(SIX, 22)
    site.table.write(*rows[:20])
    site.extract(hours(SIX))
    site.table.write(*rows[20:])
    site.table.write(*generations(SEVEN, 5))  # not extracted yet, so not late
    found = site.scan()
    assert (found.pending, dict(found.rows), found.messages) == (
        {parse_key(SIX)},
        {parse_key(SIX): 2},
        (),
    )

    site.delete(*(row["event_id"] for row in rows[:20]))
    kept = site.scan()
    assert kept.pending == set()
    assert kept.messages == (
        (
            "generations: the source no longer has most rows of 2026-02-10-06:00 (0 of 20 rows "
            "left); not extracted again, so that they stay in the lake; `chimera backfill` "
            "extracts hours as the source has them"
        ),
    )


def test_files_that_landed_are_pending_though_nothing_was_extracted(site: LakeAndSource) -> None:
    site.table.write(*generations(SIX, 5))
    rows = raw_frame(CONTRACT, [good_row(0, parse_key(SEVEN))])
    brought = Carried(("files", 1), {LANDED_HOURS: json.dumps([SEVEN])})
    landed = site.lake.table("landing", "generations")
    landed.write_hours(rows, hours(SEVEN), carry=lambda _: brought)
    assert site.scan() == LateRowScan(frozenset({parse_key(SEVEN)}))

    # Nor if the source has no such table, whose late rows are then in no doubt either.
    site.table = Nowhere()  # type: ignore[assignment]
    assert site.scan() == LateRowScan(frozenset({parse_key(SEVEN)}))


def test_both_hours_of_a_row_that_moved_between_them_are_pending(site: LakeAndSource) -> None:
    """It says that it arrived just now, so that it looks like any late row of its new hour."""
    rows = generations(SIX, 5)
    site.table.write(*rows, *generations(SEVEN, 5))
    site.extract(hours(SIX, 2))
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    site.table.write(rows[2] | {"timestamp": "2026-02-10T07:30:00Z", "created_at": now})
    known = Known.of(site.lake, "generations", NOW)
    found = backlog(site.lake, CONTRACT, known, site.table.now(CONTRACT))  # type: ignore[arg-type]
    assert (found.late, found.moved) == ({parse_key(SEVEN)}, {parse_key(SIX)})
    assert found.wanted == set(hours(SIX, 2))


class Nowhere:
    """A source without the table, and how long it was asked to take at most."""

    seconds: int | None = None

    def now(self, _: object, *, seconds: int | None) -> None:
        self.seconds = seconds
        raise SourceTableMissing("here", "expected a table, found none", remedy="make it")


def test_rows_come_from_files_alone_where_there_is_no_table(
    site: LakeAndSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere: Any = Nowhere()
    with pytest.raises(SourceTableMissing, match="make it"):
        source_now(site.lake, CONTRACT, nowhere)
    optional = dataclasses.replace(CONTRACT, optional_at_source=True)
    assert isinstance(source_now(site.lake, optional, nowhere, seconds=7), FilesOnly)
    assert nowhere.seconds == 7
    extract_into_raw(RunContext(site.lake, NOW, "run"), optional, nowhere, hours(SIX))
    raw = site.lake.table("raw", "generations")
    assert (raw.count(), raw.partition_columns()) == (0, ["hour_partition", "hour"])
    monkeypatch.setenv("CHIMERA_LANDING_URI", str(tmp_path))
    get_settings.cache_clear()
    (tmp_path / "generations").mkdir()
    for name in ("a.csv", "b.jsonl.gz", "c.csv.tmp"):
        (tmp_path / "generations" / name).touch()
    with pytest.raises(SourceTableMissing) as wait:
        source_now(site.lake, CONTRACT, nowhere)
    monkeypatch.undo()
    get_settings.cache_clear()
    assert "found none; 2 files for generations wait to be loaded: `chimera up`" in str(wait.value)
    assert "--select 'key:landing/generations'" in str(wait.value)
    landed = site.lake.table("landing", "generations")
    landed.create(raw_frame(CONTRACT, []).to_arrow().schema)
    found = source_now(site.lake, CONTRACT, nowhere)
    assert isinstance(found, FilesOnly)
    with found as state:
        assert state is found
    assert list(found.keys(hours(SIX))) == list(found.arrived_keys(Arrivals(None), [], None)) == []
    assert found.rows_by_hour(hours(SIX, 2)) == dict.fromkeys(hours(SIX, 2), 0)
    assert found.arrivals(None, hours(SIX)) == Arrivals(None)
    assert (found.count_keys("[]"), found.look.now) == (0, None)


MOMENT = Moment(Snapshot(100), "server", 5, frozenset({1}), NOW)
ARRIVED = {parse_key(SIX): Arrived(1, 100, None, None)}


def test_a_row_that_arrived_long_before_the_watermark_and_is_new_was_changed() -> None:
    """Its older version may be in any hour; one that is a moment older came with the watermark."""
    long_before, just_before = (
        Arrived(1, 100, NOW - ago, None) for ago in (ONE_HOUR, timedelta(seconds=30))
    )
    first, second, third = map(parse_key, (SIX, SEVEN, EIGHT))
    new = {second: just_before, third: Arrived(1, 100, None, None)}
    assert late_rows._changed(Arrivals(MOMENT, MOMENT, hours=new)) is None
    new[first] = long_before
    assert late_rows._changed(Arrivals(MOMENT, MOMENT, hours=new)) == NOW - ONE_HOUR
    assert late_rows._changed(Arrivals(MOMENT, hours=new)) is None  # each row counts as arrived


DOUBTS = [
    (Arrivals(MOMENT, MOMENT), None),
    (Arrivals(MOMENT), None),
    (
        Arrivals(None),
        (
            "late rows cannot be found: generations is a view or a foreign table, whose rows have "
            "no versions; name the table itself in the contract, or repeat `chimera backfill` over "
            "hours that may get late rows"
        ),
    ),
    (
        Arrivals(MOMENT, MOMENT, behind=True),
        (
            "the source is a standby that has not caught up with what was extracted already; late "
            "rows are looked for when it has"
        ),
    ),
    (
        Arrivals(MOMENT, MOMENT, restarted=True, hours=ARRIVED),
        (
            "the source is not the server of earlier extractions, or was put back to an older "
            "state (restored, failed over, moved): every hour it has rows of is extracted again"
        ),
    ),
    (
        Arrivals(MOMENT, hours=ARRIVED),
        "its watermark is unknown: every hour it has rows of is extracted again",
    ),
]


@pytest.mark.parametrize(("found", "reason"), DOUBTS)
def test_what_keeps_late_rows_from_being_found(found: Arrivals, reason: str | None) -> None:
    assert doubt(CONTRACT, found) == (None if reason is None else f"generations: {reason}")


def test_only_a_row_without_its_whole_key_has_no_fingerprint() -> None:
    frame = pl.DataFrame(
        {"event_id": ["a", None, "b"], "model": [None, "m", None], "_placed": [NOW] * 3}
    )
    prints = key_prints(CONTRACT, frame, placed=pl.col("_placed"))
    assert prints.columns == list(KEY_PRINTS)
    assert prints.height == prints["print"].n_unique() == 2
    # The same in any process, and beside whatever other columns.
    again = key_prints(CONTRACT, frame.select("event_id", "_placed"), placed=pl.col("_placed"))
    assert again.equals(prints)
    assert key_prints(CONTRACT, frame.head(1), placed=pl.col("_placed")).row(0) == prints.row(0)


def test_a_key_has_one_fingerprint_in_whatever_types_the_source_gives_it() -> None:
    """Raw has it in the contract's types, a table in those of its columns."""
    key = ("event_id", "tokens_used", "latency_ms", "created_at")
    contract = dataclasses.replace(CONTRACT, key=key)
    in_raw = raw_frame(contract, [good_row(1)]).with_columns(_placed=NOW)
    expected = key_prints(contract, in_raw, placed=pl.col("_placed"))
    others = {
        "tokens_used": (pl.Int16(), pl.Int32(), pl.String()),
        "latency_ms": (pl.Float32(), pl.Int64(), pl.String()),
        "created_at": (pl.Datetime("ms", "UTC"), pl.Datetime("us", "Asia/Tokyo"), pl.String()),
    }
    for name, kinds in others.items():
        for kind in kinds:
            given = in_raw.with_columns(pl.col(name).cast(kind))
            assert key_prints(contract, given, placed=pl.col("_placed")).equals(expected), kind
