"""What retention status says of a table is what the next upkeep does to it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.lake import Lake
from chimera_assets.lifecycle.legal_holds import place
from chimera_assets.lifecycle.maintenance import maintain_lake
from chimera_assets.lifecycle.retention_status import State, next_upkeep, retention_status
from chimera_assets.packs import active_packs
from chimera_assets.packs.models import model_files
from chimera_assets.privacy.origins import ModelLineage
from chimera_assets.system_tables.batches import BATCHES, append_batches
from chimera_assets.system_tables.column_lineage import append_lineages
from chimera_assets.system_tables.legal_holds import append_hold_row
from tests.acting import acting, leave
from tests.lifecycle.orders import HOURS, ORDERS, START, rejected, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts import Contract
    from chimera_assets.lifecycle.retention_status import TableRetention

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: The first moment when the first hour of orders is past its 30 days.
PAST = START + 30 * DAY + HOUR
BY_HOUR = ("raw/orders", "staged/orders", "marts/fact_orders", "aggregates/agg_orders")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    yield home
    leave(home)


@pytest.fixture
def contracts(tmp_path: Path) -> dict[str, Contract]:
    (tmp_path / "orders.odcs.yaml").write_text(ORDERS)
    return dict(load_contracts([tmp_path]))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two hours of orders in every layer, three rows in each hour."""
    lake = Lake(str(tmp_path / "lake"))
    for name in BY_HOUR[:3]:
        lake.table(*name.split("/")).write_hours(rows(), HOURS)
    lake.table("aggregates", "agg_orders").write_hours(rows().drop("org.id"), HOURS)
    lake.table("quarantine", "orders").write_hours(rejected(), HOURS)
    return lake


def status(lake: Lake, contracts: dict[str, Contract], now: datetime) -> dict[str, TableRetention]:
    return {each.table: each for each in retention_status(lake, contracts, now)}


def counts(found: TableRetention) -> tuple[State, int | None, int | None, int | None]:
    return found.state, found.rows_due, found.rows_overdue, found.rows_held


def hold(lake: Lake, number: int, **scope: object) -> None:
    """Place a hold; of its scope what is left out is held for all."""
    whole = dict.fromkeys(("stream", "tenant_id", "start", "end"))
    said: dict[str, object] = {
        "hold_id": f"hold-{number}",
        "by": "alice",
        "reason": f"case {number}",
    }
    said["at"] = START + timedelta(minutes=number)
    append_hold_row(lake, {**whole, **scope, **said, "action": "placed"})


def test_the_hour_at_the_limit_is_kept_and_the_one_before_it_is_due(
    lake: Lake, contracts: dict[str, Contract]
) -> None:
    names = (*BY_HOUR, "quarantine/orders")
    kept = status(lake, contracts, PAST - timedelta(microseconds=1))
    assert [counts(kept[name]) for name in BY_HOUR] == [(State.COMPLIANT, 0, 0, 0)] * 4
    assert {kept[name].stated_in for name in BY_HOUR[:3]} == {"contract orders: retention"}
    own = kept["aggregates/agg_orders"]
    assert own.stated_in == "contract orders: retention of aggregates/agg_orders"
    assert {(kept[n].rows, kept[n].oldest, kept[n].newest) for n in names} == {
        (6, START, START + HOUR)
    }

    due = status(lake, contracts, PAST)
    assert [counts(due[name]) for name in BY_HOUR] == [(State.DUE, 3, 0, 0)] * 4

    cycle_later = status(lake, contracts, PAST + DAY - timedelta(microseconds=1))
    assert counts(cycle_later["raw/orders"]) == (State.DUE, 6, 0, 0)
    late = status(lake, contracts, PAST + DAY)
    assert [counts(late[name]) for name in BY_HOUR] == [(State.OVERDUE, 6, 3, 0)] * 4


