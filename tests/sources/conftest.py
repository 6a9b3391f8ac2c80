"""A real PostgreSQL, and an empty database in it for each story."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.postgres.connection import execute
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from chimera_assets.sources.database import connect
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chimera_assets.contracts import Contract

_numbers = count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("home") / "postgres")
    server.url("operational")
    yield server
    server.release()


@pytest.fixture
def database(server: EmbeddedPostgres) -> str:
    """The URL of an empty database."""
    name = f"story_{next(_numbers)}"
    with connect(server.url("operational"), autocommit=True) as connection:
        execute(connection, f"CREATE DATABASE {name}")
    return server.cluster.url(name)


@pytest.fixture
def run(database: str) -> Callable[..., None]:
    """Runs statements in the database, as its owner."""

    def run(*statements: str) -> None:
        with connect(database, autocommit=True) as connection:
            for statement in statements:
                execute(connection, statement)

    return run


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    return load_contracts([SHIPPED])
