"""How often each fault is tried, with what dice, and what was survived.

`make test` tries each a few times; `make soak` (SOAK=1) many times, and prints a table at its end.
SEED=n throws the same dice again; a test that fails prints it.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.faults.disposable_site import DisposableSite
from tests.lake.conftest import lake
from tests.site.site import FOUR_STREAMS
from tests.sources.conftest import database, server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["database", "lake", "server"]

SOAK = os.environ.get("SOAK", "") not in {"", "0"}
SEED = int(os.environ.get("SEED", "20260116"))

_PROPERTY = "survived"


class Survived(Protocol):
    """Counts a fault as survived, so many times."""

    def __call__(self, fault: str, times: int = 1) -> None: ...


@pytest.fixture
def survived(record_property: Callable[[str, object], None]) -> Survived:
    def count(fault: str, times: int = 1) -> None:
        record_property(_PROPERTY, [fault, times])

    return count


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> Random:
    """The test's own random numbers: the same for the same SEED, whatever else is run."""
    print(f"SEED={SEED}")  # noqa: T201 - pytest shows it if the test fails
    return Random(f"{SEED}-{request.node.name}")  # noqa: S311 - no secret


@pytest.fixture(scope="session")
def disposable_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DisposableSite]:
    made = DisposableSite(
        tmp_path_factory.mktemp("site") / "home",
        CHIMERA_RETRY_SECONDS="0.2",
        CHIMERA_STREAMS=FOUR_STREAMS,
    )
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not SOAK:
        return
    counted: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == _PROPERTY:
                fault, times = value  # type: ignore[misc]
                counted[str(fault)] += int(times)
    terminalreporter.section(f"survived (SEED={SEED})")
    width = max(map(len, counted), default=0)
    terminalreporter.write_line(f"{'fault':<{width}}  {'times':>7}")
    for fault, times in sorted(counted.items()):
        terminalreporter.write_line(f"{fault:<{width}}  {times:>7,}")
