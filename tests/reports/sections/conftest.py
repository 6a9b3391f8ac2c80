from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chimera_assets.contracts import contracts
from chimera_assets.lake import open_lake
from chimera_assets.settings import get_settings
from tests.acting import leave
from tests.reports.sections.installation import Installation, made

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One for all stories, which leave it as it is."""
    home = tmp_path_factory.mktemp("sections") / "home"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CHIMERA_DATABASE_URL", "CHIMERA_SOURCE_DATABASE_URL", "CHIMERA_LAKE_URI"):
            patch.delenv(name, raising=False)
        patch.setenv("CHIMERA_HOME", str(home))
        patch.setenv("CHIMERA_STREAMS", "generations,providers")
        _forget()
        yield made(home)
        leave(home)
    _forget()


def _forget() -> None:
    for cached in (get_settings, contracts, open_lake):
        cached.cache_clear()
