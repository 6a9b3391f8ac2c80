"""As whom the server runs: PostgreSQL refuses to run as root, who has to lend it to somebody."""

from __future__ import annotations

import os
import pwd
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
        """Make a folder that this account alone can enter.

        Raises:
            OSError: Something else has its name; a link is not followed.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchmod(opened, 0o700)
            if self.uid is not None and self.gid is not None:
                os.fchown(opened, self.uid, self.gid)
        finally:
            os.close(opened)

    def write(self, path: Path, text: str) -> None:
        """Replace a file by one that this account alone can read and write.

        The account does it by itself: in a folder of its own it may have put links to files that
        are root's.

        Raises:
            OSError: It cannot.
        """
        script = 'umask 077 && rm -f "$0.new" && cat > "$0.new" && mv -f "$0.new" "$0"'
        done = subprocess.run(  # noqa: S603 - our own command, arguments as a list
            ["/bin/sh", "-c", script, str(path)],
            input=text, cwd="/", env={"PATH": os.defpath}, capture_output=True, text=True,
            check=False, **self.arguments,
        )  # fmt: skip
        if done.returncode:
            raise OSError(0, f"its account cannot write it ({done.stderr.strip()[:200]})", path)

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
