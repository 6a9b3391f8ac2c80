"""Contracts of two streams, in one of which there are personal values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chimera_assets.contracts import load_contracts
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract

#: Column of `users` -> its classification and type, as in `generations` of which it is made.
USERS = {
    "event_id": "L1",  # text
    "provider": "L0",  # text
    "user_id": "L3",  # text
    "latency_ms": "L2",  # number
    "tokens_used": "L4",  # number
    "success": "L3",  # yes or no
    "techniques_applied": "L3",  # list of texts
    "created_at": "L3",  # time
}


@pytest.fixture
def contracts(known: dict[str, Contract]) -> dict[str, Contract]:
    """The test's own mapping of them."""
    return dict(known)


@pytest.fixture(scope="session")
def known() -> dict[str, Contract]:
    """`users`, `users_by_key` whose key is personal, and `plans`, of which all may be shown."""
    shipped = load_contracts([SHIPPED])
    columns = tuple(
        replace(column, classification=USERS[column.name])
        for column in shipped["generations"].columns
        if column.name in USERS
    )
    users = replace(shipped["generations"], stream="users", columns=columns, key=("event_id",))
    by_key = replace(users, stream="users_by_key", key=("event_id", "user_id"))
    plans = replace(shipped["providers"], stream="plans")
    return {one.stream: one for one in (users, by_key, plans)}
