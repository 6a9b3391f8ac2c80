"""What is written down of each change to tables and holds: in the log, and beside the rows."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets import __version__
from chimera_assets.audit import Wanted, newest
from chimera_assets.contracts import load_contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.lake import Lake, LakeError
from chimera_assets.lake.size import size
from chimera_assets.lifecycle import table_changes
from chimera_assets.lifecycle.landed_files import reload_file, remove_file
from chimera_assets.lifecycle.legal_holds import (
    Hold,
    active_holds,
    holds,
    place,
    release,
    require_reason,
)
from chimera_assets.lifecycle.maintenance import maintain_lake
from chimera_assets.lifecycle.policy import Policy, policy
from chimera_assets.lifecycle.purge import Purged, purge
from chimera_assets.postgres.databases import platform_database
from chimera_assets.quality import quarantine
from chimera_assets.settings import Settings
from chimera_assets.sources.landing import Place
from tests.acting import acting, leave
from tests.lake.conftest import events
from tests.shipped import SHIPPED
from tests.sources.landing.conftest import Landing, event, json_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.audited_context import AuditedContext

START = datetime(2026, 1, 31, 22, tzinfo=UTC)
HOURS = HourRange(START, START + timedelta(hours=3))
FIRST = HourRange.single(START)
CONTRACTS = load_contracts([SHIPPED])

#: Long after all of it is past its time.
NOW = START + timedelta(days=100)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    yield home
    leave(home)


@pytest.fixture
def context(home: Path, tmp_path: Path) -> AuditedContext:
    """Two files of an hour and one of each other, kept for 90 days."""
    lake = Lake(str(tmp_path / "lake"))
    raw = lake.table("raw", "generations")
    raw.write_hours(events(HOURS).with_columns(tenant_id=pl.lit("acme")), HOURS)
    return acting(home, lake, NOW, run_id=tmp_path.name, contracts=CONTRACTS)


def on_record(home: Path, context: AuditedContext) -> list[tuple[Any, ...]]:
    """Action, resource, before, after and reason of what the story's run did, oldest first."""
    settings = Settings(home=home, database_url=None, source_database_url=None)
    found = newest(platform_database(settings), Wanted(), 1_000)[::-1]
    mine = [one for one in found if one.run_id == context.run_id]
    assert {one.actor for one in mine} <= {context.actor}
    return [(one.action, one.resource, one.before, one.after, one.reason) for one in mine]


def test_tables_changed_by_hand(home: Path, context: AuditedContext) -> None:
    table = context.lake.table("raw", "generations")
    table.append(events(FIRST).with_columns(tenant_id=pl.lit("acme")))
    assert table_changes.optimize(context, table, FIRST, ()) == {
        "files_added": 1,
        "files_removed": 2,
    }
    table_changes.optimize(context, table, None, ["event_id"])
    assert table_changes.vacuum(context, table, 8, full=True) == []
    table.append(events(FIRST))
    table_changes.restore(context, table, 4)
    assert len(table_changes.vacuum(context, table, 0, full=False)) == 6
    version = table.version()
    later = NOW + timedelta(days=40_000)
    with pytest.raises(LakeError, match="nothing to restore"):
        table_changes.restore(context, table, later)

    name = "raw/generations"
    *changes, failure = on_record(home, context)
    assert changes == [
        ("table.optimize", name, {"version": 2}, {"hours": str(FIRST), "z_order": []}, None),
        ("table.optimize", name, {"version": 3}, {"hours": "all", "z_order": ["event_id"]}, None),
        ("table.vacuum", name, {"version": 4}, {"keep_days": 8, "full": True}, None),
        ("table.restore", name, {"version": 5}, {"as_of_version": 4}, None),
        ("table.vacuum", name, {"version": 6}, {"keep_days": 0, "full": False}, None),
        ("table.restore", name, {"version": version}, {"as_of": later.isoformat()}, None),
    ]
    assert failure[:2] == ("table.restore", name)
    assert table.count() == 40
    *commits, _, _ = table.history()  # the table was made before there was a run
    assert {(one["run"], one["chimera.version"]) for one in commits} == {
        (context.run_id, __version__)
    }
    assert [one["chimera.write"] for one in commits[:2]] == ["vacuum", "vacuum"]


