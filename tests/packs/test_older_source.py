"""A source and a lake from before columns and tables came to the pack: they go on as they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import yaml

from chimera_assets.cli import run as run_chimera
from chimera_assets.contracts import contracts
from chimera_assets.lake import open_lake
from chimera_assets.postgres.connection import execute
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from chimera_assets.settings import get_settings
from chimera_assets.sources.database import connect
from tests.shipped import SHIPPED
from tests.site.site import Site, generations, keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Hours that retention has not reached, or the source would not be compared.
BEFORE, FIRST, SECOND = keys(f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}-06:00", 3)

#: The operational tables as they were first.
OLD_TABLES = """
CREATE TABLE providers (provider_id text PRIMARY KEY, provider_name text, base_url text,
    models text[], enabled bool, created_at timestamptz, updated_at timestamptz);
CREATE TABLE generations (event_id text PRIMARY KEY, timestamp timestamptz,
    tenant_id text DEFAULT 'default', user_id text, provider text, model text, prompt_length int,
    response_length int, latency_ms float8, success bool, error_code text,
    techniques_applied text[] DEFAULT '{}', tokens_used int, cost_usd float8,
    created_at timestamptz DEFAULT now());
CREATE TABLE jailbreak_tests (test_id text PRIMARY KEY, timestamp timestamptz,
    tenant_id text DEFAULT 'default', user_id text, test_type text, target_provider text,
    target_model text, iterations int, successful_mutations int, asr_rate float8,
    best_prompt text, created_at timestamptz DEFAULT now());
CREATE TABLE provider_health (check_id text PRIMARY KEY, timestamp timestamptz, provider_id text,
    status text, latency_ms float8, error_rate float8, created_at timestamptz DEFAULT now());
"""
NEW_COLUMNS = {"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
               "reasoning_tokens", "trace_id", "parent_id", "session_id", "release", "tags",
               "api_key_id"}  # fmt: skip
NEW_STREAMS = {"feedback", "price_list", "invoices", "budgets"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose operational database was made before."""
    home = tmp_path / "home"
    server = EmbeddedPostgres(home / "postgres")
    with connect(server.url("operational"), autocommit=True) as connection:
        for statement in OLD_TABLES.split(";"):
            if statement.strip():
                execute(connection, statement)
    made = Site(home, CHIMERA_START="2023-01-01")
    yield made
    made.close()
    server.release()


def old_contract(folder: Path) -> Path:
    """The contract of generations without what came later, alone in a folder."""
    said = yaml.safe_load((SHIPPED / "generations.odcs.yaml").read_text())
    table = said["schema"][0]
    table["properties"] = [one for one in table["properties"] if one["name"] not in NEW_COLUMNS]
    table["quality"] = [
        one
        for one in table["quality"]
        if not any(name in str(one.get("implementation")) for name in NEW_COLUMNS)
    ]
    folder.mkdir()
    (folder / "generations.odcs.yaml").write_text(yaml.safe_dump(said))
    return folder


def test_an_older_source_and_lake_go_on_and_get_new_columns_when_they_come(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site.source.insert("generations", [*generations(BEFORE, 20), *generations(FIRST, 20)])
    before = site.beside(CHIMERA_CONTRACTS=str(old_contract(tmp_path / "contracts")))
    for stream in NEW_STREAMS:
        site.source.execute(f"DROP TABLE {stream}")
    assert before.run(BEFORE).success
    before.close()
    for layer in ("raw", "staged"):
        columns = set(site.lake.table(layer, "generations").schema().names)
        assert not columns & NEW_COLUMNS
    known = site.content("marts/fact_generations")

    ran = site.run(FIRST)
    assert (ran.success, ran.broken_checks) == (True, [])
    assert site.content("marts/fact_generations", BEFORE).equals(known)
    for layer in ("raw", "staged", "marts"):
        name = "fact_generations" if layer == "marts" else "generations"
        rows = site.rows(f"{layer}/{name}")
        assert rows.height == 40
        assert rows.select(NEW_COLUMNS).null_count().row(0) == (40,) * len(NEW_COLUMNS)

    site.source.execute("ALTER TABLE generations ADD input_tokens bigint, ADD tags text[]")
    site.source.insert("generations", generations(SECOND, 20, input_tokens=50, tags=["beta"]))
    ran = site.run(SECOND)
    assert (ran.success, ran.broken_checks) == (True, [])
    rows = site.rows("marts/fact_generations", SECOND)
    assert set(rows["input_tokens"]) == {50}
    assert rows["release"].null_count() == 20

    monkeypatch.setenv("CHIMERA_HOME", str(site.home))
    monkeypatch.setenv("CHIMERA_START", "2023-01-01")
    _forget()
    capsys.readouterr()
    assert run_chimera(["verify", "--source"]) == 0
    assert "60 rows compared" in capsys.readouterr().out
    assert run_chimera(["contract", "check", "--source"]) == 0
    said = capsys.readouterr()
    for stream in NEW_STREAMS:
        assert f"no table {stream}, which is optional" in " ".join(said.err.split())
    _forget()


def _forget() -> None:
    for cached in (get_settings, contracts, open_lake):
        cached.cache_clear()
