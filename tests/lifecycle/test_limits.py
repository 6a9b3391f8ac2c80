"""What goes and what stays at the edges: of a hold, of a term, of an hour, of a day."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMNS, HourRange
from chimera_assets.lake import CommitConflict, Lake, LakeError
from chimera_assets.lake import removal as lake_removal
from chimera_assets.lake.log_retention import log_needs, set_log_retention
from chimera_assets.lake.vacuum import safe_vacuum
from chimera_assets.lifecycle import purge as purging
from chimera_assets.lifecycle import retention
from chimera_assets.lifecycle.legal_holds import holds, place, release
from chimera_assets.lifecycle.maintenance import maintain_lake
from chimera_assets.lifecycle.policy import policy
from chimera_assets.lifecycle.purge import purge
from chimera_assets.lifecycle.tenants import known_tenants
from chimera_assets.quality import quarantine
from chimera_assets.system_tables.deletion_log import deleted_rows
from tests.acting import acting, leave
from tests.lifecycle.year import age
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.lake import Table
    from chimera_assets.lifecycle.legal_holds import Hold
    from chimera_assets.lifecycle.maintenance import Maintained

ONE_HOUR, ONE_DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 1, 31, 22, tzinfo=UTC)  # four hours, two of each day
HOURS = HourRange(START, START + 4 * ONE_HOUR)
TENANTS = ("acme", "globex", "initech")

#: Days that rows of generations are kept here, and rejected ones.
DAYS, WAIT = 30, 7

PAST = START + timedelta(days=100)


def rows(**more: object) -> pl.DataFrame:
    """A row an hour and tenant."""
    return pl.DataFrame(
        [
            {
                "event_id": f"{hour:%H}-{tenant}",
                "tenant_id": tenant,
                "hour_partition": hour.date(),
                "hour": hour.hour,
                **more,
            }
            for hour in HOURS
            for tenant in TENANTS
        ],
        schema_overrides={"hour": pl.Int32},
    )


def rejected(records: dict[str, str], first_seen: datetime) -> pl.DataFrame:
    """A row an hour and record, by the record's name."""
    made: list[dict[str, Any]] = [
        {
            "record": record,
            "row_key": name,
            "reasons": [name],
            "first_seen": first_seen,
            "hour_partition": hour.date(),
            "hour": hour.hour,
        }
        for hour in HOURS
        for name, record in records.items()
    ]
    known = {key: value for key, value in quarantine.SCHEMA.items() if key in made[0]}
    missing = [pl.lit(None, kind).alias(name) for name, kind in quarantine.SCHEMA.items()]
    frame = pl.DataFrame(made, schema=known)
    return frame.with_columns(
        [each for each in missing if each.meta.output_name() not in known]
    ).select(quarantine.SCHEMA.names())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    yield home
    leave(home)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def at(home: Path, lake: Lake) -> Callable[[datetime], AuditedContext]:
    """Somebody at work at some time."""
    contracts = {
        name: dataclasses.replace(one, retention_days=DAYS, quarantine_days=WAIT)
        for name, one in load_contracts([SHIPPED]).items()
    }
    return lambda now: acting(home, lake, now, contracts=contracts)


def fill(lake: Lake, *names: str) -> None:
    for name in names:
        lake.table(*name.split("/")).write_hours(rows(), HOURS)


def night(context: AuditedContext, **how: Any) -> dict[str, Maintained]:
    done = {one.table: one for one in maintain_lake(context, **how)}
    assert [one.error for one in done.values() if one.error] == []
    return done


def hold(context: AuditedContext, **of: Any) -> Hold:
    scope = {"stream": None, "tenant_id": None, "start": None, "end": None} | of
    return place(context, reason="case 7", **scope)


def kept(lake: Lake, name: str) -> list[str]:
    frame = lake.table(*name.split("/")).read().collect()
    return sorted(frame["event_id" if "event_id" in frame.columns else "row_key"].to_list())


def all_of(*hours: int) -> list[str]:
    return sorted(f"{hour:02}-{tenant}" for hour in hours for tenant in TENANTS)


RAW, AGGREGATE, QUARANTINE = "raw/generations", "aggregates/agg_x", "quarantine/generations"


