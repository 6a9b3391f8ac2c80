"""The position: whatever the source, the ticks and the crashes do, no row is lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera_assets.hours import HourRange
from chimera_assets.ingest.watermark import Extraction, Landed, Watermark, advanced
from chimera_assets.sources.arrivals import Arrivals, Arrived, Moment
from chimera_assets.sources.snapshot import Snapshot

START = datetime(2026, 1, 31, tzinfo=UTC)
HOURS = tuple(START + timedelta(hours=n) for n in range(3))
KEYS = 4


@dataclass
class Transaction:
    """One that runs: its id and that of its subtransaction, and what it has written."""

    xid: int
    writes: dict[int, tuple[int, datetime]] = field(default_factory=dict)


@dataclass
class Server:
    """PostgreSQL, as far as snapshots go: rows by key, and the (sub)transaction of each."""

    next_xid: int = 100
    last_ended: int = 99
    running: list[Transaction] = field(default_factory=list)
    rows: dict[int, tuple[int, datetime]] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)

    def begin(self) -> None:
        self.running.append(Transaction(self._xid()))

    def write(self, which: int, key: int, hour: datetime, *, savepoint: bool) -> None:
        if any(key in other.writes for other in self.running):
            return  # it would wait for the other's end
        transaction = self.running[which % len(self.running)]
        xid = self._xid() if savepoint else transaction.xid
        transaction.writes[key] = (xid, hour)

    def end(self, which: int, *, commit: bool) -> None:
        transaction = self.running.pop(which % len(self.running))
        own = [transaction.xid, *(xid for xid, _ in transaction.writes.values())]
        self.last_ended = max(self.last_ended, *own)
        if commit:
            self.rows |= transaction.writes

    def snapshot(self) -> Snapshot:
        xmax = self.last_ended + 1
        # Top-level ids only, as PostgreSQL tells them.
        listed = [one.xid for one in self.running if one.xid < xmax]
        text = f"{min(listed, default=xmax)}:{xmax}:{','.join(map(str, sorted(listed)))}"
        return Snapshot.parse(text)

    def _xid(self) -> int:
        self.next_xid += 1
        return self.next_xid - 1


def look(server: Server, since: Moment | None) -> Arrivals:
    """What `arrivals.py` finds by SQL."""
    now = Moment(server.snapshot(), "one", 1, frozenset({1}), START)
    floor = since.snapshot.floor(now.snapshot) if since is not None else 0
    hours: dict[datetime, Arrived] = {}
    for xid, hour in server.rows.values():
        if xid >= floor:
            known = hours.get(hour)
            newest = max(xid, known.newest) if known is not None else xid
            hours[hour] = Arrived(1, newest, None, None)
    return Arrivals(now, since, floor, hours=hours)


@dataclass
class Running:
    """An extraction that has read the source and has not committed: what it will write."""

    extraction: Extraction
    rows: dict[int, tuple[int, datetime]]
    begun: int
    arrived: dict[int, datetime]


@dataclass
class Raw:
    """Raw's log and rows; a commit takes the place of its hours."""

    states: list[Watermark | None] = field(default_factory=lambda: [None])
    rows: dict[datetime, dict[int, int]] = field(default_factory=dict)
    written: list[frozenset[datetime]] = field(default_factory=list)

    def moved(self, arrived: dict[int, datetime], hours: frozenset[datetime]) -> set[datetime]:
        return {
            hour
            for hour in hours
            for key in self.rows.get(hour, {})
            if key in arrived and arrived[key] != hour
        }

    def begin(self, server: Server, hours: HourRange) -> Running:
        state = self.states[-1]
        found = look(server, state.moment if state else None)
        arrived = {key: hour for key, (xid, hour) in server.rows.items() if xid >= found.floor}
        moved = frozenset(self.moved(arrived, frozenset(self.rows)))
        extraction = Extraction(hours, found, moved, Landed())
        return Running(extraction, dict(server.rows), len(self.states), arrived)

    def commit(self, running: Running) -> None:
        beside = frozenset().union(*self.written[running.begun - 1 :])
        moved = running.extraction.moved | self.moved(running.arrived, beside)
        state = self.states[-1] or Watermark()
        watermark = advanced(state, replace(running.extraction, moved=moved))
        # What is kept with the commit is text.
        self.states.append(Watermark.from_json(watermark.to_json()))
        self.written.append(frozenset(running.extraction.hours))
        for hour in running.extraction.hours:
            self.rows[hour] = {k: xid for k, (xid, at) in running.rows.items() if at == hour}

    def late(self, server: Server) -> frozenset[datetime]:
        """What the sensor asks for."""
        state = self.states[-1]
        if state is None:
            return frozenset()
        found = look(server, state.moment)
        return (found.beyond(state.moment) or frozenset()) & state.extracted | state.pending


