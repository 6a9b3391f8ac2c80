"""A pack's contract and models with another type: the command rewrites all that has the column."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests import warm
from tests.site.site import Site, environment, keys, parse_key

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, LAST = HOURS = keys("2026-01-18-09:00", 2)
LIBRARY = Path(__file__).parents[1] / "packs" / "library"
ROWS = 20


def loans(hour: str) -> list[dict[str, Any]]:
    start = parse_key(hour)
    return [
        {
            "loan_id": f"{hour}-{number}",
            "lent_at": start.replace(minute=number).isoformat(),
            "branch_id": "b1",
            "reader": "alice@example.com",
            "shelfmark": f"QA {number}",
            "days": 90 if number == 3 else 9 if hour == FIRST else 21,
            "stored_at": start.replace(minute=number, second=1).isoformat(),
        }
        for number in range(ROWS)
    ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    shutil.copytree(LIBRARY, tmp_path / "packs" / "library")
    packs = {"CHIMERA_PACKS": "library", "CHIMERA_PACKS_DIR": str(tmp_path / "packs")}
    made = Site(tmp_path / "home", **packs)
    yield made
    made.close()


def chimera(site: Site, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        warm.chimera(*arguments),
        capture_output=True,
        text=True,
        check=False,
        cwd=site.home,
        env=environment(site.home, **site.settings),
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_facts_and_what_is_made_of_them_follow(site: Site, tmp_path: Path) -> None:
    """Also of an hour that is blocked by then: the command says so, and has come to its end."""
    chimera(site, "source", "init")
    site.source.execute("INSERT INTO desk.branches VALUES ('b1', 'Ghent', '1990-05-01')")
    for hour in HOURS:
        site.source.insert("desk.loans", loans(hour))
    span = ("--start", "2026-01-18T09:00Z", "--end", "2026-01-18T11:00Z")
    chimera(site, "backfill", *span)
    facts = site.rows("marts/fact_loans", *HOURS)
    assert facts.height == 2 * (ROWS - 1)

    library = tmp_path / "packs" / "library"
    edit(
        library / "contracts" / "loans.odcs.yaml",
        "logicalType: integer",
        "logicalType: number\n        physicalType: numeric(2, 1)",
    )
    for model in ("marts/fact_loans", "staging/stg_loans"):
        path = library / "models" / f"{model}.yml"
        edit(path, "days, data_type: bigint", 'days, data_type: "decimal(2, 1)"')
    migrate = ("contract", "migrate", "loans", "--yes", "--reason", "half days")
    said = chimera(site, *migrate, "--lose-values", code=1)

    assert "loans: migrated" in said
    assert "21 rows rejected (`chimera quarantine list --stream loans`), 1 hour blocked." in said
    assert f"days: null in {ROWS - 1} of {2 * (ROWS - 1)} published rows." in said
    (failed,) = (line for line in said.splitlines() if line.startswith("failed conserve_loans: "))
    assert "blocked by the gate, with nothing new published" in failed, said
    assert LAST in failed
    again = "--start 2026-01-18T09:00Z --end 2026-01-18T11:00Z --stream loans"
    assert f"`chimera backfill {again}` runs these hours again." in said
    assert not list((site.home / "lake" / "_migrations").glob("*"))
    for name in ("raw/loans", "staged/loans", "marts/fact_loans"):
        assert site.rows(name, *HOURS).schema["days"] == pl.Decimal(2, 1), name
    assert site.rows("marts/fact_loans", *HOURS)["loan_id"].sort().equals(facts["loan_id"].sort())
    chimera(site, "verify")