@pytest.mark.parametrize(
    ("later", "left"),
    [
        (timedelta(0), all_of(22, 23, 0, 1)),  # at the limit to the second: not yet past it
        (timedelta(minutes=59, seconds=59), all_of(22, 23, 0, 1)),
        (ONE_HOUR, all_of(23, 0, 1)),
        (2 * ONE_HOUR, all_of(0, 1)),
        (3 * ONE_HOUR, all_of(1)),
    ],
)
def test_an_hour_goes_when_it_began_longer_ago_than_it_is_kept_and_not_before(
    lake: Lake, at: Callable[[datetime], AuditedContext], later: timedelta, left: list[str]
) -> None:
    fill(lake, RAW)
    now = START + timedelta(days=DAYS) + later
    foretold = night(at(now), dry_run=True)[RAW]
    assert kept(lake, RAW) == all_of(22, 23, 0, 1)

    done = night(at(now))[RAW]

    assert kept(lake, RAW) == left
    gone = 4 - len(left) // 3
    raw, other = lake.table("raw", "generations"), lake.table("staged", "generations")
    assert deleted_rows(lake, [raw])["rows"].to_list() == [3] * gone
    assert deleted_rows(lake, [raw], HourRange.single(START)).height == min(gone, 1)
    assert deleted_rows(lake, [other], HOURS).is_empty()
    assert (done.rows_dropped, done.hours_dropped, done.hours_held) == (3 * gone, gone, 0)
    assert (foretold.rows_dropped, foretold.hours_dropped) == (3 * gone, gone)
    if gone:
        said = lake.table("quality", "dropped").read().sort("hour_partition", "hour").collect()
        assert said["rows"].to_list() == [3] * gone
        assert said["hour"].to_list() == [22, 23, 0][:gone]
        assert set(said.select("cause", "layer", "table").rows()) == {
            ("retention", "raw", "generations")
        }


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [
        (None, None, all_of(22, 23, 0, 1)),
        (1, None, all_of(23, 0, 1)),
        (None, 1, all_of(22)),
        (1, 2, all_of(23)),
        (1, 3, all_of(23, 0)),
        (4, None, []),
        (None, 0, []),
    ],
)
def test_a_hold_keeps_its_first_hour_and_not_the_one_at_its_end(
    lake: Lake,
    at: Callable[[datetime], AuditedContext],
    start: int | None,
    end: int | None,
    left: list[str],
) -> None:
    fill(lake, RAW)
    lake.table("quarantine", "generations").write_hours(
        rejected({"acme": '{"tenant_id": "acme"}'}, START), HOURS
    )
    first = None if start is None else START + start * ONE_HOUR
    last = None if end is None else START + end * ONE_HOUR
    hold(at(PAST), stream="generations", start=first, end=last)

    done = night(at(PAST))

    assert kept(lake, RAW) == left
    held = len(left) // 3
    assert (done[RAW].hours_held, done[RAW].hours_dropped) == (held, 4 - held)
    assert (done[QUARANTINE].hours_held, done[QUARANTINE].hours_dropped) == (held, 4 - held)
    rejects = lake.table("quarantine", "generations").read().collect()["hour"].to_list()
    assert sorted(rejects) == sorted({int(one[:2]) for one in left})


