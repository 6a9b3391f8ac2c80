"""No gap: transactions, ticks and killed extractions in any order, on a real server.

`tests/ingest/test_watermark_interleavings.py` tries the rule in far more orders, without a server.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import partition_key
from chimera_assets.ingest.late_rows import Known, backlog
from chimera_assets.ingest.watermark import NO_HOURS
from chimera_assets.ingest.watermark_commits import current_watermark
from chimera_assets.lake import Lake
from chimera_assets.postgres.connection import execute
from chimera_assets.sources.database import connect
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.sources.schema import init_source
from tests.faults.conftest import SOAK
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from random import Random

    from adbc_driver_postgresql import dbapi

    from tests.faults.conftest import Survived

EXTRACTOR = Path(__file__).with_name("extractor.py")
STORIES, DEEDS = 60 if SOAK else 4, 60
START = datetime(2026, 1, 31, tzinfo=UTC)
HOURS = tuple(START + timedelta(hours=n) for n in range(8))
KEYS = tuple(f"e-{n}" for n in range(24))
EXTRACTORS, TRANSACTIONS = 2, 4
#: A row's arrival may be now, long ago, or what the application makes of it.
ARRIVALS = ("now()", "clock_timestamp()", "'2026-01-31T09:00Z'", "'2026-02-10T00:00Z'", "NULL")

WRITE = """
    INSERT INTO generations (event_id, timestamp, provider, model, success, tokens_used, created_at)
    VALUES ('{key}', '{hour}', 'openai', 'm-1', true, {value}, {arrival})
    ON CONFLICT (event_id) DO UPDATE SET timestamp = excluded.timestamp,
        tokens_used = excluded.tokens_used, created_at = {kept}
"""


class Transaction:
    """A transaction of the application's own, and the keys that others would wait for."""

    def __init__(self, connection: dbapi.Connection) -> None:
        self.connection = connection
        self.keys: set[str] = set()


class Extractor:
    """A process that takes hours, and that can be lost."""

    def __init__(self, url: str, uri: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(EXTRACTOR), url, uri],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.busy = False

    def take(self, first: datetime, last: datetime) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{partition_key(first)} {partition_key(last)}\n")
        self._process.stdin.flush()
        self.busy = True

    def wait(self) -> None:
        """Until what it takes is taken."""
        if self.busy:
            assert self._process.stdout is not None
            if self._process.stdout.readline() != "taken\n":
                pytest.fail(self._process.communicate()[1])
        self.busy = False

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


