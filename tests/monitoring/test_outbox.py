"""Messages wait for destinations that are down, and go once to those that are up."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from chimera_assets.monitoring.alerts import outbox
from chimera_assets.monitoring.alerts.conditions import AlertState
from chimera_assets.monitoring.alerts.messages import Message
from chimera_assets.monitoring.alerts.outbox import Destination, State, deliver, put
from chimera_assets.orchestration.instance.home import keep_value, kept_value

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 1, 31, 3, tzinfo=UTC)
FIRST, SECOND, THIRD = (Message("gate", f"title {n}", f"body {n}") for n in (1, 2, 3))


@contextmanager
def listening(port: int, heard: list[str], refuses: str = "") -> Iterator[None]:
    """A destination that is up, and answers 503 to one title."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            refused = body["title"] == refuses
            if not refused:
                heard.append(body["title"])
            self.send_response(503 if refused else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:  # type: ignore[override]
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def other_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def at(port: int) -> Destination:
    return Destination(f"json://127.0.0.1:{port}/s3cr3t")


def test_a_destination_that_is_down_gets_everything_later_and_others_nothing_twice(
    port: int, other_port: int
) -> None:
    up, down = at(port), at(other_port)
    state, kept, heard, later = State(AlertState(NOW)), [], [], []
    put(state, [FIRST, SECOND], [up, down])
    with listening(port, heard):
        sent, failed = deliver(state, [up, down], now=NOW, keep=kept.append)
        assert (sent, len(failed)) == (2, 1)
        assert failed[0].startswith("destination 2 (json://...) did not take a message")
        assert "s3cr3t" not in failed[0]
        assert heard == ["title 1", "title 2"]
        assert [one.to for one in state.pending] == [[down.name]] * 2

        put(state, [THIRD], [up, down])
        sent, failed = deliver(state, [up, down], now=NOW + timedelta(seconds=1), keep=kept.append)
        assert (sent, failed) == (1, [])  # the one that is down is left alone for a while
    with listening(other_port, later):
        sent, _ = deliver(state, [up, down], now=NOW + timedelta(minutes=1), keep=kept.append)
    assert (sent, later, heard) == (3, ["title 1", "title 2", "title 3"], later)
    assert state.pending == []
    assert state.resting == {}


def test_each_message_taken_is_written_down_before_the_next_is_sent(port: int) -> None:
    state, heard = State(AlertState(NOW)), []
    put(state, [FIRST, SECOND, THIRD], [at(port)])
    left: list[list[str]] = []

    def keep(changed: State) -> None:
        left.append([one.title for one in changed.pending if one.to])

    with listening(port, heard, refuses="title 3"):
        deliver(state, [at(port)], now=NOW, keep=keep)
    assert left[:3] == [["title 2", "title 3"], ["title 3"], ["title 3"]]
    assert heard == ["title 1", "title 2"]


def test_a_destination_rests_longer_each_time_but_not_for_ever(port: int) -> None:
    state, now = State(AlertState(NOW)), NOW
    put(state, [FIRST], [at(port)])
    rests = []
    for _ in range(9):
        deliver(state, [at(port)], now=now, keep=lambda _: None)
        until = state.resting[at(port).name].until
        rests.append((until - now).total_seconds())
        now = until
    assert 15 <= rests[0] <= 30
    assert 30 <= rests[1] <= 60
    assert all(450 <= rest <= 900 for rest in rests[5:])


def test_a_destination_that_is_taken_out_of_the_settings_holds_nothing_back(port: int) -> None:
    state = State(AlertState(NOW))
    put(state, [FIRST], [at(port), at(port + 1)])
    heard: list[str] = []
    with listening(port, heard):
        deliver(state, [at(port)], now=NOW, keep=lambda _: None)
    assert state.pending == []


def test_what_waits_is_bounded_and_the_oldest_go_first(port: int) -> None:
    state = State(AlertState(NOW))
    many = [Message("gate", f"title {n}", "") for n in range(outbox.MOST_PENDING + 3)]
    assert put(state, many, [at(port)]) == 3
    assert state.pending[0].title == "title 3"


def test_the_state_outlives_the_process_and_holds_no_secrets(port: int) -> None:
    state = State(AlertState(NOW))
    put(state, [FIRST], [at(port)])
    deliver(state, [at(port)], now=NOW, keep=lambda _: None)
    with dg.instance_for_test() as instance:
        assert outbox.load(instance, NOW).reported.since == NOW - timedelta(hours=1)
        outbox.save(instance, state)
        outbox.save(instance, state)  # a second time replaces the first
        assert outbox.load(instance, NOW) == state
        assert "s3cr3t" not in str(instance.daemon_cursor_storage.get_cursor_values({outbox._KEY}))


def test_the_state_of_an_earlier_release_is_read() -> None:
    with dg.instance_for_test() as instance:
        kept = {"told": {"since": NOW.isoformat(), "stale": ["generations"]}}
        keep_value(instance, outbox._KEY, json.dumps(kept))
        assert outbox.load(instance, NOW).reported.stale == ["generations"]
        outbox.save(instance, outbox.load(instance, NOW))
        assert json.loads(kept_value(instance, outbox._KEY) or "")["told"]["stale"]


@pytest.mark.parametrize("url", ["json://user:s3://cr3t@hooks.example.com", "slack://s3cr3t"])
def test_of_a_destination_people_are_told_no_more_than_its_kind(url: str) -> None:
    destination = Destination(url)
    assert destination.scheme in {"json://...", "slack://..."}
    assert "cr3t" not in destination.name
