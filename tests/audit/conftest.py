"""An audit log in a database of somebody's own, with two logins, and a small lake beside it."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from chimera_assets.audit import AuditLog
from chimera_assets.lake import Lake
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from chimera_assets.postgres.platform.database import PlatformDatabase
from chimera_assets.settings import Settings
from tests.audit.story import Story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of somebody's own, with two logins."""
    made = EmbeddedPostgres(tmp_path_factory.mktemp("theirs") / "pg")
    for name in ("their_owner", "their_application"):
        _superuser(made, f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    yield made
    made.release()


@pytest.fixture(scope="package")
def template(server: EmbeddedPostgres) -> str:
    """A database with our tables, of which the others are copies."""
    name = "with_our_tables"
    _superuser(server, f"CREATE DATABASE {name} OWNER their_owner")
    with closing(PlatformDatabase(_named(server, name))) as database, database.transaction():
        return name


@pytest.fixture
def logins(server: EmbeddedPostgres, template: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings that name a database of theirs, with our tables."""
    yield from _fresh(server, tmp_path, template)


@pytest.fixture
def empty(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Settings]:
    """Settings that name a database of theirs in which there is nothing."""
    yield from _fresh(server, tmp_path, "template1")


def _fresh(server: EmbeddedPostgres, home: Path, template: str) -> Iterator[Settings]:
    name = f"theirs_{uuid.uuid4().hex}"
    _superuser(server, f"CREATE DATABASE {name} OWNER their_owner TEMPLATE {template}")
    yield _named(server, name).model_copy(update={"home": home / "home"})
    _superuser(server, f"DROP DATABASE {name} WITH (FORCE)")


def _named(server: EmbeddedPostgres, name: str) -> Settings:
    at = f"x@/{name}?host={server.cluster.socket_folder}"
    return Settings(
        database_url=f"postgresql://their_application:{at}",
        database_owner_url=f"postgresql://their_owner:{at}",
    )


def _superuser(server: EmbeddedPostgres, *statements: str) -> None:
    with psycopg.connect(server.url("operational"), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
def log(logins: Settings) -> Iterator[AuditLog]:
    with closing(PlatformDatabase(logins)) as database:
        yield AuditLog(database)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def story(log: AuditLog, lake: Lake, logins: Settings, tmp_path: Path) -> Story:
    """A log with a checkpoint beside the lake, for which nobody vouches yet."""
    made = Story(log, lake, logins, tmp_path)
    assert made.grow(asking=False) == []
    return made
