"""Two hours of orders of three tenants, also rejected ones, and the contract of their stream."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl

from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.quality import quarantine

START = datetime(2026, 1, 31, tzinfo=UTC)
HOURS = HourRange(START, START + timedelta(hours=2))

#: A row an hour of each; nobody knows whose the last one is.
ORGS = ("acme", "globex", None)

ORDERS = """\
apiVersion: v3.2.0
kind: DataContract
id: urn:example:contract:orders
name: Orders
version: 1.0.0
status: active
slaProperties:
  - {property: freshness, value: 2, unit: h}
  - {property: retention, value: 30, unit: d}
  - {property: retention, value: 30, unit: d, element: aggregates/agg_orders}
schema:
  - name: orders
    logicalType: object
    customProperties:
      - {property: eventTime, value: at}
      - {property: arrivalTime, value: at}
      - {property: tenant, value: org.id}
    properties:
      - {name: order_id, logicalType: string, primaryKey: true, required: true, classification: L1}
      - {name: at, logicalType: timestamp, classification: L1}
      - {name: org.id, logicalType: string, classification: L1}
"""


def rows(**more: object) -> pl.DataFrame:
    """A row an hour and tenant, in a table that names it as the contract does."""
    return pl.DataFrame(
        [
            {
                "order_id": f"{hour:%H}-{org}",
                "org.id": org,
                "hour_partition": hour.date(),
                "hour": hour.hour,
                **more,
            }
            for hour in HOURS
            for org in ORGS
        ],
        schema_overrides={"hour": pl.Int32},
    )


def rejected(name: str = "org.id") -> pl.DataFrame:
    """The same, in quarantine."""
    records = [json.dumps({name: org}) for _ in HOURS for org in ORGS]
    return rows(first_seen=START).select(
        pl.col(column).cast(kind)
        if column in (*HOUR_COLUMNS, "first_seen")
        else pl.Series(column, records)
        if column == "record"
        else pl.lit(None, kind).alias(column)
        for column, kind in quarantine.SCHEMA.items()
    )
