"""`chimera source url` and `psql`: the databases, for people who want to look into them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.terminal import notes
from chimera_assets.errors import ArgumentError, ChimeraError
from chimera_assets.postgres.address import describe, split_password
from chimera_assets.postgres.databases import platform_database, source_database_url
from chimera_assets.postgres.embedded import passwords
from chimera_assets.postgres.embedded.server import (
    PLATFORM_DATABASE,
    SOURCE_DATABASE,
    embedded_server,
)
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from chimera_assets.audit.log import Change
    from chimera_assets.settings import Settings

_EMBEDDED = (
    "This is the embedded server, which runs only while something uses it, as `chimera up` does; "
    "`chimera source psql` keeps it running."
)


def show_url(*, platform: bool, with_password: bool, now: datetime) -> int:
    """Print the URL of the operational or the platform's database.

    Nothing is started for it. With the password it is access, and goes on the record.

    Raises:
        AuditError: That cannot be recorded.
        ChimeraError: The embedded server was never started, or the URL cannot be used.
    """
    settings = get_settings()
    url = settings.database_url if platform else settings.source_database_url
    if url is None:
        cluster = embedded_server(settings).cluster
        if not cluster.data.exists():
            msg = (
                f"{cluster.root}: expected an embedded server, found none yet; `chimera source "
                "init` makes it"
            )
            raise ChimeraError(msg)
        login = passwords.APPLICATION if platform else passwords.SUPERUSER
        url = cluster.url(PLATFORM_DATABASE if platform else SOURCE_DATABASE, login)
        notes().print(_EMBEDDED, markup=False, soft_wrap=True)
    without, _ = _split(url, platform=platform)
    if with_password:
        with _opened("source.url", without, now):
            sys.stdout.write(url + "\n")
    else:
        sys.stdout.write(without + "\n")
    return 0


def psql(arguments: Sequence[str], *, platform: bool, now: datetime) -> int:
    """Run `psql` in the operational or the platform's database; gives its exit code.

    This process stays a user of the embedded server, so that it runs until `psql` ends. That it was
    opened is on the record, what is done in it is not.

    Raises:
        AuditError: It cannot be recorded.
        ChimeraError: There is no `psql`, or the database's URL cannot be used.
    """
    settings = get_settings()
    url = _platform_url(settings) if platform else source_database_url(settings)
    address, password = _split(url, platform=platform)
    secret = {"PGPASSWORD": password} if password is not None else {}
    program = _program()
    with _opened("source.psql", address, now):
        # The password is not among the arguments, which every user of the machine can see.
        child = subprocess.Popen([program, address, *arguments], env={**os.environ, **secret})  # noqa: S603
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for psql
        try:
            return child.wait()
        finally:
            signal.signal(signal.SIGINT, before)


def _opened(action: str, url: str, now: datetime) -> AbstractContextManager[Change]:
    return command_context(now).change(action, describe(url), after={"access": "read and write"})


def _platform_url(settings: Settings) -> str:
    database = platform_database(settings)
    with database.transaction():  # makes the tables where nobody needed them yet
        return database.url


def _split(url: str, *, platform: bool) -> tuple[str, str | None]:
    try:
        return split_password(url)
    except ValueError as error:
        setting = "CHIMERA_DATABASE_URL" if platform else "CHIMERA_SOURCE_DATABASE_URL"
        msg = (
            f"{setting}: expected postgresql://user:password@host:port/database with special "
            f"characters percent-encoded, found a URL of which {error}"
        )
        raise ArgumentError(msg) from None


def _program() -> str:
    if (found := shutil.which("psql")) is not None:
        return found
    beside = embedded_server(get_settings()).cluster.programs() / "psql"
    if beside.exists():
        return str(beside)
    msg = "psql: expected the program on PATH, found none; install PostgreSQL's client"
    raise ChimeraError(msg)
