"""Who may log in to an embedded server: those who know a password, and nobody by trust."""

from __future__ import annotations

import re
import subprocess
import time
from typing import TYPE_CHECKING

from chimera_assets.errors import one_line
from chimera_assets.postgres.embedded import passwords
from chimera_assets.postgres.embedded.cluster import environment
from chimera_assets.postgres.embedded.errors import EmbeddedServerError

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.postgres.embedded.account import Account
    from chimera_assets.postgres.embedded.cluster import Cluster

_RULES = """\
# Written by Chimera Assets. The server has no other door than its socket.
local all all scram-sha-256
"""
_TRUST = re.compile(r"^[^#\n]*\btrust\b", re.MULTILINE)

#: Sessions of a server that was killed may take a moment to notice.
_LINGER_SECONDS = 10.0


def require_passwords(cluster: Cluster, account: Account, programs: Path) -> None:
    """Make a server that does not run ask for the passwords of its file, from its next start on.

    Data of a release that trusted everybody with the socket is kept as it is; so is that of a
    server whose file of passwords was lost, which is given new ones. The file is written last, so
    that a start that was cut off is simply done again.

    Raises:
        EmbeddedServerError: The passwords could not be set.
    """
    known = passwords.load(cluster.root)
    if known is not None and not trusts(cluster):
        return
    chosen = known or passwords.fresh()
    _set(cluster, account, programs, chosen)
    _write_rules(cluster, account)
    passwords.keep(cluster.root, chosen)


def require_known_passwords(cluster: Cluster) -> None:
    """See that there is a file of passwords for a server that runs.

    Raises:
        EmbeddedServerError: It asks for passwords and their file is gone.
    """
    if passwords.load(cluster.root) is not None:
        return
    if not trusts(cluster):
        remedy = "end every process that uses it; its next start sets new ones"
        raise EmbeddedServerError(cluster.root, "the file of its passwords is gone", remedy)
    # An older release started it. It accepts any password until its next start, which sets these.
    passwords.keep(cluster.root, passwords.fresh())


def trusts(cluster: Cluster) -> bool:
    """Whether the server's rules let anybody in without a password."""
    return _TRUST.search((cluster.data / "pg_hba.conf").read_text()) is not None


def _set(cluster: Cluster, account: Account, programs: Path, chosen: dict[str, str]) -> None:
    """Set the password of every login that there is, in PostgreSQL's single-user mode.

    There nobody else can connect, and nobody is asked for the password that is to be set.
    """
    statements = "".join(
        f"DO $$BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{login}') THEN "
        f"ALTER ROLE {login} PASSWORD '{passwords.verifier(password)}'; END IF; END$$\n"
        for login, password in chosen.items()
    )
    deadline = time.monotonic() + _LINGER_SECONDS
    while (problem := _single_user(cluster, account, programs, statements)) is not None:
        if "still in use" not in problem or time.monotonic() > deadline:
            raise EmbeddedServerError(cluster.root, f"its passwords were not set: {problem}")
        time.sleep(0.1)


def _single_user(cluster: Cluster, account: Account, programs: Path, statements: str) -> str | None:
    """Run statements, one a line; gives what went wrong, if anything did."""
    command = [str(programs / "postgres"), "--single", "-D", str(cluster.data)]
    for option in ("exit_on_error=on", "log_min_error_statement=panic", "log_min_messages=fatal"):
        command += ["-c", option]
    done = subprocess.run(  # noqa: S603 - our own binary, arguments as a list
        [*command, "postgres"],
        input=statements,
        cwd="/",
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        **account.arguments,
    )
    return None if done.returncode == 0 else one_line(done.stderr, 300)


def _write_rules(cluster: Cluster, account: Account) -> None:
    account.write(cluster.data / "pg_hba.conf", _RULES)
