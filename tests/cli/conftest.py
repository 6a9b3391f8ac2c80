"""The command line of a user who has a small lake with two days of their own making."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import psycopg
import pytest

from chimera_assets.cli import run
from chimera_assets.contracts import contracts, load_contracts
from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake, open_lake
from chimera_assets.packs import active_packs
from chimera_assets.postgres.databases import platform_database
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from chimera_assets.quality import stage_hours, stage_reference
from chimera_assets.run_context import RunContext
from chimera_assets.settings import get_settings
from tests import warm
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts import Contract

REPOSITORY = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 31, tzinfo=UTC)
HOURS = HourRange(START, START + timedelta(hours=4))
JUDGED = datetime(2026, 1, 31, 4, 5, tzinfo=UTC)
ROWS = 200

#: Row keys of `lake_of_four_hours` that are in quarantine; its last hour is blocked.
NEGATIVE, TWICE_WRONG = "e-0-7", "e-1-7"


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


class Chimera:
    """Runs `chimera` in this process, as `main` does."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Said:
        self._capsys.readouterr()
        code = run(arguments)
        out, err = self._capsys.readouterr()
        return Said(code, out, err)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's home, whose settings nothing before or after this test sees."""
    for name in [name for name in os.environ if name.startswith("CHIMERA_")]:
        if name != "CHIMERA_POSTGRES_DIR":  # of the session of tests
            monkeypatch.delenv(name)
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    _forget()
    yield tmp_path / "home"
    _forget()


def _forget() -> None:
    for cached in (get_settings, contracts, open_lake, active_packs):
        cached.cache_clear()


@pytest.fixture
def chimera(capsys: pytest.CaptureFixture[str]) -> Chimera:
    return Chimera(capsys)


def process(*arguments: str, cwd: Path | None = None, **environment: str) -> Said:
    """Run `chimera` as a process of its own, which has imported what it may need."""
    return _process(warm.chimera(*arguments), cwd, environment)


def cold_process(*arguments: str, **environment: str) -> Said:
    """Run `chimera` as a shell does, from nothing."""
    command = [sys.executable, "-c", "from chimera_assets.cli import main; main()", *arguments]
    return _process(command, None, environment)


def _process(command: list[str], cwd: Path | None, environment: dict[str, str]) -> Said:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        timeout=300,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def one_line(said: Said) -> str:
    """The one line that a user's mistake costs, with exit code 2 and nothing else printed."""
    assert said.code == 2, said
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    assert "Traceback" not in said.err
    return said.err.strip()


@pytest.fixture
def lake_of_four_hours(home: Path, four_hours: Path) -> Lake:
    """Three good hours with two rejected rows, and a blocked one; the test's own."""
    shutil.copytree(four_hours, home / "lake")
    return Lake(str(home / "lake"))


@pytest.fixture(scope="session")
def four_hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `lake_of_four_hours` is a copy of."""
    folder = tmp_path_factory.mktemp("four-hours") / "lake"
    lake = Lake(str(folder))
    shipped = load_contracts([SHIPPED])
    providers, generations = shipped["providers"], shipped["generations"]
    lake.table("raw", "providers").overwrite(_providers(providers))
    run = RunContext(lake, JUDGED, "first")
    stage_reference(run, providers)
    lake.table("raw", "generations").write_hours(_generations(generations), HOURS)
    stage_hours(run, generations, HOURS)
    return folder


def _providers(contract: Contract) -> pl.DataFrame:
    row = {
        "provider_id": "openai",
        "provider_name": "An example",
        "base_url": "https://api.example.com",
        "models": ["m-1"],
        "enabled": True,
        "created_at": START,
        "updated_at": START,
    }
    return pl.DataFrame([row], schema=contract.polars_schema()).with_columns(
        **_lineage("providers")
    )


def _generations(contract: Contract) -> pl.DataFrame:
    rows = [
        {
            "event_id": f"e-{hour}-{number}",
            "timestamp": START + timedelta(hours=hour, seconds=number * 10),
            "tenant_id": "acme",
            "user_id": "alice@example.com",
            "provider": "nobody" if (hour, number) == (1, 7) else "openai",
            "model": "m-1",
            "prompt_length": 100,
            "response_length": 200,
            "latency_ms": -1.0 if number == 7 and hour < 2 else 300.0,
            "success": True,
            "error_code": None,
            "techniques_applied": ["base64"],
            "tokens_used": -5 if hour == 3 and number < 20 else 80,
            "cost_usd": 0.01,
            "created_at": START + timedelta(hours=hour, seconds=number * 10 + 1),
        }
        for hour in range(4)
        for number in range(ROWS)
    ]
    frame = pl.DataFrame(rows, schema=contract.polars_schema())
    return frame.with_columns(
        hour_partition=pl.col("timestamp").dt.date(),
        hour=pl.col("timestamp").dt.hour().cast(pl.Int32),
        **_lineage("generations"),
    )


def _lineage(stream: str) -> dict[str, pl.Expr]:
    return {
        "_batch_id": pl.lit(f"20260131T040500.000000Z-{stream}"),
        "_ingested_at": pl.lit(JUDGED).cast(pl.Datetime("us", "UTC")),
        "_unreadable": pl.lit(None, dtype=pl.String),
    }


@pytest.fixture(scope="package")
def platform_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("platform") / "pg")
    server.url("chimera")
    yield server
    server.release()


@pytest.fixture
def platform(
    platform_server: EmbeddedPostgres,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """A database of the test's own, on a server that is there already; one login does both."""
    name = re.sub(r"\W+", "_", request.node.name[5:]).lower()[:60]
    with psycopg.connect(platform_server.url("chimera"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = platform_server.cluster.url(name)
    monkeypatch.setenv("CHIMERA_DATABASE_URL", url)
    get_settings.cache_clear()
    yield url
    platform_database(get_settings()).close()
