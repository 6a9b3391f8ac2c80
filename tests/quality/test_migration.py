"""A contract with other types, or another key, when the lake has data."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import polars as pl
import pytest

from chimera_assets.access.principal import Kind, Principal
from chimera_assets.audited_context import AuditedContext
from chimera_assets.contracts import load_contract, load_contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.hours import HourRange
from chimera_assets.ingest.contract_fit import KeyChanged, table_key
from chimera_assets.ingest.migration_state import TakeoverUnfinished
from chimera_assets.lake import CommitConflict, Lake, SchemaConflict
from chimera_assets.lake.removal import remove_rows
from chimera_assets.quality import stage_hours
from chimera_assets.quality.migration import former_rejects, made_tables, takeover
from chimera_assets.quality.migration.beside import BegunElsewhere, Beside, digests, under_way
from chimera_assets.quality.migration.claim import Claim
from chimera_assets.quality.migration.conversion import converted
from chimera_assets.quality.migration.key_losses import KeyLoss, hours_that_share_keys, key_loss
from chimera_assets.quality.migration.losses import Outcome, PublishedLost, outcome
from chimera_assets.quality.migration.migrate import migrate_tables, plan_migration
from chimera_assets.quality.migration.takeover import Takeover
from chimera_assets.reconciliation.verify import verify
from chimera_assets.run_context import RunContext
from chimera_assets.sources.landing import FileLog, Place, load_files
from chimera_assets.system_tables.column_profiles import newest_profiles
from chimera_assets.system_tables.deletion_log import DELETIONS, log_deletions
from chimera_assets.system_tables.judgements import JUDGEMENTS
from tests.quality.orders import HOURS, JUDGED, ROWS, START, contract, raw_orders
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.audit import AuditLog
    from chimera_assets.contracts import Contract

NOW = JUDGED + timedelta(days=1)
#: Nobody else is there.
OURS = Claim("ours")
LAYERS = ("raw", "staged", "quarantine")
#: Every fourth amount is no number; each hour has one order without pieces.
TEXTS = ["1.50", "2", "none", "3.25"]
UNREAD = ROWS // 4
EXACT = "number, physicalType: 'numeric(8,2)'"


class _NoLog:
    """Stands for the audit log where nothing is asked of it."""

    def change(self, *_: Any, **__: Any) -> nullcontext[None]:
        return nullcontext()


def off_the_record(lake: Lake, *contracts: Contract, now: datetime = NOW) -> AuditedContext:
    known = {one.stream: one for one in contracts}
    actor = Principal(Kind.PERSON, "alice", "a test")
    return AuditedContext(lake, now, "migration", known, actor, cast("AuditLog", _NoLog()))


def migrated(lake: Lake, to: Contract, now: datetime = NOW) -> None:
    plan = plan_migration(lake, to)
    assert plan.needed
    context = off_the_record(lake, to, now=now)
    migrate_tables(context, plan, OURS, reason="prices are money", lose_values=True).remove()
    assert not plan_migration(lake, to).needed


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of orders whose amounts are texts."""
    folder = tmp_path_factory.mktemp("texts")
    lake = Lake(str(folder / "lake"))
    lake.table("raw", "orders").write_hours(raw_orders(TEXTS, pl.String()), HOURS)
    stage_hours(RunContext(lake, JUDGED, "first"), contract(folder), HOURS)
    return folder / "lake"


@pytest.fixture
def lake(texts: Path, tmp_path: Path) -> Lake:
    shutil.copytree(texts, tmp_path / "lake")
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def exact(tmp_path: Path) -> Contract:
    return contract(tmp_path / "contracts", EXACT)


def broken(lake: Lake, to: Contract) -> list[str]:
    return [str(one) for one in verify(Lake(lake.uri), {"orders": to}).failures]


def content(lake: Lake) -> dict[str, Any]:
    """What all tables of the stream hold, whoever wrote it and when."""
    found = {}
    for layer, name in Lake(lake.uri).tables():
        rows = Lake(lake.uri).table(layer, name).read().collect()
        plain = [n for n, kind in rows.schema.items() if not kind.is_nested()]
        found[f"{layer}/{name}"] = rows.sort(plain).to_dicts()
    return found


