"""What is to be sent, kept until each destination has accepted it, and what was reported before.

Both are one value in Dagster's own storage, replaced as a whole: what is decided is written down
before anything is sent, and each accepted message before the next one is. So nothing is lost, and
only a process that dies between the two sends a message twice.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, TypeAdapter

from chimera_assets.monitoring.alerts.conditions import AlertState
from chimera_assets.monitoring.alerts.messages import Kind  # noqa: TC001 - pydantic reads it
from chimera_assets.orchestration.instance.home import keep_value, kept_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chimera_assets.monitoring.alerts.messages import Message
    from chimera_assets.orchestration.instance.home import Instance

_KEY = "chimera/notifications"

#: A destination that is down is asked again after so long, twice as long each time up to the most.
_FIRST_REST, _LONGEST_REST = timedelta(seconds=30), timedelta(minutes=15)

#: Sending takes this long in one go at most; what is left waits for the next.
_SECONDS = 30.0

#: Messages kept for destinations that never answer; older ones are dropped.
MOST_PENDING = 1_000

#: Our kinds -> those of Apprise, which choose a colour or a sign.
_TYPES: dict[Kind, str] = {
    "failure": "failure",
    "gate": "failure",
    "freshness": "warning",
    "sla": "warning",
    "upkeep": "warning",
    "late": "info",
    "report": "success",
    "success": "success",
    "resolved": "success",
}


@dataclass(slots=True)
class Pending:
    """A message and the destinations that have not accepted it yet."""

    kind: Kind
    title: str
    body: str
    to: list[str]


@dataclass(slots=True)
class Resting:
    """A destination that failed: how often in a row, and until when it is left alone."""

    failures: int
    until: datetime


@dataclass(slots=True)
class State:
    """What was reported, what is to be sent, and which destinations are down."""

    #: Stored as `told`, as earlier releases wrote it.
    reported: Annotated[AlertState, Field(alias="told")]
    pending: list[Pending] = field(default_factory=list)
    resting: dict[str, Resting] = field(default_factory=dict)


_STATE = TypeAdapter(State)


def load(instance: Instance, now: datetime) -> State:
    """The state; at the first start, runs of the last hour are reported."""
    kept = kept_value(instance, _KEY)
    if kept is None:
        return State(AlertState(since=now - timedelta(hours=1)))
    return _STATE.validate_json(kept)


def save(instance: Instance, state: State) -> None:
    """Write the state down."""
    keep_value(instance, _KEY, _STATE.dump_json(state, by_alias=True).decode())


def put(state: State, messages: Iterable[Message], destinations: Sequence[Destination]) -> int:
    """Keep messages for all destinations; gives how many old ones had to be dropped."""
    names = [one.name for one in destinations]
    state.pending += [Pending(one.kind, one.title, one.body, list(names)) for one in messages]
    dropped = max(0, len(state.pending) - MOST_PENDING)
    del state.pending[:dropped]
    return dropped


class Destination:
    """One Apprise URL.

    Args:
        url: The URL, which may hold secrets.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        #: What the state knows it by, which does not give the URL away.
        self.name = hashlib.sha256(url.encode()).hexdigest()[:16]
        #: What people know it by.
        self.scheme = f"{url.partition('://')[0]}://..."

    def send(self, message: Pending) -> bool:
        """Whether the destination accepted the message; never raises."""
        from apprise import Apprise, NotifyType  # noqa: PLC0415 - a second, only with a message

        # Its own words about failures would name the host, and at some levels the whole URL.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        try:
            service = Apprise.instantiate(self._url)
            return service is not None and bool(
                service.notify(
                    title=message.title,
                    body=message.body,
                    notify_type=NotifyType(_TYPES[message.kind]),
                )
            )
        except Exception:  # noqa: BLE001 - over a hundred services, each with errors of its own
            return False


def deliver(
    state: State,
    destinations: Sequence[Destination],
    *,
    now: datetime,
    keep: Callable[[State], None],
) -> tuple[int, list[str]]:
    """Send what waits, to each destination in order; one that fails is left alone for a while.

    Args:
        state: Changed as messages are accepted.
        destinations: Where to.
        now: The time.
        keep: Writes the state down; called after each message that was accepted or refused.

    Returns:
        How many messages were accepted, and a line for each destination that failed.
    """
    deadline = time.monotonic() + _SECONDS
    sent, failed = 0, []
    for number, destination in enumerate(destinations, 1):
        rest = state.resting.get(destination.name)
        if rest is not None and rest.until > now:
            continue
        for message in [one for one in state.pending if destination.name in one.to]:
            if time.monotonic() > deadline:
                break
            if not destination.send(message):
                rest = _rest(rest, now)
                state.resting[destination.name] = rest
                failed.append(
                    f"destination {number} ({destination.scheme}) did not take a message; "
                    f"next try at {rest.until:%H:%M:%S} UTC"
                )
                keep(state)
                break
            sent += 1
            message.to.remove(destination.name)
            state.resting.pop(destination.name, None)
            keep(state)
    _clear(state, destinations)
    keep(state)
    return sent, failed


def _rest(before: Resting | None, now: datetime) -> Resting:
    failures = before.failures + 1 if before is not None else 1
    longest = min(_LONGEST_REST, _FIRST_REST * 2 ** min(failures - 1, 10))
    return Resting(failures, now + longest * random.uniform(0.5, 1.0))  # noqa: S311


def _clear(state: State, destinations: Sequence[Destination]) -> None:
    """Forget what all destinations accepted, and destinations that are no more."""
    names = {one.name for one in destinations}
    for message in state.pending:
        message.to = [name for name in message.to if name in names]
    state.pending = [message for message in state.pending if message.to]
    state.resting = {name: rest for name, rest in state.resting.items() if name in names}
