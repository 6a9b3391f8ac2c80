"""A simulator that fills operational tables with the traffic that packs describe.

    init_source(url)
    added = simulate(url, HourRange(start, end), seed=7)

An hour's rows follow from the seed and the hour alone, so hours can be made in any order or again.
"""

from __future__ import annotations

from chimera_assets.simulator.simulate import simulate

__all__ = ["simulate"]