def test_holds(home: Path, context: AuditedContext) -> None:
    assert holds(context.lake) == []
    end = START + timedelta(hours=1)
    scope: dict[str, Any] = {"tenant_id": "acme", "start": START, "end": end}
    mine = place(context, stream="generations", reason="case 7", **scope)
    soon = dataclasses.replace(context, now=NOW + timedelta(minutes=1))
    every = place(soon, stream=None, tenant_id=None, start=None, end=None, reason="case 8")

    assert mine.hold_id.startswith("hold-20260511-")
    assert len(mine.hold_id) == len("hold-20260511-abcdef")
    assert mine == Hold(mine.hold_id, "generations", "acme", START, end, "alice", "case 7", NOW)
    assert (mine.active, mine.covers(START), mine.covers(end)) == (True, True, False)
    assert holds(context.lake) == [mine, every]
    assert active_holds(context.lake, "generations") == [mine, every]
    assert active_holds(context.lake, "providers") == [every]
    assert active_holds(context.lake, None) == [mine, every]

    later = dataclasses.replace(context, now=NOW + timedelta(hours=1))
    gone = release(later, mine.hold_id, reason="settled")
    assert gone == dataclasses.replace(
        mine, released_by="alice", release_reason="settled", released_at=later.now
    )
    assert active_holds(context.lake, "generations") == [every]
    texts = {"tenant_id": "acme", "start": START.isoformat(), "end": end.isoformat()}
    none = dict.fromkeys(("stream", "tenant_id", "start", "end"))
    mine_said = {"stream": "generations", **texts}
    assert on_record(home, context) == [
        ("hold.add", mine.hold_id, None, mine_said, "case 7"),
        ("hold.add", every.hold_id, None, none, "case 8"),
        ("hold.release", mine.hold_id, mine_said, None, "settled"),
    ]

    for attempt, said in (
        (
            lambda: release(context, mine.hold_id, reason="again"),
            f"hold {mine.hold_id}: expected one of {every.hold_id}; found one that was released",
        ),
        (
            lambda: release(context, "hold-x", reason="again"),
            f"hold hold-x: expected one of {every.hold_id}; found none of that name",
        ),
        (
            lambda: place(
                context, stream=None, tenant_id=None, start=START, end=START, reason="case 9"
            ),
            "end of the hold: expected a time after 2026-01-31-22:00, found 2026-01-31-22:00",
        ),
        (
            lambda: place(
                context, stream=None, tenant_id=" ", start=None, end=None, reason="case 9"
            ),
            "--tenant: expected the name of a tenant, found ' '",
        ),
        (
            lambda: place(
                context, stream="providers", tenant_id="a", start=None, end=None, reason="case 9"
            ),
            (
                "--tenant a: expected the contract of providers to name the column of the tenant, "
                "found none: name it there (custom property tenant), or hold the rows of every "
                "tenant"
            ),
        ),
        (lambda: require_reason(" "), "--reason: expected words, found none"),
        (
            lambda: require_reason("x" * 2_001),
            "--reason: expected at most 2,000 characters, found 2,001",
        ),
    ):
        with pytest.raises(ArgumentError) as refused:
            attempt()
        assert str(refused.value) == said
    release(context, every.hold_id, reason="settled")
    with pytest.raises(ArgumentError) as refused:
        release(context, every.hold_id, reason="again")
    assert str(refused.value) == (
        f"hold {every.hold_id}: expected a hold in force (there are none); found one that was "
        "released"
    )
    require_reason("x" * 2_000)


