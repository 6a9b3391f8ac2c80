"""A pack's `traffic.yaml`: what its sources receive in an hour, for the simulator to make up.

    traffic = read_traffic(pack)

The file is data alone: lookup tables, the rhythm of day and week, episodes such as outages, and for
each stream how many rows an hour has and what each column holds. `docs/traffic.md` has a whole one.
"""

from __future__ import annotations

from chimera_assets.packs.traffic.definition import FILE, Traffic
from chimera_assets.packs.traffic.reading import read_traffic

__all__ = ["FILE", "Traffic", "read_traffic"]