@dataclass
class World:
    """A source, raw, and the extractions on their way from one to the other."""

    server: Server = field(default_factory=Server)
    raw: Raw = field(default_factory=Raw)
    extractions: list[Running] = field(default_factory=list)

    def do(self, action: str, which: int, key: int, hour: int) -> None:
        if action in {"end", "abort", "write", "savepoint"} and not self.server.running:
            return
        if action in {"commit", "crash"} and not self.extractions:
            return
        getattr(self, action)(which, key, HOURS[hour])

    def begin(self, which: int, key: int, hour: datetime) -> None:
        self.server.begin()
        if which % 2:
            self.server.write(-1, key, hour, savepoint=False)

    def write(self, which: int, key: int, hour: datetime) -> None:
        self.server.write(which, key, hour, savepoint=False)

    def savepoint(self, which: int, key: int, hour: datetime) -> None:
        self.server.write(which, key, hour, savepoint=True)

    def end(self, which: int, _key: int, _hour: datetime) -> None:
        self.server.end(which, commit=True)

    def abort(self, which: int, _key: int, _hour: datetime) -> None:
        self.server.end(which, commit=False)

    def insert(self, which: int, key: int, hour: datetime) -> None:
        """A whole transaction."""
        self.server.begin()
        self.server.write(-1, key, hour, savepoint=which % 2 == 1)
        self.server.end(-1, commit=True)

    def take(self, which: int, _key: int, hour: datetime) -> None:
        hours = HourRange(hour, hour + timedelta(hours=1 + which % 2))
        self.extractions.append(self.raw.begin(self.server, hours))

    def commit(self, which: int, _key: int, _hour: datetime) -> None:
        self.raw.commit(self.extractions.pop(which % len(self.extractions)))

    def crash(self, which: int, _key: int, _hour: datetime) -> None:
        self.extractions.pop(which % len(self.extractions))

    def run(self, which: int, key: int, hour: datetime) -> None:
        """A whole extraction."""
        self.take(which, key, hour)
        self.commit(-1, key, hour)

    def tick(self, which: int, _key: int, _hour: datetime) -> None:
        """The sensor asks, and what it asked for has read the source."""
        if late := sorted(self.raw.late(self.server)):
            hours = HourRange.single(late[which % len(late)])
            self.extractions.append(self.raw.begin(self.server, hours))


DEEDS = ("begin", "write", "savepoint", "end", "abort", "insert", "take", "commit", "crash", "run")
ACTIONS = st.tuples(
    st.sampled_from((*DEEDS, "tick", "end", "commit", "take")),
    st.integers(0, 3),
    st.integers(0, KEYS - 1),
    st.integers(0, len(HOURS) - 1),
)


@pytest.mark.criterion("AC-002.1", "AC-002.5")
@settings(max_examples=400, derandomize=True)
@given(st.lists(ACTIONS, min_size=20, max_size=50))
def test_no_interleaving_loses_a_row_and_all_of_them_settle(
    actions: list[tuple[str, int, int, int]],
) -> None:
    world = World()
    for action in actions:
        world.do(*action)
    server, raw = world.server, world.raw
    while server.running:
        server.end(0, commit=True)
    for one in world.extractions:
        raw.commit(one)

    # The schedule takes every hour once; then nothing but the sensor asks.
    for hour in set(HOURS) - (raw.states[-1] or Watermark()).extracted:
        raw.commit(raw.begin(server, HourRange.single(hour)))

    rounds = 0
    while late := raw.late(server):
        rounds += 1
        assert rounds <= 3, "hours are asked for again and again"
        for hour in late:
            raw.commit(raw.begin(server, HourRange.single(hour)))

    for hour in (raw.states[-1] or Watermark()).extracted:
        assert raw.rows[hour] == {k: xid for k, (xid, at) in server.rows.items() if at == hour}


def test_a_row_that_moves_out_of_an_hour_while_that_hour_is_written_is_not_left_there() -> None:
    world, (first, second, _) = World(), HOURS
    world.run(0, 0, second)
    world.insert(0, 0, first)
    early = world.raw.begin(world.server, HourRange.single(first))
    world.insert(0, 0, second)
    late = world.raw.begin(world.server, HourRange.single(second))
    world.raw.commit(early)
    world.raw.commit(late)

    assert world.raw.late(world.server) == {first}


def test_whoever_looked_first_and_commits_last_owes_its_hours() -> None:
    world, (first, second, _) = World(), HOURS
    world.run(1, 0, first)
    slow = world.raw.begin(world.server, HourRange.single(first))
    world.insert(0, 0, first)
    world.run(0, 0, second)
    assert world.raw.late(world.server) == {first}
    world.raw.commit(slow)

    assert world.raw.late(world.server) == {first}
    world.run(0, 0, first)
    assert world.raw.late(world.server) == set()
