"""A simulator that fills the operational database with the traffic of an AI gateway.

    init_source(url)
    added = simulate(url, HourRange(start, end), seed=7)

Every figure is invented, the providers and models too: nothing here says how any product behaves.
An hour's rows follow from the seed and the hour alone, so hours can be made in any order or again.
"""

from __future__ import annotations

from chimera_assets.simulator.simulate import simulate

__all__ = ["simulate"]
