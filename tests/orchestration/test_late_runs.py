"""Which runs are asked for: a real instance with its runs, and looks at streams made up here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.hours import HourRange, parse_key, partition_key
from chimera_assets.ingest.extraction import extract_into_raw
from chimera_assets.ingest.late_row_scan import LateRowScan, scan_for_late_rows
from chimera_assets.ingest.watermark_commits import current_watermark
from chimera_assets.lake import Lake
from chimera_assets.orchestration.runs.late_runs import RUNS_A_TICK, LateRunRequest, Plan, plan
from chimera_assets.orchestration.runs.tags import hours_of_tags
from chimera_assets.run_context import RunContext
from chimera_assets.runs.job_names import HOURLY_JOB
from chimera_assets.system_tables.batches import BATCHES, append_batches
from tests.ingest.fake_source import FakeTable
from tests.shipped import SHIPPED
from tests.site.site import generations, keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIX, SEVEN, EIGHT = keys("2026-02-10-06:00", 3)
LATE = {"generations": LateRowScan(frozenset({parse_key(SIX)}), {parse_key(SIX): 1})}
NOTHING = {"generations": LateRowScan(messages=("generations: no late rows",))}


@dg.op
def nothing() -> None:
    """A step."""


@dg.job(name=HOURLY_JOB)
def hourly() -> None:
    """Has the name that runs are looked up by."""
    nothing()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def queued(instance: dg.DagsterInstance, request: LateRunRequest, rows: int) -> dg.DagsterRun:
    """What the daemon makes of a request: a run that has not begun."""
    return instance.create_run_for_job(hourly, tags=request.tags(rows))


def ended(instance: dg.DagsterInstance, run_id: str, *, success: bool) -> None:
    """A run that starts and ends."""
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, HOURLY_JOB), run_id
    )
    if success:
        kind = dg.DagsterEventType.RUN_SUCCESS.value
        instance.report_dagster_event(dg.DagsterEvent(kind, HOURLY_JOB), run_id)
    else:
        instance.report_run_failed(run)


def by_hand(instance: dg.DagsterInstance, hour: str, *, only: str | None = None) -> None:
    """Somebody runs an hour, or one asset of it, and it succeeds."""
    tags = {"dagster/partition": hour}
    if only is None:
        run = instance.create_run_for_job(hourly, tags=tags)
    else:
        some = frozenset({dg.AssetKey(only.split("/"))})
        run = dg.DagsterRun(job_name=HOURLY_JOB, tags=tags, asset_selection=some)
        instance.add_run(run)
    ended(instance, run.run_id, success=True)


def planned(instance: dg.DagsterInstance, scans: dict[str, LateRowScan], **later: Any) -> Plan:
    return plan(instance, scans, datetime.now(UTC) + timedelta(**later))


def test_hours_are_not_asked_for_twice_and_again_after_a_failure(
    instance: dg.DagsterInstance,
) -> None:
    ((request, rows),) = planned(instance, LATE).runs
    assert (str(request.hours), request.streams, rows) == (SIX, ("generations",), 1)
    run = queued(instance, request, rows)
    assert run.tags["dagster/partition"] == SIX

    waiting = planned(instance, LATE)

    assert waiting.runs == ()
    assert f"generations: a run of {SIX} has not ended yet" in waiting.messages

    ended(instance, run.run_id, success=False)
    resting = planned(instance, NOTHING)
    assert resting.runs == ()
    assert f"{SIX} failed once, next try after" in "\n".join(resting.messages)

    # Due again though nothing is late any more: raw may have been extracted, the facts not made.
    ((again, _),) = planned(instance, NOTHING, minutes=6).runs
    ended(instance, queued(instance, again, 0).run_id, success=False)
    assert planned(instance, NOTHING, minutes=6).runs == ()
    assert "failed 2 times in a row" in "\n".join(planned(instance, NOTHING, minutes=6).messages)

    by_hand(instance, SIX, only="raw/provider_health")
    assert planned(instance, NOTHING, days=1).runs != ()

    by_hand(instance, SIX)
    healed = planned(instance, NOTHING, days=1)
    assert healed.runs == ()
    assert f"{SIX} failed" not in "\n".join(healed.messages)


def test_hours_in_a_row_are_one_run_and_many_runs_are_asked_for_in_turn(
    instance: dg.DagsterInstance,
) -> None:
    every_other = [parse_key(hour) for hour in keys("2026-02-10-00:00", 20)[::2]]
    row = [parse_key(SIX), parse_key(SEVEN), parse_key(EIGHT)]

    alone = planned(instance, {"generations": LateRowScan(frozenset(row))})
    many = planned(instance, {"generations": LateRowScan(frozenset(every_other))})

    assert [str(request.hours) for request, _ in alone.runs] == [f"{SIX}...{EIGHT}"]
    assert len(many.runs) == RUNS_A_TICK
    assert f"{10 - RUNS_A_TICK} more runs are asked for by the next ticks" in many.messages


#: What goes wrong: steps by name, and blocked hours as `stream hour`.
TROUBLE: set[str] = set()


def step(name: str) -> dg.OpDefinition:
    """A step of a stream."""

    first = name.startswith("raw__")

    @dg.op(name=name, ins={} if first else {"after": dg.In(dg.Nothing)})
    def work() -> None:
        if name in TROUBLE:
            raise dg.Failure(name)

    return work


def conserve(stream: str) -> dg.OpDefinition:
    """The last step of a stream: it reports each hour, and fails if one was blocked."""

    @dg.op(name=f"conserve_{stream}", ins={"after": dg.In(dg.Nothing)})
    def check() -> None:
        context = dg.OpExecutionContext.get()
        if context.op.name in TROUBLE:
            raise dg.Failure(context.op.name)
        asset = dg.AssetKey(["staged", stream])
        hours = {partition_key(hour) for hour in hours_of_tags(context.run.tags) or ()}
        blocked = {hour for hour in hours if f"{stream} {hour}" in TROUBLE}
        for hour in hours:
            good = hour not in blocked
            one = dg.AssetCheckEvaluation(asset, "conservation", good, partition=hour)
            context.log_event(one)  # type: ignore[arg-type]
        if blocked:
            raise dg.Failure("blocked")

    return check


@dg.job(name=HOURLY_JOB)
def two_streams() -> None:
    """The steps of `orders`, and those of `spend`, which have no facts."""
    for stream in ("orders", "spend"):
        conserve(stream)(step(f"stage_{stream}")(step(f"raw__{stream}")()))


def late_in(hours: list[str]) -> LateRowScan:
    """What the scan of a stream finds with late rows in these hours."""
    return LateRowScan(frozenset(map(parse_key, hours)))


def asked(found: Plan) -> list[tuple[str, str]]:
    return [(str(request.hours), " ".join(request.streams)) for request, _ in found.runs]


def ran(instance: dg.DagsterInstance, found: Plan, *trouble: str) -> bool:
    """The one run that is asked for runs, with this trouble; whether it succeeded."""
    ((request, rows),) = found.runs
    TROUBLE.update(trouble)
    try:
        done = two_streams.execute_in_process(
            instance=instance, tags=request.tags(rows), raise_on_error=False
        )
    finally:
        TROUBLE.clear()
    return done.success


def test_only_the_streams_and_hours_that_failed_wait(instance: dg.DagsterInstance) -> None:
    """The gate of orders blocks one of three hours; later nothing of orders can be judged."""
    both = {"orders": late_in([SIX, SEVEN, EIGHT]), "spend": late_in([SIX, SEVEN, EIGHT])}
    assert not ran(instance, planned(instance, both), f"orders {SEVEN}")

    quiet = planned(instance, {"orders": late_in([]), "spend": late_in([])})
    assert quiet.runs == ()
    (said,) = quiet.messages
    assert said.startswith(f"orders: {SEVEN} failed once, next try after ")

    # A row of each is updated: in the blocked hour, that of spend is taken, that of orders waits.
    again = planned(instance, {"orders": late_in([SEVEN]), "spend": late_in([SEVEN])})
    assert asked(again) == [(SEVEN, "spend")]
    # The other hours of orders were published.
    assert asked(planned(instance, {"orders": late_in([EIGHT])})) == [(EIGHT, "orders")]

    # The blocked hour of orders makes the run for spend fail, too. Spend has nothing to do with it.
    assert not ran(instance, again, "stage_orders")
    new = planned(instance, {"orders": late_in([]), "spend": late_in([SEVEN])})
    assert asked(new) == [(SEVEN, "spend")]
    assert "\n".join(new.messages).count("failed once") == 1

    # After its pause, orders is due by itself.
    due = planned(instance, {"orders": late_in([]), "spend": late_in([])}, minutes=6)
    assert asked(due) == [(SEVEN, "orders")]
    assert ran(instance, due)
    assert asked(planned(instance, {"orders": late_in([])}, days=1)) == []


def test_a_stream_of_which_a_step_failed_or_was_never_reached_waits(
    instance: dg.DagsterInstance,
) -> None:
    both = {"orders": late_in([SIX, SEVEN]), "spend": late_in([SIX, SEVEN])}
    assert not ran(instance, planned(instance, both), "raw__spend", "conserve_orders")

    assert asked(planned(instance, both)) == []
    later = planned(instance, both, minutes=6)
    assert asked(later) == [(f"{SIX}...{SEVEN}", "orders spend")]


def judged(lake: Lake, hour: str, *, published: bool) -> None:
    """An hour of raw is judged, as the step after its extraction does it."""
    rows = lake.table("raw", "generations").read(HourRange.single(parse_key(hour)))
    counts = rows.group_by("hour_partition", "hour").agg(
        batch_id=pl.col("_batch_id").max(), extracted=pl.len()
    )
    now = pl.lit(datetime.now(UTC)).cast(pl.Datetime("us", "UTC"))
    batch = counts.with_columns(stream=pl.lit("generations"), published=published, judged_at=now)
    missing = [pl.lit(None).alias(n) for n in BATCHES if n not in batch.collect_schema()]
    typed = [pl.col(name).cast(kind) for name, kind in BATCHES.items()]
    append_batches(lake, batch.with_columns(missing).select(typed).collect())


def test_an_hour_whose_run_ended_on_the_way_is_asked_for_until_it_is_in_the_facts(
    tmp_path: Path,
) -> None:
    contract = load_contracts([SHIPPED])["generations"]
    lake, source = Lake(str(tmp_path / "lake")), FakeTable()
    raw = lake.table("raw", "generations")

    def extract(hour: str) -> None:
        hours = HourRange.single(parse_key(hour))
        extract_into_raw(RunContext(lake, datetime.now(UTC), "run"), contract, source, hours)  # type: ignore[arg-type]

    def pending() -> set[str]:
        now = datetime.now(UTC)
        found = scan_for_late_rows(lake, contract, source, now=now, seconds=20)  # type: ignore[arg-type]
        return {partition_key(hour) for hour in found.pending}

    source.write(*generations(SIX, 20))
    extract(SIX)
    assert pending() == {SIX}
    judged(lake, SIX, published=False)
    assert pending() == set()  # a blocked hour has ended

    extract(SIX)
    assert pending() == {SIX}  # judged was the batch before
    judged(lake, SIX, published=True)
    rows = raw.read(HourRange.single(parse_key(SIX))).collect()
    lake.table("staged", "generations").write_hours(rows, HourRange.single(parse_key(SIX)))
    assert pending() == {SIX}  # not in the facts
    facts = lake.table("marts", "fact_generations")
    before = rows.with_columns(_batch_id=pl.lit("an earlier one"))
    facts.write_hours(before, HourRange.single(parse_key(SIX)))
    assert pending() == {SIX}  # as many rows, of the batch before
    facts.write_hours(rows, HourRange.single(parse_key(SIX)))
    assert pending() == set()

    extract(EIGHT)  # without rows
    watermark = current_watermark(lake, "generations")
    assert watermark is not None
    assert list(watermark.open.values()) == [{parse_key(EIGHT)}]  # SIX has ended
    assert pending() == {EIGHT}


def test_a_row_that_moved_into_an_hour_never_taken_leaves_its_old_one(tmp_path: Path) -> None:
    """Its new arrival makes it look like a new row of that hour."""
    contract = load_contracts([SHIPPED])["generations"]
    lake, table = Lake(str(tmp_path / "lake")), FakeTable()
    source: Any = table

    def extract(hour: str, *, late: bool = False) -> None:
        extract_into_raw(
            RunContext(lake, datetime.now(UTC), "run"),
            contract,
            source,
            HourRange.single(parse_key(hour)),
            late=frozenset({"generations"}) if late else None,
        )

    def ids(hour: str) -> set[str]:
        rows = lake.table("raw", "generations").read(HourRange.single(parse_key(hour)))
        return set(rows.select(pl.col("event_id").str.slice(11)).collect()["event_id"])

    table.write(*generations(SIX, 20))
    extract(SIX)
    table.write(*generations(SEVEN, 20))
    moved = generations(SIX, 4)[3]
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    table.write(moved | {"timestamp": "2026-02-10T07:30:00Z", "created_at": now})
    extract(SEVEN)
    judged(lake, SIX, published=False)
    judged(lake, SEVEN, published=False)

    found = scan_for_late_rows(lake, contract, source, now=datetime.now(UTC), seconds=20)

    assert found.pending == {parse_key(SIX)}
    extract(SIX, late=True)
    assert "06-0003" in ids(SEVEN)
    assert "06-0003" not in ids(SIX)
    judged(lake, SIX, published=False)
    after = scan_for_late_rows(lake, contract, source, now=datetime.now(UTC), seconds=20)
    assert after.pending == frozenset()
    assert "generations: no late rows; extracted up to" in after.messages[0]