def test_rejected_rows_are_due_by_when_they_were_first_rejected(
    lake: Lake, contracts: dict[str, Contract]
) -> None:
    tick = timedelta(microseconds=1)
    for after, expected in (
        (7 * DAY, (State.COMPLIANT, 0, 0, 0)),
        (7 * DAY + tick, (State.DUE, 6, 0, 0)),
        (8 * DAY, (State.DUE, 6, 0, 0)),
        (8 * DAY + tick, (State.OVERDUE, 6, 6, 0)),
    ):
        found = status(lake, contracts, START + after)["quarantine/orders"]
        assert counts(found) == expected
        assert (found.keep_days, found.counted_from) == (7, "first rejected")
        assert found.stated_in == "contract orders: quarantineDays"


def test_held_rows_are_told_by_hold_and_what_none_holds_is_overdue(
    lake: Lake, contracts: dict[str, Contract]
) -> None:
    hold(lake, 1, stream="orders", tenant_id="acme")
    hold(lake, 2, stream="orders", end=START + HOUR)
    hold(lake, 3, stream="orders", start=START + 90 * DAY)
    now = START + 100 * DAY

    found = status(lake, contracts, now)

    for name in (*BY_HOUR[:3], "quarantine/orders"):
        # Of the second hour acme's row is held, and the one of which nobody knows whose it is.
        assert counts(found[name]) == (State.OVERDUE, 6, 1, 5), name
        assert [(h.hold_id, h.by, h.reason, h.rows) for h in found[name].holds] == [
            ("hold-1", "alice", "case 1", 4),
            ("hold-2", "alice", "case 2", 3),
            ("hold-3", "alice", "case 3", 0),
        ]
    assert counts(found["aggregates/agg_orders"]) == (State.ON_HOLD, 6, 0, 6)  # has no tenants

    hold(lake, 4)
    held = status(lake, contracts, now)
    assert {held[name].state for name in (*BY_HOUR, "quarantine/orders")} == {State.ON_HOLD}
    assert held["raw/orders"].rows_held == 6


@pytest.mark.parametrize("scope", [{}, {"tenant_id": "acme"}, {"end": START + HOUR}], ids=str)
def test_what_is_due_and_not_held_is_what_upkeep_deletes(
    lake: Lake,
    contracts: dict[str, Contract],
    scope: dict[str, object],
    home: Path,
) -> None:
    now = START + 100 * DAY
    context = acting(home, lake, now, contracts=contracts)
    if scope:
        said = {"stream": None, "tenant_id": None, "start": None, "end": None} | scope
        place(context, **said, reason="case 7")
    before = status(lake, contracts, now)
    done = {each.table: each for each in maintain_lake(context)}
    after = status(lake, contracts, now)
    for name in (*BY_HOUR, "quarantine/orders"):
        told = before[name]
        assert done[name].error is None
        assert told.rows_due - told.rows_held == done[name].rows_dropped, name
        expected = State.ON_HOLD if scope else State.COMPLIANT
        assert counts(after[name]) == (expected, told.rows_held, 0, told.rows_held)


def test_tables_by_the_day_and_those_that_nothing_is_deleted_from(
    lake: Lake, contracts: dict[str, Contract]
) -> None:
    days = [START.date() + n * DAY for n in (0, 1, 2)]
    results = pl.DataFrame({"hour_partition": days, "hour": 0, "rule": "x"})
    lake.table("quality", "check_results").append(results, partition_by=["hour_partition"])
    append_batches(lake, batch(published=False))
    (lake.table("quality", "column_profiles")).append(results)  # by no day
    lake.table("quarantine", "retired").write_hours(rejected("tenant_id"), HOURS)
    now = START + 32 * DAY

    found = status(lake, contracts, now)

    assert counts(found["quality/check_results"]) == (State.OVERDUE, 2, 1, 0)
    assert found["quality/check_results"].newest == START + 2 * DAY
    for name, why in (
        ("quality/batches", "no retention is said"),
        ("quality/column_profiles", "neither by the hour nor by the day"),
        ("marts/fact_generations", "no such table yet"),  # of the pack in use
    ):
        assert found[name].state is State.NOT_EVALUATED
        assert why in found[name].not_evaluated
        assert (found[name].rows_due, found[name].next_purge) == (None, None)
    retired = found["quarantine/retired"]
    assert (retired.state, retired.stated_in) == (State.OVERDUE, "the platform: no contract says")

    hold(lake, 1, start=START + DAY)
    held = status(lake, contracts, now)["quality/check_results"]
    assert counts(held) == (State.OVERDUE, 2, 1, 1)
    hold(lake, 2, start=START)
    assert status(lake, contracts, now)["quality/check_results"].state is State.ON_HOLD


