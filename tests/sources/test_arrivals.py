"""What arrived since a moment, reported by a real server, whatever its clients do."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from chimera_assets.hours import HourRange
from chimera_assets.postgres.connection import execute
from chimera_assets.sources.database import connect
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.sources.schema import init_source
from tests.acting import as_login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adbc_driver_postgresql import dbapi

    from chimera_assets.contracts import Contract
    from chimera_assets.sources.arrivals import Arrivals, Moment

SPAN = HourRange(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))


class Client:
    """A connection of the application's own, which commits when it is asked to."""

    def __init__(self, connection: dbapi.Connection) -> None:
        self._connection = connection

    def do(self, *statements: str) -> None:
        for statement in statements:
            execute(self._connection, statement)

    def insert(self, name: str, hour: int, created_at: str = "now()") -> None:
        self.do(
            "INSERT INTO generations (event_id, timestamp, created_at) VALUES "  # noqa: S608
            f"('{name}', '2026-01-31 {hour:02}:30Z', {created_at})"
        )

    def commit(self) -> None:
        self._connection.commit()


@pytest.fixture
def client(database: str) -> Iterator[Callable[[], Client]]:
    init_source(database)
    with ExitStack() as stack:
        yield lambda: Client(stack.enter_context(connect(database)))


class Source:
    """The stream `generations`, asked what arrived."""

    def __init__(self, database: str, contract: Contract) -> None:
        self.database, self.contract = database, contract

    def moment(self) -> Moment:
        now = self.arrivals(None).now
        assert now is not None
        return now

    def arrivals(self, since: Moment | None) -> Arrivals:
        with PostgresSource(self.database).now(self.contract) as now:
            return now.arrivals(since, SPAN)

    def hours(self, since: Moment | None) -> dict[int, int]:
        """Hour of the day -> rows that arrived."""
        return {h.hour: one.rows for h, one in self.arrivals(since).hours.items()}


@pytest.fixture
def source(database: str, contracts: dict[str, Contract]) -> Source:
    return Source(database, contracts["generations"])


@pytest.mark.criterion("AC-002.1")
def test_a_transaction_that_began_before_and_committed_after_is_seen(
    source: Source, client: Callable[[], Client]
) -> None:
    slow, quick = client(), client()
    quick.insert("early", 1)
    quick.commit()
    slow.insert("slow", 2)
    quick.insert("quick", 3)
    quick.commit()
    taken = source.moment()
    assert source.hours(taken) == {}

    slow.commit()

    # `quick` comes after the slow one, and might have been a part of it: it is asked for once more.
    assert source.hours(taken) == {2: 1, 3: 1}
    assert source.hours(source.moment()) == {}


def test_rows_after_a_savepoint_are_seen_though_no_snapshot_lists_them(
    source: Source, client: Callable[[], Client]
) -> None:
    slow, other = client(), client()
    slow.insert("top", 1)
    slow.do("SAVEPOINT one")
    slow.insert("inner", 2)
    slow.do("RELEASE one", "SAVEPOINT two")
    slow.insert("gone", 3)
    slow.do("ROLLBACK TO two")
    other.insert("other", 4)
    other.commit()  # so that the snapshot reaches beyond the subtransactions
    taken = source.moment()

    slow.commit()

    assert source.hours(taken) == {1: 1, 2: 1, 4: 1}


def test_what_runs_on_asks_for_nothing_until_it_ends(
    source: Source, client: Callable[[], Client]
) -> None:
    forever, other = client(), client()
    forever.insert("forever", 1)
    moments = []
    for hour in (2, 3):
        other.insert(f"other-{hour}", hour)
        other.commit()
        moments.append(source.moment())

    assert source.hours(moments[0]) == {3: 1}
    assert source.hours(moments[1]) == {}
    forever.commit()
    assert source.hours(moments[1])[1] == 1


def test_neither_times_nor_updates_hide_a_row(source: Source, client: Callable[[], Client]) -> None:
    app = client()
    for hour in (1, 2, 3):
        app.insert(f"row-{hour}", hour)
    app.commit()
    taken = source.moment()

    app.insert("set by the application", 4, "'2026-01-31 04:31Z'")
    app.insert("from the future", 5, "'2030-01-01 00:00Z'")
    app.insert("unknown arrival", 6, "NULL")
    app.do("UPDATE generations SET tokens_used = 5 WHERE event_id = 'row-1'")
    app.do("UPDATE generations SET timestamp = '2026-01-31 07:30Z' WHERE event_id = 'row-2'")
    app.do("DELETE FROM generations WHERE event_id = 'row-3'")
    app.commit()

    assert source.hours(taken) == {1: 1, 4: 1, 5: 1, 6: 1, 7: 1}


