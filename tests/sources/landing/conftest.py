"""A landing place, in a folder and in a real S3 over HTTP, and a lake beside it."""

from __future__ import annotations

import gzip
import json
import os
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.lake import Lake
from chimera_assets.lake.s3_access import s3_client, s3_options
from chimera_assets.lake.storage import is_s3
from chimera_assets.run_context import RunContext
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing import Loaded, Place, load_files
from chimera_assets.sources.landing.limits import Limits
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chimera_assets.contracts import Contract

OLD = 3600.0

#: Limits that no file of a test meets unless it says so.
LIMITS = Limits(rows=10_000_000, unpacked_bytes=2**30)


@lru_cache(maxsize=1)
def contract() -> Contract:
    return load_contracts([SHIPPED])["generations"]


def event(number: int, **changes: Any) -> dict[str, Any]:
    """A generation as a gateway writes it into a file."""
    return {
        "event_id": f"e-{number}",
        "timestamp": f"2026-01-31T05:{number // 60 % 60:02}:{number % 60:02}Z",
        "tenant_id": "acme",
        "provider": "openai",
        "model": "m-1",
        "success": True,
        "tokens_used": number,
        "created_at": "2026-01-31T05:59:59Z",
    } | changes


def json_lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@dataclass
class Landing:
    """What a user has: a place to drop files, and what became of them."""

    root: str
    lake: Lake

    def drop(self, name: str, content: bytes, age: float = OLD) -> str:
        """Write a file, `age` seconds ago; gives its URI."""
        uri = f"{self.root}/generations/{name}"
        body = gzip.compress(content) if name.endswith(".gz") else content
        if is_s3(uri):
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            s3_client(s3_options()).put_object(Bucket=bucket, Key=key, Body=body)
            return uri
        Path(uri).parent.mkdir(parents=True, exist_ok=True)
        Path(uri).write_bytes(body)
        os.utime(uri, (time.time() - age, time.time() - age))
        return uri

    def take(self, place: Place | None = None) -> Loaded:
        run = RunContext(self.lake, datetime.now(UTC), "run")
        return load_files(run, contract(), place or Place(self.root), pause=0.05)

    def rows(self) -> pl.DataFrame:
        """The landed rows, in the order of their lines."""
        table = self.lake.table("landing", "generations")
        frame = table.read().filter(pl.col("hour").is_not_null()).drop("_taken").collect()
        return frame.sort("_file", "_line")


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(str(tmp_path / "landing"), Lake(str(tmp_path / "lake")))


@pytest.fixture(params=["folder", "s3"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Landing:
    if request.param == "folder":
        return Landing(str(tmp_path / "a landing's place"), Lake(str(tmp_path / "lake")))
    made: Landing = request.getfixturevalue("in_s3")
    return made


@pytest.fixture
def in_s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Landing:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    bucket = f"landing-{uuid.uuid4().hex[:8]}"
    s3_client(s3_options()).create_bucket(Bucket=bucket)
    return Landing(f"s3://{bucket}/some/prefix", Lake(f"s3://{bucket}/lake"))


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    """Settings that a test gives are seen by it, and by none after it."""
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()