def test_a_hold_on_all_beside_one_on_a_tenant_keeps_all(
    lake: Lake, at: Callable[[datetime], AuditedContext]
) -> None:
    """Whichever was placed first, and in the one hour that both are of."""
    fill(lake, RAW)
    records = {name: json.dumps({"tenant_id": name}) for name in TENANTS}
    lake.table("quarantine", "generations").write_hours(rejected(records, START), HOURS)
    second, third = START + ONE_HOUR, START + 2 * ONE_HOUR
    everything = hold(at(PAST), start=START, end=second)
    hold(at(PAST), stream="generations", tenant_id="acme", start=START, end=third)
    hold(at(PAST), stream="generations", tenant_id="globex", start=second, end=third)
    hold(at(PAST), start=third, end=third + ONE_HOUR)
    hold(at(PAST), stream="provider_health", start=third + ONE_HOUR)

    done = night(at(PAST))

    both = ["23-acme", "23-globex"]
    assert kept(lake, RAW) == sorted([*all_of(22), *both, *all_of(0)])
    assert (done[RAW].rows_dropped, done[RAW].hours_dropped, done[RAW].hours_held) == (4, 2, 3)
    rejects = lake.table("quarantine", "generations").read().collect()
    assert sorted(rejects.select("hour", "row_key").rows()) == sorted(
        [(22, name) for name in TENANTS]
        + [(0, name) for name in TENANTS]
        + [(23, "acme"), (23, "globex")]
    )
    assert (done[QUARANTINE].rows_dropped, done[QUARANTINE].hours_held) == (4, 3)
    dropped = lake.table("quality", "dropped").read().collect()
    by_hour = dropped.filter(pl.col("layer") == "raw").select("hour", "rows").rows()
    assert sorted(by_hour) == [(1, 3), (23, 1)]  # of the held hour those that went, no more

    release(at(PAST), everything.hold_id, reason="settled")
    night(at(PAST))

    assert kept(lake, RAW) == sorted(["22-acme", *both, *all_of(0)])  # the tenant's still holds


def test_a_released_hold_holds_nothing_and_cannot_be_released_again(
    lake: Lake, at: Callable[[datetime], AuditedContext]
) -> None:
    fill(lake, RAW)
    one, two = (hold(at(PAST + n * ONE_HOUR), stream="generations") for n in (0, 1))
    said = release(at(PAST + 2 * ONE_HOUR), one.hold_id, reason="settled")
    assert (said.active, said.released_at, said.release_reason) == (
        False,
        PAST + 2 * ONE_HOUR,
        "settled",
    )
    assert night(at(PAST))[RAW].rows_dropped == 0  # by the other
    with pytest.raises(ArgumentError, match=f"expected one of {two.hold_id}; found one that was"):
        release(at(PAST), one.hold_id, reason="again")
    with pytest.raises(ArgumentError, match=f"expected one of {two.hold_id}; found none of that"):
        release(at(PAST), "hold-of-nobody", reason="again")
    release(at(PAST), two.hold_id, reason="settled")
    with pytest.raises(ArgumentError, match="there are none"):
        release(at(PAST), two.hold_id, reason="again")
    assert [each.hold_id for each in holds(lake)] == [one.hold_id, two.hold_id]
    assert night(at(PAST))[RAW].rows_dropped == 12


def test_a_hold_of_no_hours_or_no_reason_is_refused(
    at: Callable[[datetime], AuditedContext], lake: Lake
) -> None:
    for end in (START, START - ONE_HOUR):
        with pytest.raises(ArgumentError, match="expected a time after 2026-01-31-22:00"):
            hold(at(PAST), start=START, end=end)
    for reason in ("", " \n"):
        with pytest.raises(ArgumentError, match="expected words"):
            place(at(PAST), stream=None, tenant_id=None, start=None, end=None, reason=reason)
    with pytest.raises(ArgumentError, match="expected the name of a tenant"):
        hold(at(PAST), tenant_id=" ")
    assert holds(lake) == []


@pytest.mark.parametrize(
    ("record", "stays"),
    [
        ('{"tenant_id": "acme"}', True),
        ('{"tenant_id": "globex"}', False),
        ('{"tenant_id": "Acme"}', False),
        ('{"tenant_id": null}', True),
        ('{"event_id": "e-1"}', True),
        ('{"tenant_id": "acme"', True),  # a torn line: it may be anybody's
        ("acme,1,2", True),
        ('{"other": {"tenant_id": "globex"}}', True),  # not where the tenant stands
    ],
)
def test_a_rejected_row_of_which_nobody_knows_whose_it_is_is_kept(
    lake: Lake, at: Callable[[datetime], AuditedContext], record: str, *, stays: bool
) -> None:
    table = lake.table("quarantine", "generations")
    table.write_hours(rejected({"one": record}, START), HOURS)
    hold(at(PAST), stream="generations", tenant_id="acme")

    done = purge(at(PAST), "generations", WAIT)

    assert table.count() == (4 if stays else 0)
    assert (done.rows, done.held) == ((0, 4) if stays else (4, 0))


