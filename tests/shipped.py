"""The contracts that come with the package, as the tests use them."""

from chimera_assets.packs.active import SHIPPED_PACKS

#: Those of pack `ai`.
SHIPPED = SHIPPED_PACKS / "ai" / "contracts"
