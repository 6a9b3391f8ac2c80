"""`chimera status` on a lake, and on none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .conftest import ROWS

if TYPE_CHECKING:
    from chimera_assets.lake import Lake

    from .conftest import Chimera


def test_a_lake_that_is_not_there_yet(chimera: Chimera) -> None:
    said = chimera("status")
    assert said.code == 0
    assert "generations" in said.out
    assert "chimera backfill" in said.err
    told = json.loads(chimera("status", "--json").out)
    assert told["tables"] == []
    assert {stream["rows"] for stream in told["streams"]} == {0}


def test_a_stream_with_a_blocked_hour(chimera: Chimera, lake_of_four_hours: Lake) -> None:
    told = json.loads(chimera("status", "--json").out)
    assert told["lake"] == lake_of_four_hours.uri
    stream = next(s for s in told["streams"] if s["stream"] == "generations")
    assert stream["last_hour"] == "2026-01-31T02:00:00Z"
    assert stream["lag_minutes"] > 0
    assert stream["late"] is True
    assert stream["rows"] == 3 * ROWS - 2
    assert stream["quarantined"] == 22
    assert stream["blocked_hours"] == 1
    assert stream["pass_rate"] == pytest.approx(1 - 22 / (4 * ROWS))
    assert stream["version"] == lake_of_four_hours.table("staged", "generations").version()
    tables = {f"{table['layer']}/{table['table']}": table for table in told["tables"]}
    assert tables["raw/generations"]["rows"] == 4 * ROWS
    assert tables["raw/generations"]["last_hour"] == "2026-01-31T03:00:00Z"
    assert tables["staged/providers"]["last_hour"] is None
    assert tables["staged/generations"]["bytes"] > 0


def test_people_see_the_same(chimera: Chimera, lake_of_four_hours: Lake) -> None:
    assert lake_of_four_hours
    said = chimera("status")
    row = next(line for line in said.out.splitlines() if line.strip().startswith("generations"))
    assert "2026-01-31 02:00" in row
    assert "(late)" in row
    assert "97.25%" in row
    assert "staged/generations" in said.out