def test_a_rejected_row_waits_for_all_of_its_days_and_its_reasons_are_told(
    lake: Lake, at: Callable[[datetime], AuditedContext]
) -> None:
    limit = PAST - timedelta(days=WAIT)
    table = lake.table("quarantine", "generations")
    ages = {"older": -timedelta(microseconds=1), "at_the_limit": timedelta(0), "younger": ONE_DAY}
    parts = [rejected({name: "{}"}, limit + age) for name, age in ages.items()]
    twice = pl.col("row_key").map_elements(lambda key: [key, "both"], pl.List(pl.String))
    table.write_hours(pl.concat(parts).with_columns(reasons=twice), HOURS)

    foretold = purge(at(PAST), "generations", WAIT, dry_run=True)
    assert table.count() == 12
    done = purge(at(PAST), "generations", WAIT)

    assert kept(lake, QUARANTINE) == ["at_the_limit"] * 4 + ["younger"] * 4
    assert (done.rows, done.hours, done.reasons) == (4, 4, {"older": 4, "both": 4})
    assert foretold == done
    said = lake.table("quality", "dropped").read().collect()
    assert said["rows"].to_list() == [1] * 4
    assert {*said["reasons"].to_list()} == {json.dumps({"older": 1, "both": 1})}
    assert {*said["older_than_days"].to_list()} == {WAIT}
    assert {*said["cause"].to_list()} == {"purge"}
    assert purge(at(PAST), "generations", WAIT).rows == 0
    assert lake.table("quality", "dropped").count() == 4
    assert purge(at(PAST), "never_seen", WAIT).rows == 0


