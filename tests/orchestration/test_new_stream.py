"""A new stream is one contract file: no Python, and its assets and checks are there and work."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest

from tests.site.site import Site, parse_key

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = "2026-01-18-09:00"

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: urn:example:contract:opinions
name: Opinions
version: 1.0.0
status: active
description: {purpose: What people thought of an answer.}
team: {name: product}
slaProperties:
  - {property: freshness, value: 2, unit: h}
  - {property: retention, value: 30, unit: d}
schema:
  - name: opinions
    physicalName: app_opinions
    logicalType: object
    description: Ratings of answers.
    customProperties:
      - {property: streamKind, value: stream}
      - {property: eventTime, value: given_at}
      - {property: arrivalTime, value: stored_at}
      - {property: dataSubject, value: person}
      - {property: passRate, value: 0.9}
    properties:
      - {name: opinions_id, logicalType: string, primaryKey: true, required: true,
         classification: L1, description: Identifies the rating.}
      - {name: given_at, logicalType: timestamp, required: true, classification: L1,
         description: When it was given.}
      - {name: person, logicalType: string, classification: L3, description: Who gave it.}
      - name: stars
        logicalType: integer
        classification: L1
        description: One to five.
        quality:
          - name: stars_range
            type: custom
            engine: pandera
            implementation: {check: range, min: 1, max: 5}
            description: Between one and five.
      - {name: stored_at, logicalType: timestamp, classification: L1,
         description: When it was stored.}
      - name: price
        physicalName: Price Paid
        logicalType: number
        physicalType: numeric(12, 2)
        classification: L2
        description: What the answer cost, in euros.
        quality:
          - name: price_range
            type: custom
            engine: pandera
            implementation: {check: range, min: 0}
            description: Nothing is paid out.
      - {name: device, logicalType: string, transformLogic: about->>'device', classification: L1,
         description: Where it was given.}
"""


@pytest.fixture(scope="module")
def with_opinions(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site of somebody who put one file into the folder CHIMERA_CONTRACTS."""
    folder = tmp_path_factory.mktemp("contracts")
    (folder / "opinions.odcs.yaml").write_text(CONTRACT)
    site.source.execute(
        "CREATE TABLE app_opinions (opinions_id text, given_at timestamptz, person text, "
        'stars int, stored_at timestamptz, note text, "Price Paid" numeric, about jsonb)'
    )
    start = parse_key(HOUR)
    rows = [
        {
            "opinions_id": f"f-{number}",
            "given_at": start.replace(minute=number).isoformat(),
            "person": "alice@example.com",
            "stars": 9 if number == 3 else 1 + number % 5,
            "stored_at": start.replace(minute=number, second=1).isoformat(),
            "note": "not in the contract",
            "Price Paid": "-0.01" if number == 4 else "0.10",
            "about": {"device": f"d-{number % 3}"},
        }
        for number in range(40)
    ]
    # Hours ahead of its arrival, by which it is placed; no rule of the file speaks of it.
    rows[5]["given_at"] = (start + timedelta(hours=3)).isoformat()
    site.source.insert("app_opinions", rows)
    made = site.beside(CHIMERA_CONTRACTS=str(folder), CHIMERA_STREAMS="opinions")
    yield made
    made.close()


def test_a_contract_file_makes_assets_and_checks(with_opinions: Site) -> None:
    reported = with_opinions.process.ask("describe")
    assets = reported["assets"]
    assert {f"{layer}/opinions" for layer in ("raw", "staged", "quarantine")} <= set(assets)
    assert assets["staged/opinions"]["owners"] == ["team:product"]
    assert assets["staged/opinions"]["deps"] == ["raw/opinions"]
    assert {"opinions_id", "stars", "_batch_id"} <= set(assets["staged/opinions"]["columns"])
    of_opinions = {name for name in reported["checks"] if "opinions" in name}
    assert of_opinions == {
        "landing/opinions:files_are_sound",
        "staged/opinions:pass_rate",
        "staged/opinions:warnings",
        "staged/opinions:conservation",
        "staged/opinions:event_lag",
    }


@pytest.mark.criterion("AC-004.7")
def test_its_hours_are_taken_judged_and_staged(with_opinions: Site) -> None:
    ran = with_opinions.run(HOUR)

    assert ran.success, ran.failed
    assert ran.check("staged/opinions", "pass_rate", HOUR)["passed"]
    assert ran.check("staged/opinions", "conservation", HOUR)["passed"]
    assert not ran.check("staged/opinions", "event_lag", None)["passed"]  # it was long ago
    staged = with_opinions.rows("staged/opinions", HOUR)
    assert staged.height == 37
    assert "note" not in staged.columns
    assert staged["price"].dtype == pl.Decimal(12, 2)
    assert staged["price"].sum() == Decimal("3.70")  # and not 3.7000000000000006
    assert set(staged["device"]) == {"d-0", "d-1", "d-2"}
    rejected = with_opinions.rows("quarantine/opinions", HOUR).sort("row_key")
    reasons = [["stars_range"], ["price_range"], ["given_at_within_hour"]]
    assert rejected["reasons"].to_list() == reasons
    records = [json.loads(record) for record in rejected["record"]]
    assert (records[0]["stars"], records[1]["price"]) == (9, "-0.01")


def test_without_a_table_its_rows_come_from_files_alone(with_opinions: Site) -> None:
    with_opinions.source.execute("DROP TABLE app_opinions")
    hour = "2026-01-18-10:00"
    stars = "opinions_id,given_at,stars\nf-1,2026-01-18T10:00:00Z,5\nf-2,2026-01-18T10:30:00Z,1\n"
    with_opinions.drop("opinions/stars.csv", stars.encode())
    assert with_opinions.process.ask("land")["success"]

    ran = with_opinions.run(hour)

    assert ran.success, ran.failed
    assert with_opinions.rows("staged/opinions", hour)["stars"].to_list() == [5, 1]
