"""What stories in several folders use: a site, and an S3."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.site.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent

pytest_plugins = ["pytester", "tests.criteria.plugin"]

#: Folders with long stories. They begin first, so that no core is idle while the last one ends.
LONG = {
    "cli", "deploy", "faults", "ingest", "monitoring", "orchestration", "packs", "quality",
    "reconciliation", "warehouse",
}  # fmt: skip


#: Nothing is said of how long an example may take: a busy machine is no fault of ours.
hypothesis.settings.register_profile("ours", deadline=None)
hypothesis.settings.load_profile("ours")

#: With SHUFFLE=1 files, and the tests of each, come in an order of chance; SEED=n gives one again.
SHUFFLE = os.environ.get("SHUFFLE", "") not in {"", "0"}
SEED = os.environ.get("SEED", "20260116")


def pytest_report_header() -> str | None:
    """Say in which order tests come, if not in their own."""
    return f"shuffled by SEED={SEED}" if SHUFFLE else None


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Root's embedded servers keep their data apart from homes, here for one session of tests."""
    if os.geteuid() == 0 and not hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="chimera-tests-")
        Path(folder).chmod(0o711)
        os.environ["CHIMERA_POSTGRES_DIR"] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long stories first, each file's tests in the order in which it has them; or shuffled."""
    if SHUFFLE:
        _shuffle(items)
    else:
        items.sort(key=lambda item: item.path.relative_to(HERE).parts[0] not in LONG)


def _shuffle(items: list[pytest.Item]) -> None:
    """In an order of chance, the tests of a file together: they share what takes long to make."""
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    chance = random.Random(SEED)  # noqa: S311 - no secret
    chance.shuffle(files)
    for tests in files:
        chance.shuffle(tests)
    items[:] = [test for tests in files for test in tests]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for the stories that leave it as they found it, each with hours of its own."""
    made = Site(tmp_path_factory.mktemp("site") / "home")
    yield made
    made.close()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of a real S3 over HTTP, with no bucket in it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"no S3 server at {url}")