def test_what_others_are_writing_is_left_for_the_next_night_and_not_counted(
    lake: Lake, at: Callable[[datetime], AuditedContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One range of hours cannot be had; the others go, and the counts say so."""
    fill(lake, RAW)
    records = {"one": '{"tenant_id": "acme"}', "other": '{"tenant_id": "globex"}'}
    lake.table("quarantine", "generations").write_hours(rejected(records, START), HOURS)
    hold(
        at(PAST),
        stream="generations",
        tenant_id="acme",
        start=START + ONE_HOUR,
        end=START + 2 * ONE_HOUR,
    )

    def busy(table: Table, hours: HourRange, *given: Any, **how: Any) -> object:
        if START + 2 * ONE_HOUR in hours:
            raise CommitConflict(table.uri)
        return lake_removal.remove_rows(table, hours, *given, **how)

    monkeypatch.setattr(retention, "remove_rows", busy)
    done = night(at(PAST), only=RAW)[RAW]
    assert kept(lake, RAW) == sorted(["23-acme", *all_of(0, 1)])
    assert (done.rows_dropped, done.hours_dropped, done.hours_held) == (5, 2, 1)
    assert done.hours_skipped == 2

    monkeypatch.setattr(purging, "remove_rows", busy)
    purged = purge(at(PAST), "generations", WAIT)
    assert (purged.rows, purged.hours, purged.skipped, purged.held) == (0, 0, 4, 1)
    monkeypatch.undo()
    assert purge(at(PAST), "generations", WAIT).rows == 7
    assert night(at(PAST))[RAW].hours_dropped == 2
    assert kept(lake, RAW) == ["23-acme"]


class TestTablesByDay:
    """Results of rules: three days of them, of all streams, kept as long as the rows."""

    NAME = "quality/check_results"
    FIRST = date(2026, 1, 30)

    @pytest.fixture(autouse=True)
    def results(self, lake: Lake) -> None:
        days = pl.DataFrame({DAY_COLUMN: [self.FIRST + n * ONE_DAY for n in (0, 0, 1, 2)]})
        lake.table("quality", "check_results").append(
            days.with_columns(rule=pl.lit("r")), partition_by=[DAY_COLUMN]
        )

    def days(self, lake: Lake) -> list[int]:
        left = lake.table("quality", "check_results").read().collect()
        return [(day - self.FIRST).days for day in left[DAY_COLUMN].sort()]

    def at_limit(self, days: int, **more: float) -> datetime:
        first = datetime.combine(self.FIRST, datetime.min.time(), UTC)
        return first + timedelta(days=DAYS + days, **more)

    def test_a_day_goes_when_all_of_it_is_past(
        self, lake: Lake, at: Callable[[datetime], AuditedContext]
    ) -> None:
        assert night(at(self.at_limit(0, hours=23, minutes=59)))[self.NAME].rows_dropped == 0
        assert night(at(self.at_limit(1)), dry_run=True)[self.NAME].rows_dropped == 2
        assert self.days(lake) == [0, 0, 1, 2]
        done = night(at(self.at_limit(1)))[self.NAME]
        assert (done.rows_dropped, done.hours_dropped) == (2, 24)
        assert self.days(lake) == [1, 2]
        done = night(at(self.at_limit(90)))[self.NAME]
        assert (done.rows_dropped, done.hours_dropped) == (2, 48)

    @pytest.mark.parametrize(
        ("start", "left"),
        [
            (None, [0, 0, 1, 2]),
            (datetime(2026, 1, 30, 5, tzinfo=UTC), [0, 0, 1, 2]),
            (datetime(2026, 1, 31, tzinfo=UTC), [1, 2]),
            (datetime(2026, 2, 1, 23, tzinfo=UTC), [2]),
            (datetime(2026, 2, 2, tzinfo=UTC), []),
        ],
    )
    def test_any_hold_keeps_them_from_its_first_day(
        self,
        lake: Lake,
        at: Callable[[datetime], AuditedContext],
        start: datetime | None,
        left: list[int],
    ) -> None:
        hold(at(PAST - ONE_HOUR), start=datetime(2026, 3, 1, tzinfo=UTC))
        held = hold(at(PAST), stream="provider_health", start=start)
        hold(at(PAST + ONE_HOUR), start=datetime(2027, 1, 1, tzinfo=UTC))
        night(at(PAST))
        assert self.days(lake) == left
        release(at(PAST), held.hold_id, reason="settled")
        night(at(PAST))
        assert self.days(lake) == []

    def test_days_that_others_write_are_left(
        self,
        lake: Lake,
        at: Callable[[datetime], AuditedContext],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def busy(table: Table, *_: object, **__: object) -> None:
            raise CommitConflict(table.uri)

        monkeypatch.setattr(retention, "remove_days", busy)
        done = night(at(PAST))[self.NAME]
        assert (done.rows_dropped, done.hours_dropped, done.hours_skipped) == (0, 0, 72)
        assert self.days(lake) == [0, 0, 1, 2]


def test_an_aggregate_has_a_term_of_its_own_and_any_streams_hold_keeps_its_hours(
    lake: Lake, at: Callable[[datetime], AuditedContext]
) -> None:
    """Of two contracts that speak of it the longer term; whose its rows are it does not say."""
    lake.table("aggregates", "agg_x").write_hours(rows().drop("tenant_id"), HOURS)
    fill(lake, RAW)

    def own(now: datetime) -> AuditedContext:
        context = at(now)
        terms = {"generations": 40, "provider_health": 50}
        said = {
            name: dataclasses.replace(
                one, table_retention={AGGREGATE: terms[name]} if name in terms else {}
            )
            for name, one in context.contracts.items()
        }
        return dataclasses.replace(context, contracts=said)

    assert policy(lake.table("aggregates", "agg_x"), own(PAST).contracts).retention_days == 50
    now = START + timedelta(days=50) + ONE_HOUR
    held = hold(
        own(now),
        stream="jailbreak_tests",
        tenant_id="acme",
        start=START + ONE_HOUR,
        end=START + 2 * ONE_HOUR,
    )
    done = night(own(now))
    assert kept(lake, AGGREGATE) == all_of(23, 0, 1)
    assert done[AGGREGATE].hours_held == 0
    assert kept(lake, RAW) == []  # which is of another stream than the hold
    done = night(own(PAST))
    assert kept(lake, AGGREGATE) == all_of(23)
    assert (done[AGGREGATE].hours_held, done[AGGREGATE].hours_dropped) == (1, 2)
    release(own(PAST), held.hold_id, reason="settled")
    night(own(PAST))
    assert kept(lake, AGGREGATE) == []
    assert night(at(PAST))["aggregates/agg_x"].rows_dropped == 0  # without a term: for ever


def test_a_table_of_no_hours_and_one_without_a_term_are_kept_for_ever(
    lake: Lake, at: Callable[[datetime], AuditedContext]
) -> None:
    lake.table("raw", "providers").overwrite(rows().drop(HOUR_COLUMNS))
    fill(lake, "aggregates/agg_x", "marts/fact_of_others")
    done = night(at(PAST + timedelta(days=3_000)))
    assert {one.rows_dropped for one in done.values()} == {0}


@pytest.mark.parametrize(
    ("days", "files", "log"),
    [(7, 7, 30), (0.5, 1, 30), (29.5, 30, 30), (30, 30, 30), (30.25, 31, 31), (45, 45, 45)],
)
def test_a_tables_log_is_kept_for_a_month_and_for_as_long_as_its_past_is_to_be_read(
    lake: Lake, days: float, files: int, log: int
) -> None:
    fill(lake, RAW)
    table = lake.table("raw", "generations")
    set_log_retention(table, days)
    found = table.fresh().metadata().configuration
    assert found["delta.deletedFileRetentionDuration"] == f"interval {files} days"
    assert found["delta.logRetentionDuration"] == f"interval {log} days"
    assert not log_needs(table, days)
    assert log_needs(table, days + 1).properties


def test_a_night_does_what_is_due_though_nothing_else_is(
    lake: Lake, at: Callable[[datetime], AuditedContext]
) -> None:
    """Only the log's term; then only files that nobody needs any more."""
    fill(lake, RAW)
    table = lake.table("raw", "generations")
    context = at(START)
    slow = {
        name: dataclasses.replace(one, vacuum_days=45) for name, one in context.contracts.items()
    }
    done = night(dataclasses.replace(context, contracts=slow))[RAW]
    assert table.fresh().metadata().configuration["delta.logRetentionDuration"] == (
        "interval 45 days"
    )
    assert (done.files_deleted, done.hours_merged) == (0, 0)
    night(context)
    fill(lake, RAW)
    age(Path(table.uri), timedelta(days=8))
    again = Lake(lake.uri)
    foretold = night(dataclasses.replace(context, lake=again), dry_run=True)[RAW]
    assert (foretold.files_deleted, len([*Path(table.uri).rglob("part-*")])) == (4, 8)

    done = night(dataclasses.replace(context, lake=again))[RAW]

    assert (done.files_deleted, done.stored_files_before, done.stored_files_after) == (4, 8, 4)
    assert done.bytes_freed == foretold.bytes_freed > 0
    assert len([*Path(table.uri).rglob("part-*")]) == 4
    assert kept(lake, RAW) == all_of(22, 23, 0, 1)


def test_a_checkpoint_is_due_after_twenty_commits(lake: Lake) -> None:
    fill(lake, RAW)
    table = lake.table("raw", "generations")
    while table.version() < 18:
        table.append(rows().head(1))
    assert not log_needs(table, 7).checkpoint
    table.append(rows().head(1))
    assert log_needs(table, 7).checkpoint  # twenty entries: of versions 0 to 19
    set_log_retention(table, 7)
    assert not log_needs(table, 7).checkpoint


def test_upkeep_never_deletes_a_file_of_the_last_day(lake: Lake) -> None:
    """A writer's files belong to no version until it commits them."""
    fill(lake, RAW)
    table = lake.table("raw", "generations")
    fill(lake, RAW)  # four files of before that no version needs from now on
    assert safe_vacuum(table, 0) == (0, 0)
    assert len(table.vacuum(0, full=True)) == 4
    with pytest.raises(LakeError, match=r"expected 0 or more days, found -0\.5"):
        table.vacuum(-0.5)


def test_tenants_are_those_of_the_stream_that_is_asked_for(tmp_path: Path) -> None:
    lake, contracts = Lake(str(tmp_path / "lake")), load_contracts([SHIPPED])
    for stream, tenant in (("generations", "acme"), ("jailbreak_tests", "globex")):
        lake.table("raw", stream).overwrite(pl.DataFrame({"tenant_id": [tenant, None]}))
    lake.table("raw", "provider_health").overwrite(pl.DataFrame({"check_id": ["c"]}))

    assert known_tenants(lake, contracts, "generations") == {"acme"}
    assert known_tenants(lake, contracts, "provider_health") == set()
    assert known_tenants(lake, contracts, None) == {"acme", "globex"}