def test_landed_files(home: Path, context: AuditedContext, tmp_path: Path) -> None:
    landing = Landing(str(tmp_path / "landing"), context.lake)
    uri = landing.drop("a.jsonl", json_lines([event(1), event(2, tenant_id="globex")]))
    landing.take()
    contract, place_ = CONTRACTS["generations"], Place(landing.root)
    table = context.lake.table("landing", "generations")
    version = table.version()
    hour = datetime(2026, 1, 31, 5, tzinfo=UTC)
    scope: dict[str, Any] = {"stream": "generations", "start": hour, "end": None}
    others = place(context, tenant_id="initech", reason="case 7", **scope)
    held = place(context, tenant_id="globex", reason="case 7", **scope)

    for attempt in (
        lambda: remove_file(context, contract, uri, reason="wrong"),
        lambda: reload_file(context, contract, uri, place_, reason="wrong"),
    ):
        with pytest.raises(ArgumentError) as refused:
            attempt()
        assert str(refused.value) == (
            f"{uri}: expected a file of which no row is held, found rows that {held.hold_id} "
            "keeps; `chimera hold list` says why"
        )
    with pytest.raises(ArgumentError, match="expected words"):
        remove_file(context, contract, uri, reason=" ")
    release(context, held.hold_id, reason="settled")

    again = reload_file(context, contract, uri, place_, reason="wrong")
    assert (again.rows, again.entry is not None) == (2, True)
    gone = remove_file(context, contract, uri, reason="for good")
    assert (gone.rows, gone.entry) == (2, None)
    assert table.history(1)[0]["run"] == context.run_id
    changes = [one for one in on_record(home, context) if one[0].startswith("landing")]
    assert changes == [
        (
            f"landing.{action}",
            "landing/generations",
            {"file": uri, "version": version + number},
            None,
            reason,
        )
        for number, (action, reason) in enumerate((("reload", "wrong"), ("remove", "for good")))
    ]
    assert others.active


