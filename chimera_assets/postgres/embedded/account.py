"""As whom the server runs: PostgreSQL refuses to run as root, who has to lend it to somebody."""

from __future__ import annotations

import logging
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.postgres.embedded.passage import let_pass, may_pass

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

#: Tried in this order when we are root; the first two are what PostgreSQL packages make.
_CANDIDATES = ("postgres", "pgserver", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group of this machine, or our own where both are None.

    The home is the folder around the server's own.
    """

    uid: int | None = None
    gid: int | None = None
    home: Path | None = None

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
            return cls(owner.st_uid, owner.st_gid, data.parent.parent)
        for name in _CANDIDATES:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid, data.parent.parent)
        msg = f"root cannot run it, and this machine has none of the users {', '.join(_CANDIDATES)}"
        raise LookupError(msg)

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of `subprocess` that make a child run as this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Make a folder that this account alone can enter, and let it reach the folder."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)
        self.let_reach(folder)

    def own_file(self, path: Path) -> None:
        """Make a file one that this account alone can read and write."""
        path.chmod(0o600)
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def let_reach(self, path: Path) -> None:
        """Let this account pass through the folders above `path`, it alone and without listing.

        Only root's folders are opened, and each is said that is not the home.

        Raises:
            LookupError: A folder of somebody else is closed to it.
        """
        if self.uid is None or self.gid is None:
            return
        for parent in path.parents:
            if may_pass(parent, self.uid, self.gid):
                continue
            if parent.stat().st_uid != 0:
                msg = (
                    f"root runs the server as user {self.uid}, to whom {parent} is closed, and it "
                    "is not root's to open; set CHIMERA_HOME to a folder elsewhere, or run this as "
                    "the owner"
                )
                raise LookupError(msg)
            undo = let_pass(parent, self.uid)
            _log.log(
                logging.INFO if parent == self.home else logging.WARNING,
                "%s: opened for the embedded PostgreSQL, which root runs as user %d: it may pass "
                "through, and list nothing. `%s` closes it; CHIMERA_HOME elsewhere spares it.",
                parent,
                self.uid,
                undo,
            )

    def let_read(self, folder: Path) -> None:
        """Let this account read and execute everything in `folder`.

        A wheel installed under a strict umask is closed to it.
        """
        if self.uid is None:
            return
        self.let_reach(folder)
        for path in (folder, *folder.rglob("*")):
            if path.is_symlink():
                continue
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
            if wanted != mode:
                path.chmod(wanted)
