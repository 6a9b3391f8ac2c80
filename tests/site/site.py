"""A whole site: home, operational database, lake, and the process that runs its hours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from chimera_assets.hours import ONE_HOUR, HourRange, parse_key, partition_key
from chimera_assets.lake import Lake, TableNotFound
from chimera_assets.postgres.connection import execute
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from chimera_assets.sources.database import connect
from chimera_assets.sources.schema import init_source
from tests import warm
from tests.site.parsed_project import keep_parsed_project, lend_parsed_project

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

ROOT = Path(__file__).resolve().parents[2]

#: Of pack `ai`: a story that is about none of the others is a fifth faster without them.
FOUR_STREAMS = "generations,jailbreak_tests,provider_health,providers"

#: What tells one run's rows from another's, and is left out when contents are compared.
LINEAGE = ("_batch_id", "_ingested_at")


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The environment of a user who set nothing but this."""
    foreign = ("CHIMERA_", "DAGSTER_", "AWS_", "DBT_", "PYTHONDONTWRITEBYTECODE")
    kept = ("CHIMERA_POSTGRES_DIR",)
    inherited = {k: v for k, v in os.environ.items() if k in kept or not k.startswith(foreign)}
    ours = {
        "CHIMERA_HOME": str(home),
        "DAGSTER_HOME": str(ROOT),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return inherited | ours | settings


class Operational:
    """The operational database, as the people who own it use it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def init(self) -> Self:
        """Make the tables, and some providers that the world knows."""
        init_source(self.url)
        providers = [
            {
                "provider_id": name,
                "provider_name": name.title(),
                "base_url": f"https://{name}.example.com",
                "models": ["m-1", "m-2"],
                "enabled": True,
                "created_at": "2023-01-01T00:00:00Z",
                "updated_at": "2023-01-01T00:00:00Z",
            }
            for name in ("openai", "anthropic")
        ]
        if not self.execute("SELECT 1 FROM providers LIMIT 1"):
            self.insert("providers", providers)
        return self

    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows; a column that a row does not name is null."""
        self.execute(
            f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(null::{table}, $1::jsonb)",  # noqa: S608
            [json.dumps(rows)],
        )

    def execute(self, sql: str, parameters: Sequence[object] | None = None) -> list[dict[str, Any]]:
        """Run a statement and commit."""
        with connect(self.url, autocommit=True) as connection:
            return execute(connection, sql, parameters)


@dataclass(frozen=True)
class Ran:
    """What a run reported its user."""

    run_id: str
    success: bool
    failed: dict[str, str]
    checks: list[dict[str, Any]]
    materialized: list[list[str]]
    warnings: list[str]

    def check(self, asset: str, name: str, partition: str | None) -> dict[str, Any]:
        """The one evaluation of a check for a partition."""
        found = [
            one
            for one in self.checks
            if (one["asset"], one["name"], one["partition"]) == (asset, name, partition)
        ]
        assert len(found) == 1, (asset, name, partition, found)
        return found[0]

    @property
    def broken_checks(self) -> list[str]:
        """The checks that failed, without warnings, and without `event_lag`: stories are old."""
        return [
            f"{one['asset']}:{one['name']}@{one['partition']}"
            for one in self.checks
            if not one["passed"] and one["severity"] == "ERROR" and one["name"] != "event_lag"
        ]


class ProcessEndedError(AssertionError):
    """A process ended before it gave its answer."""

    def __init__(self, code: int, log: str) -> None:
        super().__init__(f"the process ended with {code}: {log}")
        self.code = code


class Process:
    """A process that answers lines of JSON with lines of JSON; by default `worker.py`."""

    def __init__(
        self, home: Path, settings: dict[str, str], module: str = "tests.site.worker"
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        packs = f"{settings.get('CHIMERA_PACKS')} {settings.get('CHIMERA_PACKS_DIR')}"
        lend_parsed_project(home, packs)
        self.log = home / f"{module}.log"
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                warm.module(module),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(home, **settings),
                cwd=home,
                text=True,
            )
        self.greeting = self.answer()
        keep_parsed_project(home, packs)

    def ask(
        self, do: str, on_step: Callable[[dict[str, Any]], None] | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """One request and its result."""
        self.tell({"do": do, **arguments})
        while "result" not in (said := self.answer()):
            if on_step is not None:
                on_step(said)
        result: dict[str, Any] = said["result"]
        return result

    def tell(self, request: dict[str, Any]) -> None:
        """Send a request."""
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps(request) + "\n")
        self.child.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The next line that it says."""
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            raise ProcessEndedError(self.child.wait(60), self.log.read_text()[-4000:])
        said: dict[str, Any] = json.loads(line)
        return said

    @classmethod
    def refused(cls, home: Path, settings: dict[str, str]) -> dict[str, Any]:
        """The words of a process that does not start with these settings."""
        process = cls(home, settings)
        process.close()
        return process.greeting

    def close(self) -> None:
        """End it, and see that it ends well."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        code = self.child.wait(60)
        assert self.child.stdout is not None
        self.child.stdout.close()
        assert code == 0, self.log.read_text()[-4000:]


class Site:
    """A home with everything in it; the embedded server is started with the first use.

    Args:
        home: CHIMERA_HOME.
        settings: Further settings.
    """

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.settings = settings
        self._process: Process | None = None
        self._server = EmbeddedPostgres(home / "postgres")
        self.source = Operational(self._server.url("operational")).init()

    @property
    def process(self) -> Process:
        """The process, started when needed."""
        if self._process is None or self._process.child.poll() is not None:
            self._process = Process(self.home, self.settings)
            greeting = self._process.greeting
            if "error" in greeting:
                self._process.close()
            assert "ready" in greeting, greeting
        return self._process

    def run(self, first: str, last: str | None = None) -> Ran:
        """Run the hours from `first` to `last`, partition keys, both included."""
        return Ran(**self.process.ask("run", first=first, last=last or first))

    def drop(self, name: str, content: bytes, age: float = 3600) -> Path:
        """Drop a file into the landing place, written `age` seconds ago."""
        path = self.home / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    def tick(self, *, run: bool = True) -> dict[str, Any]:
        """A tick of the sensor for late rows, with the runs that it asks for."""
        return self.process.ask("late", cursor=None, run=run)

    @property
    def lake(self) -> Lake:
        """The lake as a reader finds it now."""
        return Lake(str(self.home / "lake"))

    def rows(self, table: str, first: str | None = None, last: str | None = None) -> pl.DataFrame:
        """The rows of `layer/name`, of all hours or some, in an order of their own."""
        hours = HourRange.from_keys(first, last or first) if first is not None else None
        frame = self.lake.table(*table.split("/")).read(hours).collect()
        plain = [n for n, kind in frame.schema.items() if not kind.is_nested()]
        return frame.sort(plain)

    def content(self, table: str, *hours: str) -> pl.DataFrame:
        """The rows without what tells one run's from another's."""
        frame = self.rows(table, *hours).drop(*LINEAGE, strict=False)
        plain = [n for n, kind in frame.schema.items() if not kind.is_nested()]
        return frame.sort(plain)

    def count(self, table: str, *hours: str) -> int:
        """How many rows; 0 if there is no such table."""
        try:
            return self.rows(table, *hours).height
        except TableNotFound:
            return 0

    def versions(self, *tables: str) -> dict[str, int | None]:
        """The version of each table; None if there is no such table."""
        found = {name: self.lake.table(*name.split("/")) for name in tables}
        return {n: table.version() if table.exists() else None for n, table in found.items()}

    def beside(self, **settings: str) -> Site:
        """The same site with further settings, and a process of its own."""
        return Site(self.home, **(self.settings | settings))

    def close(self) -> None:
        """End the process, and leave the server."""
        if self._process is not None and self._process.child.poll() is None:
            self._process.close()
        self._server.release()


def keys(first: str, count: int) -> list[str]:
    """`count` partition keys from the first."""
    return [partition_key(parse_key(first) + n * ONE_HOUR) for n in range(count)]


def generations(hour: str, count: int, **changes: Any) -> list[dict[str, Any]]:
    """`count` good generations of an hour, ids `<hour>-<number>`, changed by `changes`."""
    start = parse_key(hour)
    stamp = f"{start:%Y-%m-%dT%H}"
    return [
        {
            "event_id": f"{stamp}-{number:04d}",
            "timestamp": f"{stamp}:{number % 60:02d}:{number // 60 % 60:02d}Z",
            "tenant_id": ("acme", "globex")[number % 2],
            "user_id": f"user-{number % 7}@example.com",
            "provider": ("openai", "anthropic")[number % 3 == 0],
            "model": f"m-{number % 2 + 1}",
            "prompt_length": 100 + number,
            "response_length": 200,
            "latency_ms": 300.0 + number % 97,
            "success": number % 10 != 0,
            "error_code": None if number % 10 else "timeout",
            "techniques_applied": [["base64"], ["base64", "roleplay"], []][number % 3],
            "tokens_used": 80 + number % 13,
            "cost_usd": 0.001 * (number % 5),
            "created_at": f"{stamp}:{number % 60:02d}:{number // 60 % 60:02d}.5Z",
        }
        | changes
        for number in range(count)
    ]
