"""The lake of this process."""

from functools import lru_cache

from chimera_assets.lake import Lake
from chimera_assets.settings import get_settings


@lru_cache(maxsize=1)
def open_lake() -> Lake:
    """The lake that the settings name; one object, so that its tables keep their snapshots."""
    return Lake(get_settings().resolved_lake_uri)
