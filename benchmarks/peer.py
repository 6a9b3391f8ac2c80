"""A peer to compare with: installed on demand in an environment of its own, asked as a process.

What is installed is the peer's requirement of the extra `bench`, at the versions of
`constraints-peers.txt`; it lies in `benchmarks/.peers` and is made anew when either changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

_HERE = Path(__file__).resolve().parent
_CONSTRAINTS = _HERE / "constraints-peers.txt"
_ENVIRONMENTS = _HERE / ".peers"

#: How much of what a failing process said is reported.
_TOLD_CHARACTERS = 2_000


class PeerUnavailable(Exception):  # noqa: N818 - says what is the matter
    """A peer cannot be installed; what it is compared with can't be measured."""


class Peer:
    """A peer's process, to be used in a `with` statement.

    Args:
        name: The package; the process is the module `benchmarks.peers.with_<name>`.
        given: What the process is made ready with.

    Attributes:
        reported: The process's first answer; its `version` in any case.

    Raises:
        PeerUnavailable: On entering, if it cannot be installed.
        RuntimeError: It failed; with what it said.
    """

    def __init__(self, name: str, **given: Any) -> None:  # noqa: ANN401
        self.name, self._given = name, given
        self.reported: dict[str, Any] = {}

    def __enter__(self) -> Self:
        python = installed(self.name)
        module = f"benchmarks.peers.with_{self.name.replace('-', '_')}"
        self._said: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            [str(python), "-m", module, json.dumps(self._given)],
            cwd=_HERE.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self.reported = self._answer()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def ask(self, **work: Any) -> dict[str, Any]:  # noqa: ANN401
        """Have it do one piece of work."""
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write(json.dumps(work) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._said.seek(0)
            msg = f"{self.name}: exit code {code}\n{self._said.read()[-_TOLD_CHARACTERS:]}"
            raise RuntimeError(msg)
        answer: dict[str, Any] = json.loads(line)
        return answer


def installed(name: str) -> Path:
    """The Python of the peer's environment, which is made if it is not there as asked for.

    Raises:
        PeerUnavailable: It cannot be made.
    """
    environment = _ENVIRONMENTS / name
    python = environment / "bin" / "python"
    wanted = [requirement(name), "pyarrow"]
    asked = hashlib.sha256(
        "\n".join([*wanted, sys.version, _CONSTRAINTS.read_text(encoding="utf-8")]).encode()
    ).hexdigest()
    mark = environment / ".asked"
    if mark.is_file() and mark.read_text(encoding="utf-8") == asked:
        return python
    shutil.rmtree(environment, ignore_errors=True)
    _uv(name, "venv", "--python", sys.executable, str(environment))
    _uv(name, "pip", "install", "--python", str(python), "-c", str(_CONSTRAINTS), *wanted)
    mark.write_text(asked, encoding="utf-8")
    return python


def requirement(name: str) -> str:
    """The peer's line in the extra `bench` of pyproject.toml."""
    project = tomllib.loads((_HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    extra: list[str] = project["project"]["optional-dependencies"]["bench"]
    return next(line for line in extra if line.startswith(name))


def _uv(name: str, *arguments: str) -> None:
    environment = dict(os.environ)
    if index := environment.get("PIP_INDEX_URL"):
        environment.setdefault("UV_DEFAULT_INDEX", index)
    ended = subprocess.run(
        [sys.executable, "-m", "uv", "--quiet", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        msg = f"{name} cannot be installed: {ended.stderr.strip()[-_TOLD_CHARACTERS:]}"
        raise PeerUnavailable(msg)
