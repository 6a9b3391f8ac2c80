"""As whom the server runs: PostgreSQL refuses to run as root, who has to lend it to somebody."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: Tried in this order when we are root; the first two are what PostgreSQL packages make.
_CANDIDATES = ("postgres", "pgserver", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group of this machine, or our own where both are None."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def choose(cls, data: Path) -> Account:
        """Ourselves; for root the owner of the data so far, or an existing unprivileged user.

        No user is ever added to the machine.
        """
        import pwd  # noqa: PLC0415 - does not exist on Windows

        if os.geteuid() != 0:
            return cls()
        if data.exists() and data.stat().st_uid != 0:
            owner = data.stat()
            return cls(owner.st_uid, owner.st_gid)
        for name in _CANDIDATES:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        msg = f"root cannot run it, and this machine has none of the users {', '.join(_CANDIDATES)}"
        raise LookupError(msg)

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of `subprocess` that make a child run as this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a folder or file of ours to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def own_folder(self, folder: Path) -> None:
        """Make a folder that this account alone can enter."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.own(folder)

    def own_file(self, path: Path) -> None:
        """Make a file one that this account alone can read and write."""
        path.chmod(0o600)
        self.own(path)

    def may_enter(self, folder: Path) -> bool:
        """Whether this account can pass through a folder and all that are above it.

        The system is asked, which knows of modes, access control lists, and more.
        """
        return self.uid is None or self._succeeds(["/bin/sh", "-c", 'test -x "$0"', str(folder)])

    def may_run(self, program: Path) -> bool:
        """Whether this account can run a program of PostgreSQL."""
        return self.uid is None or self._succeeds([str(program), "--version"])

    def _succeeds(self, command: list[str]) -> bool:
        try:
            done = subprocess.run(  # noqa: S603 - our own command, arguments as a list
                command, cwd="/", env={}, capture_output=True, check=False, **self.arguments
            )
        except OSError:
            return False
        return done.returncode == 0
