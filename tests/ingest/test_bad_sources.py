"""Mistakes in sources, settings and contracts: one clear error each, and nothing half-written."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.shipped import SHIPPED
from tests.site.site import Process, generations

if TYPE_CHECKING:
    from pathlib import Path

    from tests.site.site import Site

HOUR = "2026-01-14-10:00"
TABLES = tuple(
    f"{layer}/{prefix}{stream}"
    for stream in ("generations", "jailbreak_tests", "provider_health")
    for layer, prefix in (("raw", ""), ("staged", ""), ("quarantine", ""), ("marts", "fact_"))
)

BREAK = (
    "ALTER TABLE generations RENAME COLUMN latency_ms TO latency",
    "ALTER TABLE jailbreak_tests ALTER COLUMN iterations TYPE text",
    "ALTER TABLE provider_health RENAME TO provider_probes",
)
MEND = (
    "ALTER TABLE generations RENAME COLUMN latency TO latency_ms",
    "ALTER TABLE jailbreak_tests ALTER COLUMN iterations TYPE int USING iterations::int",
    "ALTER TABLE provider_probes RENAME TO provider_health",
)


def one_line(cause: str) -> str:
    assert "\n" not in cause
    assert "Traceback" not in cause
    return cause


def test_source_tables_that_do_not_fit_are_named_with_their_columns(site: Site) -> None:
    site.source.insert("generations", generations(HOUR, 10))
    before = site.versions(*TABLES)
    for statement in BREAK:
        site.source.execute(statement)
    try:
        ran = site.run(HOUR)
    finally:
        for statement in MEND:
            site.source.execute(statement)

    assert not ran.success
    assert set(ran.failed) == {"raw/generations", "raw/jailbreak_tests", "raw/provider_health"}
    dropped = one_line(ran.failed["raw/generations"])
    assert "table generations in PostgreSQL" in dropped
    assert "latency_ms: expected number" in dropped
    assert "found no such column" in dropped
    retyped = one_line(ran.failed["raw/jailbreak_tests"])
    assert "iterations: expected integer (smallint or integer or bigint), found text" in retyped
    missing = one_line(ran.failed["raw/provider_health"])
    assert "expected a table provider_health, found none" in missing
    assert "chimera source init" in missing
    assert site.versions(*TABLES) == before
    broken = {"generations", "jailbreak_tests", "provider_health"}
    assert not broken & {asset.rpartition("/")[2] for asset, _ in ran.materialized}


@pytest.mark.criterion("AC-001.7", "AC-002.7")
def test_a_database_that_is_not_there_is_named_without_its_password(
    site: Site, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    settings = {
        "CHIMERA_SOURCE_DATABASE_URL": "postgresql://reader:s3cr3t@127.0.0.1:1/operations",
        "CHIMERA_LAKE_URI": str(lake),
        "CHIMERA_RETRY_SECONDS": "0",
    }
    process = Process(site.home, settings)
    ran = process.ask("run", first=HOUR, last=HOUR)
    failed = ran["failed"]
    process.close()

    assert len(failed) == 8
    for cause in failed.values():
        assert "PostgreSQL reader@127.0.0.1:1/operations" in one_line(cause)
        assert "CHIMERA_SOURCE_DATABASE_URL" in cause
        assert "s3cr3t" not in cause
    tried = "Try 3 of 4 failed, the next is in 0.0 s: PostgreSQL reader@127.0.0.1:1/operations"
    assert sum(line.startswith(tried) for line in ran["warnings"]) == 8
    assert "s3cr3t" not in process.log.read_text()
    assert not list(lake.rglob("*.parquet"))
    assert not list(lake.rglob("*.json"))


def test_a_lake_that_is_a_file_is_refused_before_anything_runs(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "lake"
    file.write_text("not a folder")
    greeting = Process.refused(site.home, {"CHIMERA_LAKE_URI": str(file)})
    assert greeting == {
        "error": "SettingError",
        "message": f"CHIMERA_LAKE_URI: expected a folder, found the file {file}",
    }
    assert file.read_text() == "not a folder"


def test_a_typo_in_a_contract_is_reported_with_its_line_and_what_is_known(
    site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "orders.odcs.yaml"
    shutil.copy(SHIPPED / "provider_health.odcs.yaml", path)
    text = path.read_text().replace("provider_health", "orders")
    text = text.replace("check: range", "check: rnage", 1)
    path.write_text(text)
    line = 1 + text[: text.index("rnage")].count("\n")

    greeting = Process.refused(site.home, {"CHIMERA_CONTRACTS": str(tmp_path)})

    assert greeting["error"] == "ContractError"
    assert greeting["message"].startswith(f"{path}:{line}: ")
    assert re.search(
        r"expected one of .*range.*did you mean range\?.*found.*rnage",
        one_line(greeting["message"]),
    )
