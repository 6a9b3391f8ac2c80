"""Columns that no rule looks at: rules of one column, of several and of an hour count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.contracts import load_contract
from chimera_assets.contracts.rules.coverage import columns_without_rule

if TYPE_CHECKING:
    from pathlib import Path

_CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: urn:example:contract:parcels
version: 1.0.0
slaProperties:
  - {property: freshness, value: 2, unit: h}
  - {property: retention, value: 365, unit: d}
schema:
  - name: parcels
    customProperties:
      - {property: eventTime, value: sent_at}
      - {property: arrivalTime, value: stored_at}
    properties:
      - {name: parcel_id, logicalType: string, primaryKey: true, classification: L1}
      - {name: sent_at, logicalType: timestamp, classification: L1}
      - {name: stored_at, logicalType: timestamp, classification: L1}
      - {name: weight, logicalType: number, classification: L1}
      - {name: paid_weight, logicalType: number, classification: L1}
      - {name: carrier, logicalType: string, required: true, classification: L1}
      - {name: note, logicalType: string, classification: L1}
      - name: late
        logicalType: boolean
        classification: L1
        quality:
          - name: late_share
            type: custom
            engine: pandera
            implementation: {check: mean, max: 0.5}
            description: Most are on time.
    quality:
      - name: paid_for
        type: custom
        engine: pandera
        implementation: "weight <= paid_weight"
        description: No parcel is heavier than was paid for.
"""


def test_what_a_rule_reads_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "parcels.odcs.yaml"
    path.write_text(_CONTRACT)
    assert columns_without_rule(load_contract(path)) == ("stored_at", "note")
