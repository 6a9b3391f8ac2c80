"""A model that stumbles upon a value names the model and the column, and nowhere the value."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.packs.test_new_domain import HOUR, loans, run_chimera
from tests.site.site import Site, parse_key

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
MARKER = "zq7marker"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Site]:
    """The library, whose reader's name is the marker, with a model that takes names for times."""
    packs = tmp_path / "packs"
    shutil.copytree(HERE / "library", packs / "library")
    model = packs / "library" / "models" / "marts" / "fact_loans.sql"
    model.write_text(
        model.read_text().replace("*", "* replace (cast(reader as timestamptz) as lent_at)")
    )
    settings = {"CHIMERA_PACKS": "library", "CHIMERA_PACKS_DIR": str(packs)}
    made = Site(tmp_path / "home", **settings)
    run_chimera(made, "source", "init")
    made.source.execute(
        "INSERT INTO desk.branches VALUES ('b1', 'Ghent', '1990-05-01'), ('b2', 'Bruges', null)"
    )
    rows = loans(HOUR)
    for row in rows:
        row["reader"] = MARKER
    made.source.insert("desk.loans", rows)
    yield made
    made.close()


def test_a_value_that_a_model_cannot_cast_is_written_nowhere(library: Site) -> None:
    start = parse_key(HOUR)
    hours = ("--start", start.isoformat(), "--end", (start + timedelta(hours=1)).isoformat())

    done = run_chimera(library, "backfill", *hours, code=1)
    said = done.stdout + done.stderr

    assert "model fact_loans" in said
    assert "a value of column reader cannot be converted" in said
    assert MARKER not in said
    kept = [path for path in library.home.rglob("*") if path.is_file() and _is_written(path)]
    assert {"fact_loans.sql", "index.db"} <= {path.name for path in kept}
    assert any(path.name.endswith(".err") for path in kept)  # a compute log
    assert [path for path in kept if MARKER.encode() in path.read_bytes()] == []


def _is_written(path: Path) -> bool:
    """Not the places of the rows themselves, and nothing that a server still has open."""
    return not {"lake", "postgres"} & set(path.parts)
