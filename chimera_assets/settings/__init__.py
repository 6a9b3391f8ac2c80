"""Every setting, its environment variable, its embedded default."""

from chimera_assets.settings.model import PREFIX, SECRETS, Settings, split_urls
from chimera_assets.settings.reading import get_settings

__all__ = ["PREFIX", "SECRETS", "Settings", "get_settings", "split_urls"]