class World:
    """A source with running transactions, a lake, and processes that take from one to the other."""

    def __init__(self, url: str, uri: str, dice: Random, stack: ExitStack) -> None:
        self.url, self.lake = url, Lake(uri)
        self._dice, self._stack = dice, stack
        self._contract = load_contracts([SHIPPED])["generations"]
        self._writes = self.crashes = 0
        self._running: list[Transaction] = []
        self._extractors = [Extractor(url, uri) for _ in range(EXTRACTORS)]
        self._now(HOURS[0])

    def close(self) -> None:
        for extractor in self._extractors:
            extractor.kill()

    def begin(self) -> None:
        if len(self._running) < TRANSACTIONS:
            connection = self._stack.enter_context(connect(self.url))
            self._running.append(Transaction(connection))
            self.write()

    def write(self) -> None:
        """A row is made or changed; in a savepoint or not."""
        free = sorted(set(KEYS).difference(*(one.keys for one in self._running)))
        if not free or not self._running:
            return
        transaction, key = self._dice.choice(self._running), self._dice.choice(free)
        transaction.keys.add(key)
        self._writes += 1
        arrival = self._dice.choice(ARRIVALS)
        sql = WRITE.format(
            key=key,
            hour=self._dice.choice(HOURS).isoformat(),
            value=self._writes,
            arrival=arrival,
            kept=self._dice.choice((arrival, "generations.created_at")),
        )
        savepoint = ["SAVEPOINT here"] * self._dice.randrange(2)
        for statement in [*savepoint, sql]:
            execute(transaction.connection, statement)

    def commit(self) -> None:
        if self._running:
            self._ended().connection.commit()

    def abort(self) -> None:
        if self._running:
            self._ended().connection.rollback()

    def _ended(self) -> Transaction:
        return self._running.pop(self._dice.randrange(len(self._running)))

    def take(self) -> None:
        """The schedule asks for an hour, or a backfill for two."""
        first = self._dice.randrange(len(HOURS) - 1)
        self._take(HOURS[first], HOURS[first + self._dice.randrange(2)])

    def tick(self) -> None:
        """The sensor asks for an hour that is late."""
        if late := self.late():
            hour = self._dice.choice(late)
            self._take(hour, hour)

    def _take(self, first: datetime, last: datetime) -> None:
        extractor = self._dice.choice(self._extractors)
        extractor.wait()
        extractor.take(first, last)

    def crash(self) -> None:
        """Whatever it is at is lost, at any instant."""
        number = self._dice.randrange(EXTRACTORS)
        if self._extractors[number].busy:
            time.sleep(self._dice.uniform(0, 0.15))
            self._extractors[number].kill()
            self._extractors[number] = Extractor(self.url, self.lake.uri)
            self.crashes += 1

    def late(self) -> list[datetime]:
        known = Known.of(self.lake, "generations", datetime.now(UTC))
        with PostgresSource(self.url).now(self._contract) as now:
            return sorted(backlog(self.lake, self._contract, known, now).wanted)

    def settle(self) -> int:
        """Nothing runs any more, no hour is new, and only the sensor asks; how often it had to."""
        while self._running:
            self.commit()
        for extractor in self._extractors:
            extractor.wait()
        watermark = current_watermark(self.lake, "generations")
        for hour in set(HOURS) - (watermark.extracted if watermark is not None else NO_HOURS):
            self._now(hour)
        rounds = 0
        while late := self.late():
            rounds += 1
            assert rounds <= 3, "hours are asked for again and again"
            for hour in late:
                self._now(hour)
        return rounds

    def _now(self, hour: datetime) -> None:
        self._take(hour, hour)
        for extractor in self._extractors:
            extractor.wait()

    def source_rows(self) -> dict[str, tuple[datetime, int]]:
        """Hour and value of each key that the source has."""
        with connect(self.url) as connection:
            rows = execute(connection, "SELECT event_id, timestamp, tokens_used FROM generations")
        return {one["event_id"]: (one["timestamp"], one["tokens_used"]) for one in rows}

    def raw_rows(self) -> list[tuple[str, datetime, int]]:
        """Key, hour and value of each row that raw has."""
        rows = self.lake.table("raw", "generations").read()
        return rows.select("event_id", HOUR_START, "tokens_used").collect().rows()


@pytest.fixture(params=range(STORIES))
def story(request: pytest.FixtureRequest) -> int:
    """The story's number, by which the dice fall otherwise."""
    return int(request.param)


@pytest.mark.criterion("AC-002.6")
@pytest.mark.timeout(3600 if SOAK else 300)
@pytest.mark.usefixtures("story")
def test_no_interleaving_loses_a_row(
    database: str, tmp_path: Path, dice: Random, survived: Survived
) -> None:
    init_source(database)
    with ExitStack() as stack:
        world = World(database, str(tmp_path / "lake"), dice, stack)
        stack.callback(world.close)
        deeds = [world.begin, world.write, world.commit, world.take] * 2
        deeds += [world.write, world.abort, world.tick, world.crash]
        for _ in range(DEEDS):
            deed = dice.choice(deeds)
            print(deed.__name__)  # noqa: T201 - pytest shows the story if it fails
            deed()
        survived("late rows: hours asked for by ticks until all was settled", world.settle())
        survived("SIGKILL while rows are taken into raw", world.crashes)
        expected = [(key, *rest) for key, rest in world.source_rows().items()]
        assert sorted(world.raw_rows()) == sorted(expected)