def test_the_next_purge_is_the_next_night(lake: Lake, contracts: dict[str, Contract]) -> None:
    night = datetime(2026, 3, 5, 2, 37, tzinfo=UTC)
    assert next_upkeep(night - timedelta(seconds=1)) == night
    assert next_upkeep(night) == night + DAY
    assert status(lake, contracts, night)["raw/orders"].next_purge == night + DAY


def test_a_table_that_cannot_be_read_keeps_no_other_from_it(
    lake: Lake, contracts: dict[str, Contract], tmp_path: Path
) -> None:
    (tmp_path / "lake/raw/orders/_delta_log/00000000000000000000.json").write_text("")
    found = status(Lake(lake.uri), contracts, PAST)
    assert found["raw/orders"].state is State.NOT_EVALUATED
    assert "raw/orders" in found["raw/orders"].not_evaluated
    assert found["staged/orders"].state is State.DUE


def batch(*, published: bool) -> pl.DataFrame:
    """What is kept of the first hour of orders."""
    said: dict[str, object] = dict.fromkeys(BATCHES, 3)
    said |= {"run_id": "r", "batch_id": "b", "stream": "orders", "published": published}
    said |= {"hour_partition": START.date(), "hour": START.hour, "judged_at": START + HOUR}
    return pl.DataFrame([said], schema=BATCHES)


def test_a_table_that_is_not_there_yet_is_told_from_one_that_is_gone(
    lake: Lake, contracts: dict[str, Contract]
) -> None:
    def lose(name: str) -> TableRetention:
        shutil.rmtree(Path(lake.uri, name))
        return status(Lake(lake.uri), contracts, START)[name]

    assert lose("raw/orders").state is State.NOT_EVALUATED
    append_batches(lake, batch(published=False))
    assert {lose("quarantine/orders").state, lose("staged/orders").state} == {
        State.GONE,
        State.NOT_EVALUATED,
    }
    append_batches(lake, batch(published=True))
    found = status(Lake(lake.uri), contracts, START)
    said = "it is gone, though quality/batches has {} hours of its stream"
    assert {name: one.not_evaluated for name, one in found.items() if one.state is State.GONE} == {
        "raw/orders": said.format("judged"),
        "quarantine/orders": said.format("judged"),
        "staged/orders": said.format("published"),
    }
    assert State.GONE not in {one.state for one in status(Lake(lake.uri), {}, START).values()}


def test_each_table_that_a_model_made_once_has_to_be_there(
    lake: Lake, contracts: dict[str, Contract]
) -> None:
    layers = {"marts": "marts", "aggregations": "aggregates"}
    files = [path for pack in active_packs() for path in model_files(pack)]
    models = [
        (layers[folder], path.stem) for path in files if (folder := path.parent.name) in layers
    ]
    assert {("marts", "fact_feedback"), ("marts", "dim_time")} < set(models)

    before = status(lake, contracts, START)
    assert {before["/".join(one)].not_evaluated for one in models} == {"there is no such table yet"}
    left = ("staging", "stg_feedback"), ("marts", "fact_of_no_pack")
    made = {"1": ModelLineage({}, frozenset())}
    append_lineages(lake, dict.fromkeys((*models, *left), made))
    found = status(lake, contracts, START)
    gone = {name: one.not_evaluated for name, one in found.items() if one.state is State.GONE}
    said = "it is gone, though quality/column_lineage has runs of its model"
    assert gone == {"/".join(one): said for one in models}
    only = list(retention_status(lake, contracts, START, only="marts/fact_feedback"))
    assert [(one.table, one.state) for one in only] == [("marts/fact_feedback", State.GONE)]
