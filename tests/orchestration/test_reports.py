"""A period's report: asked for once it is published, again after late hours, told to recipients."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.audit import Wanted, newest
from chimera_assets.postgres.platform.database import PlatformDatabase
from chimera_assets.reports.periods import last_over
from chimera_assets.reports.store import Store
from chimera_assets.settings import Settings
from tests.monitoring.receivers import receiver
from tests.site.site import Site, generations, keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.monitoring.receivers import Received

DAY, NEXT = "2025-09-08", "2025-09-09"
HOURS = keys(f"{DAY}-00:00", 24)
DAILY = "compliance_report_daily"


@pytest.fixture(scope="module")
def told() -> Iterator[Received]:
    with receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def me(site: Site, told: Received) -> Iterator[Site]:
    """The shared site, with a process whose alerts are heard here."""
    beside = site.beside(
        CHIMERA_NOTIFY_URLS=told.url.replace("http", "json"),
        CHIMERA_UI_URL="http://chimera:3000",
    )
    beside.process.ask("tick")  # of what others did
    yield beside
    beside.close()


def heard(me: Site, told: Received) -> list[dict[str, Any]]:
    """What is told anew; not whether other streams are fresh."""
    before = len(told.requests)
    me.process.ask("tick")
    said = [json.loads(body) for *_, body in told.requests[before:]]
    return [one for one in said if "report" in one["title"]]


def look(me: Site, cursor: str | None, at: str) -> dict[str, Any]:
    return me.process.ask("report_look", cursor=cursor, at=f"{at}+00:00")


def ran(me: Site, asked: list[Any]) -> dict[str, Any]:
    """A run that a sensor asked for, made as the daemon makes it."""
    key, run_key, tags = asked
    made = {**tags, "dagster/partition": key, "dagster/run_key": run_key}
    return me.process.ask("report_run", tags=made)


@pytest.fixture(scope="module")
def day(me: Site) -> Site:
    """A day without its last hour."""
    me.source.insert("generations", generations(HOURS[3], 30))
    assert me.run(HOURS[0], HOURS[22]).success
    return me


@pytest.mark.criterion("006.3")
def test_a_report_waits_for_its_hours_and_late_ones_make_a_revision(
    day: Site, told: Received
) -> None:
    me = day
    # An hour of three streams lacks: it is waited for, and after a day it is not.
    waiting = look(me, None, f"{NEXT}T00:02:00")
    assert waiting["asked"] == []
    assert waiting["said"] == f"{DAY}: waits for 3 hours of its streams until 2025-09-10 00:00Z"
    grace = look(me, waiting["cursor"], "2025-09-09T23:59:00")
    assert grace["asked"] == []
    over = look(me, waiting["cursor"], "2025-09-10T00:00:00")
    asked = over["asked"][0]
    assert (asked[0], asked[2]["chimera/actor"]) == (DAY, f"system:sensor {DAILY}")

    built = ran(me, asked)
    assert built["status"] == "SUCCESS"
    (shown,) = built["metadata"]
    name = f"daily-{DAY}.r1"
    store = Store(me.lake)
    assert (shown["report"], shown["revision"], shown["hours lacking"]) == (name, 1, 3)
    assert shown["place"] == store.place(store.find(name))
    idle = look(me, over["cursor"], "2025-09-10T00:05:00")
    assert DAY not in json.loads(idle["cursor"])["due"]

    # The hour comes. Whoever still waits asks once, and not while the run is on its way.
    me.source.insert("generations", generations(HOURS[23], 30))
    assert me.run(HOURS[23]).success
    published = look(me, waiting["cursor"], f"{NEXT}T00:10:00")
    assert [key for key, *_ in published["asked"]] == [DAY]
    again = look(me, published["cursor"], f"{NEXT}T00:15:00")
    assert (again["asked"], again["said"]) == ([], f"{DAY}: its run was asked for")

    # Whoever has the report asks for it again.
    after = look(me, idle["cursor"], "2025-09-10T05:00:00")
    second = next(one for one in after["asked"] if one[0] == DAY)
    assert second[1] != asked[1]
    (changed,) = ran(me, second)["metadata"]
    assert (changed["report"], changed["new"]) == (f"daily-{DAY}.r2", True)
    assert changed["figures changed"] > 0
    assert changed["hours lacking"] == 0

    first, revised = heard(me, told)
    assert first["title"] == f"Chimera: report {name} was built"
    assert first["message"] == (
        f"It is in {shown['place']}\nVerify it: chimera report verify {name}\n"
        f"Run: http://chimera:3000/runs/{built['run_id']}"
    )
    assert revised["title"] == f"Chimera: report daily-{DAY}.r2 was built"


@pytest.mark.criterion("006.2")
def test_any_range_is_built_on_demand_and_a_failure_is_told_without_what_it_says(
    day: Site, told: Received
) -> None:
    me = day
    wanted = {"period": f"{DAY}..2025-09-10", "tenant": "acme", "zone": "Europe/Berlin"}

    built = me.process.ask("report_run", tags={}, config=wanted)

    assert built["status"] == "SUCCESS"
    name = built["tags"]["chimera/report"]
    assert name.startswith("range-2025-09-08-to-2025-09-10-europe-berlin-tenant-acme-")
    assert built["tags"]["chimera/report_place"].endswith(f"/{wanted['period']}/{name}")
    assert [one["title"] for one in heard(me, told)] == [f"Chimera: report {name} was built"]

    failed = me.process.ask("report_run", tags={}, config=wanted | {"tenant": "initech"})
    assert failed["status"] == "FAILURE"
    (said,) = heard(me, told)
    assert said["title"].startswith("Chimera: report range-2025-09-08-to-2025-09-10-")
    assert said["title"].endswith(" failed")
    assert "build_report: tenant: expected one of whom the lake has rows" in said["message"]
    assert not {"acme", "globex"} & set(said["message"].split())

    settings = Settings(home=me.home, database_url=None, source_database_url=None)
    with closing(PlatformDatabase(settings)) as database:
        entries = newest(database, Wanted(action="report.run"), 3)
    assert [one.run_id for one in entries[:3]] == [
        failed["run_id"],  # that it failed
        failed["run_id"],
        built["run_id"],
    ]
    assert entries[0].after == {"failed": "StepFailure"}
    assert entries[1].resource == "job compliance_report"

    # The sensor itself, of the week that ended: after the grace time its report names every hour.
    ticked = me.process.ask("report_tick")
    first = last_over("weekly", datetime.now(UTC))
    if datetime.now(UTC) >= first.hours.end + timedelta(hours=24):
        assert ticked["asked"] == [first.first.isoformat()]
    assert list(json.loads(ticked["cursor"])["due"]) == [first.first.isoformat()]