def test_a_run_says_which_command_rewrites_the_tables(lake: Lake, exact: Contract) -> None:
    before = content(lake)
    for write in (
        lambda: stage_hours(RunContext(lake, NOW, "r"), exact, HOURS),
        lambda: lake.table("raw", "orders").write_hours(raw_orders([1], pl.Decimal(8, 2)), HOURS),
    ):
        with pytest.raises(SchemaConflict, match="`chimera contract migrate orders`"):
            write()
    assert content(lake) == before


def test_every_hour_is_rewritten_and_judged_by_the_new_type(
    lake: Lake, exact: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no such number is handled as a value that could not be read."""
    monkeypatch.setattr(former_rejects, "FRAME_ROWS", 10)
    first_seen = lake.table("quarantine", "orders").read().collect()["first_seen"].unique()

    migrated(lake, exact)

    raw = lake.table("raw", "orders").read().collect()
    assert raw.schema["amount"] == pl.Decimal(8, 2)
    assert raw.filter(pl.col("amount").is_null())["_unreadable"].unique().to_list() == [
        '{"amount":"none"}'
    ]
    assert raw.height == 4 * ROWS
    assert set(raw["amount"].drop_nulls().cast(pl.String)) == {"1.50", "2.00", "3.25"}
    staged = lake.table("staged", "orders").read().collect()
    assert staged["amount"].null_count() == 0
    assert staged.height == 4 * (ROWS - UNREAD - 1)
    rejected = lake.table("quarantine", "orders").read().collect()
    assert rejected.height == 4 * (UNREAD + 1)
    # A row that was rejected before is as old as it was.
    old = rejected.filter(pl.col("reasons").list.contains("pieces_not_null"))
    assert set(old["first_seen"]) == set(first_seen)
    assert set(rejected["first_seen"]) == {JUDGED, NOW}
    assert not broken(lake, exact)
    profile = lake.table("quality", "column_profiles").read().collect()
    newest = profile.filter(pl.col("run_id") == "migration", pl.col("column") == "amount")
    assert newest["highest"].unique().to_list() == ["3.25"]
    # Hours go on as before.
    more = HourRange(HOURS.end, HOURS.end + timedelta(hours=1))
    lake.table("raw", "orders").write_hours(
        raw_orders([1], pl.Int64(), more).with_columns(pl.col("amount").cast(pl.Decimal(8, 2))),
        more,
    )
    stage_hours(RunContext(lake, NOW, "after"), exact, more)
    assert not broken(lake, exact)


def test_what_could_not_be_read_before_may_be_by_the_new_type(
    lake: Lake, exact: Contract, tmp_path: Path
) -> None:
    migrated(lake, exact)
    again = contract(tmp_path / "texts again")
    migrated(lake, again)

    raw = lake.table("raw", "orders").read().collect()
    assert raw["_unreadable"].null_count() == raw.height
    assert set(raw["amount"]) == {"1.50", "2.00", "none", "3.25"}
    assert lake.table("staged", "orders").count() == 4 * (ROWS - 1)
    assert not broken(lake, again)


def test_the_old_version_can_be_restored(lake: Lake, exact: Contract, tmp_path: Path) -> None:
    """With its schema; so the tables of all layers are what they were."""
    before = {layer: lake.table(layer, "orders").version() for layer in LAYERS}
    rows = {layer: content(lake)[f"{layer}/orders"] for layer in LAYERS}
    migrated(lake, exact)
    for layer in LAYERS:
        lake.table(layer, "orders").restore(before[layer])
    assert lake.table("staged", "orders").schema().field("amount").type == "string"
    assert {layer: content(lake)[f"{layer}/orders"] for layer in LAYERS} == rows
    stage_hours(RunContext(lake, NOW, "back"), contract(tmp_path / "old"), HOURS)
    assert not broken(lake, contract(tmp_path / "old"))


@pytest.fixture
def strict(tmp_path: Path) -> Contract:
    """A contract whose gate each hour fails, with numbers as amounts."""
    found = contract(tmp_path / "contracts", "number")
    found.path.write_text(found.path.read_text().replace("value: 0.5", "value: 0.9"))
    return load_contract(found.path)


def test_published_values_are_not_lost_unless_it_is_asked_for(lake: Lake, strict: Contract) -> None:
    """What was made beside by then serves whoever asks for it."""
    before, plan = content(lake), plan_migration(lake, strict)
    assert [(one.values, one.lost) for one in plan.staged] == [(4 * (ROWS - 1), 4 * UNREAD)]
    values = r"40 of 156 values of staged/orders.amount are no number \(double\)"
    with pytest.raises(PublishedLost, match=rf"{values}; the tables .*--lose-values"):
        plan.require_nothing_lost()
    context = off_the_record(lake, strict)
    with pytest.raises(PublishedLost, match=f"{values}; 4 hours would be blocked: 2026-03-01-22"):
        migrate_tables(context, plan, OURS, reason="numbers")
    assert content(lake) == before

    made: list[int] = []
    again = plan_migration(lake, strict)
    again.require_nothing_lost()  # it is known by then
    left = migrate_tables(
        context, again, OURS, reason="numbers", lose_values=True, on_hours=made.append
    )
    assert not made
    assert outcome(lake, left, strict, ["amount"]) == Outcome(44, 0, 4, 156, {"amount": 40})


def test_an_hour_that_is_blocked_by_the_new_type_keeps_what_was_published(
    lake: Lake, strict: Contract
) -> None:
    migrated(lake, strict)
    staged = lake.table("staged", "orders").read().collect()
    assert staged.height == 4 * (ROWS - 1)
    assert staged["amount"].null_count() == 4 * UNREAD
    assert not broken(lake, strict)
    assert verify(lake, {"orders": strict}).held_back[0].hours == 4
    profiles = newest_profiles(lake, "orders").filter(pl.col("column") == "amount").collect()
    assert profiles.select("type", "nulls", "highest").unique().rows() == [
        ("number", UNREAD, "3.25")
    ]


def expired(lake: Lake, hours: HourRange) -> None:
    """Retention has taken the raw rows of hours."""
    raw = lake.table("raw", "orders")
    rows = raw.rows_by_hour(hours).with_columns(
        run_id=pl.lit("night"), at=pl.lit(NOW - timedelta(hours=1)), cause=pl.lit("retention"),
        layer=pl.lit("raw"), table=pl.lit("orders"), older_than_days=pl.lit(1.0),
        reasons=pl.lit(None),
    )  # fmt: skip
    log_deletions(lake, rows.select(list(DELETIONS)), run_id="night")
    remove_rows(raw, hours, None, metadata={})


def test_rows_of_an_hour_that_raw_has_no_more_are_profiled_in_their_new_types(
    lake: Lake, tmp_path: Path
) -> None:
    """Of a new key, too; an hour that was never judged has none."""
    first, last = HourRange.single(START), HourRange(HOURS.end, HOURS.end + timedelta(hours=1))
    expired(lake, first)
    lake.table("raw", "orders").write_hours(raw_orders(["5"], pl.String(), last), last)
    exact = contract(tmp_path / "contracts", EXACT, key="stored_at")
    migrated(lake, exact)
    assert newest_profiles(lake, "orders", last).collect().is_empty()
    (found,) = (
        newest_profiles(lake, "orders", first).filter(pl.col("column") == "amount").collect()
    ).iter_rows(named=True)
    assert (found["type"], found["nulls"], found["highest"]) == ("decimal(8, 2)", UNREAD, "3.25")
    stage_hours(RunContext(lake, NOW, "after"), exact, last)
    assert not broken(lake, exact)


def test_of_two_migrations_at_once_one_adds_what_was_found(
    lake: Lake, exact: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has just looked whether it is there."""
    context = off_the_record(lake, exact)
    plan = plan_migration(lake, exact)
    look, others = takeover.digests, list[Takeover]()

    def late(tables: Any) -> Any:
        if not others:
            others.append(Takeover(context, exact, Beside(lake, exact, (), NOW, OURS.owner)))
            others[0].run(lambda: None)
        return look(tables)

    monkeypatch.setattr(takeover, "digests", late)
    migrate_tables(context, plan, OURS, reason="prices are money", lose_values=True).remove()
    for name in JUDGEMENTS:
        added = lake.table("quality", name).read().filter(pl.col("run_id") == "migration")
        keys = [n for n in ("hour", "rule", "column") if n in added.collect_schema()]
        rows = added.select(keys).collect()
        assert rows.height == rows.n_unique() > 0, name


def test_a_migration_of_another_installation_is_left_alone(
    lake: Lake, exact: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if both begin at the same moment, in which each sees that there is none."""
    context, plan = off_the_record(lake, exact), plan_migration(lake, exact)
    say = Beside._say

    def late(ours: Beside, row: Any) -> None:
        monkeypatch.setattr(Beside, "_say", say)
        Beside(Lake(lake.uri), exact, ["raw", "staged"], NOW, "theirs")
        say(ours, row)

    monkeypatch.setattr(Beside, "_say", late)
    before = content(lake)
    for _ in range(2):
        with pytest.raises(BegunElsewhere, match=r"of theirs; nothing .* delete .*_migrations/ord"):
            migrate_tables(context, plan, OURS, reason="money", lose_values=True)
    assert content(lake) == before
    Beside(lake, exact, (), NOW, "theirs").remove()
    migrated(lake, exact)
    # Who planned it before finds nothing to do, and does no harm.
    migrate_tables(context, plan, OURS, reason="money", lose_values=True).remove()
    assert not broken(lake, exact)


@pytest.mark.parametrize("gone", [False, True])
def test_a_changed_key_has_its_duplicates_counted(
    lake: Lake, tmp_path: Path, *, gone: bool
) -> None:
    """Of the same moment one order is left; also in an hour that raw has no rows of any more."""
    first = HourRange.single(START)
    if gone:
        expired(lake, first)
    by_customer = contract(tmp_path / "contracts", key="customer")
    assert table_key(lake, "orders") == ("order_id",)
    with pytest.raises(KeyChanged, match="found rows by order_id; nothing was"):
        stage_hours(RunContext(lake, NOW, "r"), by_customer, HOURS)

    migrated(lake, by_customer)

    assert lake.table("staged", "orders").rows_by_hour()["rows"].to_list() == [5, 5, 5, 5]
    assert table_key(lake, "orders") == ("customer",)
    assert not broken(lake, by_customer)
    stage_hours(
        RunContext(lake, NOW, "r"), by_customer, HourRange(START + timedelta(hours=1), HOURS.end)
    )
    assert not broken(lake, by_customer)


def test_published_rows_are_not_lost_to_a_new_key_unless_it_is_asked_for(
    lake: Lake, tmp_path: Path
) -> None:
    """Neither those that it is repeated in nor those without; retyped, it may become either."""
    exact, same = contract(tmp_path / "exact", EXACT, key="amount"), contract(tmp_path / "same")
    assert key_loss(lake, exact) == KeyLoss(("amount",), 104, 4 * UNREAD, 156)
    assert not key_loss(lake, same)
    assert not key_loss(lake, contract(tmp_path / "whole", key="stored_at"))
    by_amount, before = contract(tmp_path / "contracts", key="amount"), content(lake)
    plan = plan_migration(lake, by_amount)
    lost = "orders: .* found 140 of 156 published rows would go by the key amount .* a key that no"
    with pytest.raises(PublishedLost, match=lost):
        plan.require_nothing_lost()
    context = off_the_record(lake, by_amount)
    with pytest.raises(PublishedLost, match=lost):
        migrate_tables(context, plan, OURS, reason="amounts")
    assert content(lake) == before


def test_hours_that_are_written_meanwhile_are_not_lost(
    lake: Lake, exact: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a run that began by the old contract."""
    more = HourRange(HOURS.end, HOURS.end + timedelta(hours=1))
    adopt, others = takeover.adopt, []

    def late(table: Any, made: Any, require: Callable[[], None], **options: Any) -> Any:
        if not others:
            other = Lake(lake.uri)
            other.table("raw", "orders").write_hours(raw_orders(["7"], pl.String(), more), more)
            other.table("raw", "orders").write_hours(
                raw_orders(["8"], pl.String(), HourRange.single(START)), HourRange.single(START)
            )
            hours = HourRange(START, more.end)
            stage_hours(RunContext(other, NOW, "o"), contract(tmp_path / "old"), hours)
            others.append(hours)
        return adopt(table, made, require, **options)

    monkeypatch.setattr(takeover, "adopt", late)
    migrated(lake, exact)
    staged = lake.table("staged", "orders")
    assert staged.read(more).collect()["amount"].cast(pl.String).unique().to_list() == ["7.00"]
    first = staged.read(HourRange.single(START)).collect()
    assert first["amount"].cast(pl.String).unique().to_list() == ["8.00"]
    assert not broken(lake, exact)


def test_others_who_never_stop_writing_leave_it_undone(
    lake: Lake, exact: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(lake)
    monkeypatch.setattr(made_tables, "_ATTEMPTS", 1)
    adopt = takeover.adopt
    hour = HourRange.single(START)

    def late(table: Any, made: Any, require: Callable[[], None], **options: Any) -> Any:
        raw = Lake(lake.uri).table("raw", "orders")
        raw.write_hours(raw.read(hour).collect(), hour)
        return adopt(table, made, require, **options)

    monkeypatch.setattr(takeover, "adopt", late)
    with pytest.raises(CommitConflict, match="orders: others kept writing its hours"):
        migrated(lake, exact)
    assert content(lake) == before


def die(lake: Lake, to: Contract, number: int) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "tests.quality.migrating", lake.uri, str(to.path), str(number)],
        check=False,
        timeout=120,
    )
    assert process.returncode == -signal.SIGKILL


#: After the first day's counts; when raw is taken over; before quarantine is; after the results.
KILLED = (-9, -19, 21, -24)
#: When some tables are taken over and others are not: no run may write them.
HALF = (-19, 21)


def test_a_killed_migration_goes_on_to_the_same_end(
    lake: Lake, texts: Path, exact: Contract, tmp_path: Path
) -> None:
    """At any commit; readers see the old table or the new one, whole, and the next run goes on."""
    shutil.copytree(texts, tmp_path / "calm")
    calm = Lake(str(tmp_path / "calm"))
    migrated(calm, exact)
    wanted = content(calm)
    whole = {layer: calm.table(layer, "orders").count() for layer in LAYERS}
    for number in KILLED:
        shutil.rmtree(lake.uri)
        shutil.copytree(texts, lake.uri)
        before = content(lake)
        die(lake, exact, number)
        now = content(lake)
        for layer in LAYERS:
            name = f"{layer}/orders"
            fresh = Lake(lake.uri).table(layer, "orders")
            assert fresh.count() in {len(before[name]), whole[layer]}, (number, layer)
            assert now[name] == before[name] or len(now[name]) == whole[layer]
        assert under_way(lake, "orders")
        fresh_lake = Lake(lake.uri)
        if number in HALF:
            with pytest.raises(TakeoverUnfinished, match=r"found raw.* and .*quarantine not yet"):
                stage_hours(RunContext(fresh_lake, NOW, "run"), exact, HOURS)
            assert content(fresh_lake) == now
        migrated(fresh_lake, exact, NOW + timedelta(hours=1))
        found = content(fresh_lake)
        for name, rows in wanted.items():
            assert found[name] == rows, (number, name)
        assert not broken(fresh_lake, exact)


def test_what_was_begun_for_another_contract_is_begun_anew(
    lake: Lake, exact: Contract, tmp_path: Path
) -> None:
    die(lake, exact, -12)
    number = contract(tmp_path / "contracts", "number")
    migrated(lake, number)
    assert lake.table("staged", "orders").schema().field("amount").type == "double"
    assert not broken(lake, number)
    assert not (tmp_path / "lake" / "_migrations" / "orders").exists()


def test_what_was_never_judged_is_rewritten_as_it_was_received(
    tmp_path: Path, exact: Contract
) -> None:
    lake = Lake(str(tmp_path / "new"))
    assert digests([lake.table("raw", "orders")]) == {}
    lake.table("raw", "orders").write_hours(raw_orders(TEXTS, pl.String()), HOURS)
    assert former_rejects.renewed_rejects(lake, exact, HOURS).is_empty()
    left = migrate_tables(
        off_the_record(lake, exact), plan_migration(lake, exact), OURS, reason="prices are money"
    )
    assert lake.tables() == [("raw", "orders")]
    assert lake.table("raw", "orders").read().collect()["amount"].null_count() == 4 * UNREAD
    assert outcome(lake, left, exact, []) == Outcome(0, 0, 0, 0, {})


def test_what_was_never_staged_shares_no_keys(tmp_path: Path) -> None:
    assert hours_that_share_keys(Lake(str(tmp_path / "lake")), contract(tmp_path)) == 0


def test_times_and_lists_become_texts_as_files_have_them(tmp_path: Path) -> None:
    columns = [one for one in contract(tmp_path).columns if one.name in {"customer", "amount"}]
    rows = pl.DataFrame({"customer": [START, None], "amount": [["a", "b"], None]})
    texts = converted(rows, columns).rows()
    assert texts == [("2026-03-01T22:00:00.000000Z", '["a", "b"]'), (None, None)]


def test_it_is_asked_for_where_there_is_something_to_do(lake: Lake, tmp_path: Path) -> None:
    same = plan_migration(lake, contract(tmp_path / "same"))
    assert not same.needed
    exact = contract(tmp_path / "exact", EXACT)
    plan = plan_migration(lake, exact)
    with pytest.raises(ArgumentError, match="reason"):
        migrate_tables(off_the_record(lake, exact), plan, OURS, reason=" ")
    with pytest.raises(ArgumentError, match="found a reference table"):
        plan_migration(lake, load_contracts([SHIPPED])["providers"])


def test_what_landed_is_rewritten_with_the_log_of_its_files(lake: Lake, tmp_path: Path) -> None:
    """A file that was loaded is known as before; what was read of it keeps its origin."""
    place, old = Place(str(tmp_path / "landing")), contract(tmp_path / "contracts")
    file = tmp_path / "landing" / "orders" / "day.csv"
    file.parent.mkdir(parents=True)
    file.write_text(
        "order_id,ordered_at,stored_at,amount,pieces\n"
        f"l-1,{START.isoformat()},{START.isoformat()},12.5,1\n"
        f"l-2,{START.isoformat()},{START.isoformat()},much,two\n"
    )
    run = RunContext(lake, NOW, "load")
    assert load_files(run, old, place, pause=0.0).hours
    exact = contract(tmp_path / "contracts", EXACT)

    migrated(lake, exact)

    landed = lake.table("landing", "orders")
    assert FileLog.read(landed).entries[0].uri == str(file)
    rows = landed.read(HOURS).sort("_line").collect()
    assert rows["amount"].cast(pl.String).to_list() == ["12.50", None]
    said = [json.loads(text or "{}") for text in rows["_unreadable"]]
    assert said[0] == {}
    assert said[1] == {"pieces": "two", "_file": str(file), "_line": 3, "amount": "much"}
    file.write_text(file.read_text().replace("12.5", "13.5"))
    assert load_files(run, exact, place, pause=0.0).hours
    assert landed.read(HOURS).collect().height == 4
    version = landed.version()
    migrated(lake, contract(tmp_path / "contracts", EXACT, key="stored_at"))
    assert landed.version() == version