def test_frozen_rows_are_old_and_new_ones_new(
    source: Source, client: Callable[[], Client], run: Callable[..., None]
) -> None:
    app = client()
    app.insert("old", 1)
    app.commit()
    taken = source.moment()
    app.insert("new", 2)
    app.commit()

    run("VACUUM (FREEZE) generations", "VACUUM (FULL, FREEZE) generations")

    assert source.hours(taken) == {2: 1}


def test_a_partition_that_was_filled_before_it_was_attached_is_seen(
    source: Source, client: Callable[[], Client], run: Callable[..., None]
) -> None:
    app = client()
    app.do(
        "CREATE TABLE whole (LIKE generations) PARTITION BY RANGE (timestamp)",
        "CREATE TABLE january PARTITION OF whole"
        " FOR VALUES FROM ('2026-01-31 00:00Z') TO ('2026-01-31 12:00Z')",
        "CREATE TABLE february (LIKE generations)",
        "INSERT INTO january (event_id, timestamp) VALUES ('a', '2026-01-31 01:30Z')",
        "INSERT INTO february (event_id, timestamp) VALUES ('b', '2026-01-31 13:30Z')",
        "DROP TABLE generations",
        "ALTER TABLE whole RENAME TO generations",
    )
    app.commit()
    taken = source.moment()

    run(
        "ALTER TABLE generations ATTACH PARTITION february"
        " FOR VALUES FROM ('2026-01-31 12:00Z') TO ('2026-02-28 00:00Z')"
    )

    assert source.hours(taken) == {13: 1}
    assert source.hours(source.moment()) == {}


def test_another_history_is_noticed_and_every_row_counts(
    source: Source, client: Callable[[], Client]
) -> None:
    app = client()
    app.insert("row", 1)
    app.commit()
    here = source.moment()
    elsewhere = dataclasses.replace(here, server="another")
    ahead = dataclasses.replace(here.snapshot, xmax=here.snapshot.xmax + 1000)
    put_back = dataclasses.replace(here, snapshot=ahead)

    for known in (elsewhere, put_back):
        found = source.arrivals(known)
        assert found.restarted
        assert found.beyond(known) == {datetime(2026, 1, 31, 1, tzinfo=UTC)}
        # Another run may have taken in what this one compares itself with: it cannot tell, then.
        assert source.arrivals(here).beyond(known) is None


def test_a_user_who_may_not_ask_whose_server_it_is_still_learns_what_arrived(
    source: Source, client: Callable[[], Client], run: Callable[..., None]
) -> None:
    app = client()
    app.insert("row", 1)
    app.commit()
    whole = source.moment()
    run(
        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
        "CREATE USER onlooker PASSWORD 'reads'",
        "GRANT SELECT ON generations TO onlooker",
    )
    reader = Source(as_login(source.database, "onlooker", "reads"), source.contract)
    assert whole.server
    assert reader.moment().server is None
    app.insert("late", 2)
    app.commit()

    assert reader.hours(whole) == {2: 1}
    run("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")


def test_a_view_has_no_versions(source: Source, client: Callable[[], Client]) -> None:
    app = client()
    app.do(
        "ALTER TABLE generations RENAME TO stored",
        "CREATE VIEW generations AS SELECT * FROM stored",
    )
    app.commit()

    found = source.arrivals(None)

    assert (found.now, found.hours, found.beyond(None)) == (None, {}, None)


def test_rows_are_placed_as_an_extraction_places_them(
    source: Source, client: Callable[[], Client]
) -> None:
    app = client()
    taken = source.moment()
    app.do(
        "INSERT INTO generations (event_id, timestamp, created_at) VALUES"
        " ('no time', NULL, '2026-01-31 04:59Z'), ('endless', 'infinity', '2026-01-31 04:59Z'),"
        " ('ahead', '2026-01-31 06:10Z', '2026-01-31 04:59Z'),"
        " ('a little', '2026-01-31 05:04Z', '2026-01-31 04:59Z'),"
        " ('in no hour', NULL, NULL), ('nor this', 'infinity', '-infinity'),"
        " ('too old', '0044-03-15 BC', 'infinity')"
    )
    app.commit()

    assert source.hours(taken) == {4: 3, 5: 1}
    with PostgresSource(source.database).now(source.contract) as now:
        day = HourRange(SPAN.start + timedelta(days=30), SPAN.start + timedelta(days=31))
        counted = now.rows_by_hour(day)
    of_hours = {day.start + timedelta(hours=4): 3, day.start + timedelta(hours=5): 1}
    assert counted == dict.fromkeys(day, 0) | of_hours
