"""Orders as files and a source give them, and their contract, whose types and key change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.contracts import load_contract
from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import HourRange

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.contracts import Contract

START = datetime(2026, 3, 1, 22, tzinfo=UTC)
#: Four hours of two days.
HOURS = HourRange(START, START + timedelta(hours=4))
JUDGED = HOURS.end + timedelta(hours=1)
ROWS = 40

_CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: urn:example:contract:orders
version: 1.0.0
slaProperties:
  - {property: freshness, value: 2, unit: h}
  - {property: retention, value: 365, unit: d}
schema:
  - name: orders
    customProperties:
      - {property: eventTime, value: ordered_at}
      - {property: arrivalTime, value: stored_at}
      - {property: passRate, value: 0.5}
    properties:
      - {name: order_id, logicalType: string, primaryKey: true, required: true, classification: L1}
      - {name: ordered_at, logicalType: timestamp, required: true, classification: L1}
      - {name: stored_at, logicalType: timestamp, required: true, classification: L1}
      - {name: customer, logicalType: string, classification: L3}
      - {name: amount, logicalType: TYPE, classification: L1}
      - {name: pieces, logicalType: integer, required: true, classification: L1}
"""


def contract(folder: Path, amount: str = "string", *, key: str = "order_id") -> Contract:
    """The contract with a type of the amount, and a key."""
    text = _CONTRACT.replace("TYPE", amount)
    if key != "order_id":
        text = text.replace("primaryKey: true, ", "")
        text = text.replace(f"name: {key}, ", f"name: {key}, primaryKey: true, ")
    path = folder / "orders.odcs.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return load_contract(path)


def raw_orders(amounts: list[Any], kind: pl.DataType, hours: HourRange = HOURS) -> pl.DataFrame:
    """Orders of each hour, with these amounts one after the other; the seventh has no pieces."""
    rows = [
        {
            "order_id": f"o-{hour:%H}-{number}",
            "ordered_at": hour + timedelta(seconds=number),
            "stored_at": hour + timedelta(seconds=number + 1),
            "customer": f"c{number % 5}-{hour:%H}@example.com",
            "amount": amounts[number % len(amounts)],
            "pieces": None if number == 7 else number,
            "hour_partition": hour.date(),
            "hour": hour.hour,
            "_batch_id": "20260301T000000.000000Z-orders",
            "_ingested_at": HOURS.end,
            "_unreadable": None,
        }
        for hour in hours
        for number in range(ROWS)
    ]
    time = pl.Datetime("us", "UTC")
    schema: dict[str, Any] = {
        "order_id": pl.String,
        "ordered_at": time,
        "stored_at": time,
        "customer": pl.String,
        "amount": kind,
        "pieces": pl.Int64,
        **HOUR_TYPES,
        "_batch_id": pl.String,
        "_ingested_at": time,
        "_unreadable": pl.String,
    }
    return pl.DataFrame(rows, schema=schema)
