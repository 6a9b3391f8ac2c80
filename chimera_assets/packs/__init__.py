"""Packs: a domain each, as a folder of data and no Python.

A pack holds the contracts of its streams, the dbt models over them, and the DDL of its operational
tables. `CHIMERA_PACKS` says which packs are used. They come with the package, in this folder, or
from `CHIMERA_PACKS_DIR`.
"""

from chimera_assets.packs.active import active_packs
from chimera_assets.packs.errors import PackError
from chimera_assets.packs.pack import Pack

__all__ = ["Pack", "PackError", "active_packs"]
