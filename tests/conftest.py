"""What stories in several folders use: a site, and an S3."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import hypothesis
import pytest

from chimera_assets.lake.s3_access import s3_client, s3_options
from tests.site.site import FOUR_STREAMS, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SHUFFLE = os.environ.get("SHUFFLE", "")  # a number: tests in the random order of that seed

pytest_plugins = ["pytester", "tests.criteria.plugin"]

#: Folders with long stories. They begin first, so that no core is idle while the last one ends.
LONG = {
    "cli", "deploy", "faults", "ingest", "monitoring", "orchestration", "packs", "quality",
    "reconciliation", "warehouse",
}  # fmt: skip

#: Nothing is said of how long an example may take: a busy machine is no fault of ours.
hypothesis.settings.register_profile("ours", deadline=None)
hypothesis.settings.load_profile("ours")


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
    """Long stories first, each file's tests in the order in which it has them; or all shuffled."""
    items.sort(key=_shuffled if SHUFFLE else _long_first)


def pytest_report_header() -> str:
    return f"in random order: SEED={SHUFFLE}" if SHUFFLE else ""


def _long_first(item: pytest.Item) -> bool:
    return item.path.relative_to(HERE).parts[0] not in LONG


def _shuffled(item: pytest.Item) -> list[float]:
    """Folders, files of a folder and tests of a file in an order, the same in all workers."""
    path = item.path.relative_to(HERE)
    parts = (path.parent, path, item.nodeid)
    return [Random(f"{SHUFFLE} {part}").random() for part in parts]  # noqa: S311 - no secret


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for the stories that leave it as they found it, each with hours of its own."""
    # Hours of any time, in any order of the stories: none of them is before the first.
    made = Site(
        tmp_path_factory.mktemp("site") / "home",
        CHIMERA_START="2023-01-01",
        CHIMERA_STREAMS=FOUR_STREAMS,
    )
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


@pytest.fixture
def aws(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The AWS environment of a user whose S3 is the moto server; gives its endpoint."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return s3_endpoint


@pytest.fixture
def bucket(aws: str) -> str:
    assert aws
    name = f"lake-{uuid.uuid4().hex[:8]}"
    s3_client(s3_options()).create_bucket(Bucket=name)
    return name


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"no S3 server at {url}")