def rejected(first_seen: datetime) -> pl.DataFrame:
    """Two rows of the first hour and one of the second, with their reasons."""
    reasons = [["a"], ["a", "b"], ["b"]]
    moments = [HOURS.start, HOURS.start, HOURS.start + timedelta(hours=1)]
    made = pl.DataFrame(
        {
            "row_key": ["1", "2", "3"],
            "record": ["{}"] * 3,
            "reasons": reasons,
            "first_seen": [first_seen] * 3,
            "hour_partition": [moment.date() for moment in moments],
            "hour": [moment.hour for moment in moments],
        }
    )
    return made.select(
        (pl.col(name) if name in made.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in quarantine.SCHEMA.items()
    )


def test_a_purge(home: Path, context: AuditedContext) -> None:
    table = context.lake.table("quarantine", "generations")
    table.write_hours(rejected(START), HOURS)

    done = purge(context, "generations", 7.5)

    assert done == Purged("generations", 7.5, 3, 2, {"a": 2, "b": 2})
    plan = {"rows": 3, "hours": 2, "older_than_days": 7.5, "rules": {"a": 2, "b": 2}}
    assert on_record(home, context) == [
        ("quarantine.purge", "quarantine/generations", {"version": 1}, plan, None)
    ]
    (newest_commit,) = table.history(1)
    assert (newest_commit["run"], newest_commit["chimera.purge"]) == (context.run_id, "quarantine")
    dropped = context.lake.table("quality", "dropped")
    same = {"run_id": context.run_id, "at": NOW, "cause": "purge", "layer": "quarantine"}
    same |= {"table": "generations", "hour_partition": START.date(), "older_than_days": 7.5}
    assert dropped.read().collect().sort("hour").to_dicts() == [
        same | {"hour": 22, "rows": 2, "reasons": json.dumps({"a": 2, "b": 1})},
        same | {"hour": 23, "rows": 1, "reasons": json.dumps({"b": 1})},
    ]
    assert dropped.history(1)[0]["run"] == context.run_id


def test_a_night(home: Path, context: AuditedContext) -> None:
    table = context.lake.table("raw", "generations")
    table.append(events(FIRST).with_columns(tenant_id=pl.lit("acme")))
    young = dataclasses.replace(CONTRACTS["generations"], retention_days=100, vacuum_days=45)
    night = dataclasses.replace(
        context, now=NOW + timedelta(hours=1), contracts={"generations": young}
    )
    before = size(table)

    (done,) = maintain_lake(night)

    assert done.table == "raw/generations"
    assert (done.rows_dropped, done.hours_dropped, done.hours_held) == (20, 1, 0)
    assert (done.hours_merged, done.hours_ordered, done.hours_skipped) == (0, 0, 0)
    assert (done.files_deleted, done.bytes_freed, done.error) == (0, 0, None)
    after = size(table)
    for name in ("files", "bytes", "stored_files", "stored_bytes", "log_files", "log_bytes"):
        assert getattr(done, f"{name}_before") == getattr(before, name), name
        assert getattr(done, f"{name}_after") == getattr(after, name), name
    assert 0 < done.seconds < 100
    properties = {
        "delta.deletedFileRetentionDuration": "interval 45 days",
        "delta.logRetentionDuration": "interval 45 days",
    }
    plan = {
        "merge": 0,
        "order": 0,
        "delete_old_files": 0,
        "properties": properties,
        "checkpoint": False,
        "delete_log_files": 0,
    }
    upkeep = {"version": 3, "files": before.files, "bytes": before.bytes}
    assert on_record(home, night) == [
        (
            "retention.delete",
            "raw/generations",
            {"version": 2},
            {"rows": 20, "hours": 1, "older_than_days": 100},
            None,
        ),
        ("table.upkeep", "raw/generations", upkeep, plan, None),
    ]
    (removal,) = (one for one in table.history() if one.get("chimera.write") == "remove rows")
    assert (removal["run"], removal["chimera.retention_days"]) == (night.run_id, "100")
    assert context.lake.table("quality", "dropped").read().collect().to_dicts() == [
        {
            "run_id": night.run_id,
            "at": night.now,
            "cause": "retention",
            "layer": "raw",
            "table": "generations",
            "hour_partition": START.date(),
            "hour": 22,
            "rows": 20,
            "older_than_days": 100.0,
            "reasons": None,
        }
    ]
    kept = context.lake.table("quality", "upkeep")
    assert kept.read().collect().to_dicts() == [
        {"run_id": night.run_id, "at": night.now, **dataclasses.asdict(done)}
    ]
    assert kept.history(1)[0]["run"] == night.run_id

    foretold = list(maintain_lake(night, only="raw/generations", dry_run=True))
    assert [one.table for one in foretold] == ["raw/generations"]
    assert kept.count() == 1


def test_a_table_that_is_damaged_keeps_no_other_from_its_night(context: AuditedContext) -> None:
    broken = context.lake.table("raw", "broken")
    broken.write_hours(events(FIRST), FIRST)
    path = broken.uri + "/_delta_log/00000000000000000001.json"
    with open(path, "w") as file:  # noqa: PTH123
        file.write("")
    results = context.lake.table("quality", "batches")
    results.append(events(FIRST), partition_by=["hour_partition"])
    done = {one.table: one for one in maintain_lake(context)}
    # What upkeep itself writes to is tended last.
    assert list(done) == ["raw/broken", "raw/generations", "quality/batches"]
    assert "00000000000000000001.json is empty" in (done["raw/broken"].error or "")
    assert 0 < done["raw/broken"].seconds < 100
    assert done["raw/generations"].rows_dropped == 30


def test_how_tables_are_kept(context: AuditedContext) -> None:
    lake = context.lake
    rows = events(FIRST).with_columns(tenant_id="event_id", provider="event_id", model="event_id")
    for layer, name in (("quarantine", "generations"), ("marts", "fact_generations")):
        lake.table(layer, name).write_hours(rows, FIRST)
    lake.table("marts", "dim_model").overwrite(rows.drop(HOUR_COLUMNS))
    order = ("tenant_id", "provider", "model")
    said = "contract generations: retention"
    assert {
        f"{layer}/{name}": policy(lake.table(layer, name), CONTRACTS)
        for layer, name in lake.tables()
    } == {
        "raw/generations": Policy("generations", (), 7, 90, None, said),
        "quarantine/generations": Policy("generations", (), 7, 90, 7, f"{said[:-9]}quarantineDays"),
        "marts/fact_generations": Policy("generations", order, 7, 90, None, said),
        "marts/dim_model": Policy(None, (), 7, None),
    }
