"""A small lake of staged rows, and dbt run over it as a user would: the ordinary command."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from chimera_assets.hours import HourRange
from chimera_assets.lake.lake import Lake
from chimera_assets.warehouse.duckdb import connect, scan_sql
from tests import warm

ROOT = Path(__file__).parents[2]
UTC_TIME = pl.Datetime("us", "UTC")

LINEAGE: dict[str, Any] = {
    "hour_partition": pl.Date,
    "hour": pl.Int32,
    "_batch_id": pl.String,
    "_ingested_at": UTC_TIME,
}
STREAMS: dict[str, dict[str, Any]] = {
    "generations": {
        "event_id": pl.String,
        "timestamp": UTC_TIME,
        "tenant_id": pl.String,
        "user_id": pl.String,
        "provider": pl.String,
        "model": pl.String,
        "prompt_length": pl.Int64,
        "response_length": pl.Int64,
        "latency_ms": pl.Float64,
        "success": pl.Boolean,
        "error_code": pl.String,
        "techniques_applied": pl.List(pl.String),
        "tokens_used": pl.Int64,
        "cost_usd": pl.Float64,
        "created_at": UTC_TIME,
        **LINEAGE,
    },
    "jailbreak_tests": {
        "test_id": pl.String,
        "timestamp": UTC_TIME,
        "tenant_id": pl.String,
        "user_id": pl.String,
        "test_type": pl.String,
        "target_provider": pl.String,
        "target_model": pl.String,
        "iterations": pl.Int64,
        "successful_mutations": pl.Int64,
        "asr_rate": pl.Float64,
        "best_prompt": pl.String,
        "created_at": UTC_TIME,
        **LINEAGE,
    },
}
PROVIDERS: dict[str, Any] = {
    "provider_id": pl.String,
    "provider_name": pl.String,
    "base_url": pl.String,
    "models": pl.List(pl.String),
    "enabled": pl.Boolean,
    "created_at": UTC_TIME,
    "updated_at": UTC_TIME,
}


def hour(text: str) -> datetime:
    """The hour `2026-01-31T05` as a datetime."""
    return datetime.fromisoformat(text + ":00:00+00:00").astimezone(UTC)


@dataclass
class Warehouse:
    """A lake with staged tables, and dbt over it."""

    lake: Lake
    target: Path

    def stage(self, stream: str, start: str, rows: list[dict[str, Any]]) -> None:
        """Replace one hour of a stream with these rows; the rest of each row is filled in."""
        moment = hour(start)
        given = {
            "timestamp": moment,
            "created_at": moment,
            "tenant_id": "acme",
            "provider": "openai",
            "model": "gpt",
            "success": True,
            "tokens_used": 1,
            "hour_partition": moment.date(),
            "hour": moment.hour,
            "_batch_id": "batch",
            "_ingested_at": moment,
        }
        schema = STREAMS[stream]
        full = [{name: {**given, **row}.get(name) for name in schema} for row in rows]
        frame = pl.DataFrame(full, schema=schema)
        self.lake.table("staged", stream).write_hours(frame, HourRange.single(moment))

    def stage_providers(self, *rows: dict[str, Any]) -> None:
        """Replace the snapshot of the providers."""
        given = {"models": ["gpt"], "enabled": True, "created_at": hour("2025-01-01T00")}
        full = [{name: {**given, **row}.get(name) for name in PROVIDERS} for row in rows]
        self.lake.table("staged", "providers").overwrite(pl.DataFrame(full, schema=PROVIDERS))

    def dbt(
        self,
        *arguments: str,
        start: str | None = None,
        end: str | None = None,
        expect: int = 0,
        **settings: str,
    ) -> str:
        """`dbt build` in a process of its own; its output. Without hours (ISO 8601): everything."""
        environment = {
            **os.environ,
            "CHIMERA_LAKE_URI": self.lake.uri,
            # Off the record: a server for each of these processes would take its time.
            "CHIMERA_HOME": str(self.target / "home"),
            "CHIMERA_SOURCE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            # What nobody reads here takes a third of a small build's time.
            "DBT_LOG_LEVEL_FILE": "none",
            "DBT_WRITE_JSON": "false",
            **settings,
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.target / "logs"),
            "PYTHONPATH": str(ROOT),
        }
        # Not by vars: dbt would parse the whole project anew for each other value.
        for name, bound in (("START", start), ("END", end)):
            if bound is not None:
                environment[f"CHIMERA_DBT_{name}_HOUR"] = bound
        command = arguments or ("build", "--exclude-resource-type", "unit_test")
        done = subprocess.run(
            warm.dbt(*command),
            cwd=ROOT / "dbt_project",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout

    def rows(self, layer: str, name: str, *sort: str) -> list[dict[str, Any]]:
        """A table's rows, sorted by some columns, and then by all that have an order."""
        frame = self.lake.table(layer, name).read().collect()
        others = [n for n, kind in frame.schema.items() if n not in sort and not kind.is_nested()]
        return (frame.sort(*sort, *others) if sort else frame).to_dicts()

    def query(self, sql: str, **tables: str) -> list[tuple[Any, ...]]:
        """A query over lake tables, given as name="layer/table"."""
        with connect(self.lake) as connection:
            for name, path in tables.items():
                layer, table = path.split("/")
                scan = scan_sql(self.lake.table(layer, table))
                connection.execute(f"create view {name} as from {scan}")
            return connection.execute(sql).fetchall()

    def manifest(self) -> dict[str, Any]:
        """What dbt knows of the project."""
        loaded: dict[str, Any] = json.loads((self.target / "manifest.json").read_text())
        return loaded


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for dbt's parsed project, so that only the first run parses."""
    return tmp_path_factory.mktemp("target")


@pytest.fixture
def warehouse(tmp_path: Path, target: Path) -> Warehouse:
    """An empty lake."""
    return Warehouse(Lake(str(tmp_path / "lake")), target)
