"""`chimera audit witness`: what a second party runs, without lake, database or settings of ours."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from chimera_assets import interrupts
from chimera_assets.audit.key_files import KeyFileError, read_keys, write_keys
from chimera_assets.audit.tlog.keys import SEED_BYTES, SigningKey
from chimera_assets.audit.witness import KINDS, Witness
from chimera_assets.audit.witness_server import WitnessServer
from chimera_assets.commands.audit_trust import public_key
from chimera_assets.commands.new_files import require_folder
from chimera_assets.commands.terminal import notes, out
from chimera_assets.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HEADER = (
    "# The keys of a witness. Whoever has this file can sign in its name: keep it secret, and\n"
    "# keep a copy of it. See docs/audit.md.\n"
)
#: Seconds between looks whether somebody wants this process to end.
_LOOK = 0.2


def run(*, listen: str, key: Path, logs: Sequence[str], state: Path, new_key: bool) -> int:
    """Answer logs that ask for a signature, until Ctrl-C or SIGTERM.

    Raises:
        ArgumentError: An argument cannot be used.
        KeyFileError: The keys cannot be read or made.
        WitnessStateError: What the witness remembers cannot be read.
    """
    address, known = _address(listen), [public_key(vkey, "--log") for vkey in logs]
    keys = _keys(key, new=new_key)
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(state / ".lock", timeout=0):
            return _serve(address, Witness(keys, known, state), keys)
    except Timeout:
        msg = f"--state: expected a folder that no other witness works on, found {state}"
        raise ArgumentError(msg) from None
    except OSError as error:
        msg = f"--state: expected a folder that can be written, found {state}: {error.strerror}"
        raise ArgumentError(msg) from None


def _serve(address: tuple[str, int], witness: Witness, keys: Sequence[SigningKey]) -> int:
    try:
        server = WitnessServer(address, witness, _tell)
    except OSError as error:
        msg = f"--listen: expected an address that is free, found {address[0]}: {error.strerror}"
        raise ArgumentError(msg) from None
    with server, interrupts.noted() as signals:
        server.timeout = _LOOK
        _introduce(keys, f"http://{_shown(address[0])}:{server.server_port}")
        while not signals.any():
            server.handle_request()
        with witness.turn:  # what is being signed is signed
            notes().print("The witness has ended.")
    return 0


def _introduce(keys: Sequence[SigningKey], url: str) -> None:
    """Print the lines for a policy file, and where this is."""
    names = [f"w{number}" for number in range(1, len(keys) + 1)]
    for name, key in zip(names, keys, strict=True):
        line = f"witness {name} {key.verifier} {url}"
        out().print(line, markup=False, soft_wrap=True, highlight=False)
    out().file.flush()
    notes().print(
        f"Listening on {url}. The lines above are for the policy files of the log and of its "
        "auditors, with the URL by which these reach it.",
        markup=False,
        soft_wrap=True,
    )


def _tell(line: str) -> None:
    notes().print(line, markup=False, soft_wrap=True, highlight=False)


def _keys(path: Path, *, new: bool) -> tuple[SigningKey, ...]:
    if new:
        if path.exists():
            msg = f"--new-key: expected no file there yet, found {path}"
            raise ArgumentError(msg)
        require_folder(path)
        name = f"chimera-witness/{secrets.token_hex(8)}"
        made = [SigningKey(name, kind, secrets.token_bytes(SEED_BYTES)) for kind in KINDS]
        write_keys(path, made, _HEADER)
    try:
        keys = read_keys(path)
    except FileNotFoundError:
        remedy = "name the file of the witness's keys, or make one there by --new-key"
        raise KeyFileError(path, "expected a key file, found none", remedy) from None
    for key in keys:
        if key.verifier.kind not in KINDS:
            problem = f"expected keys of a witness, found one of type {key.verifier.kind:#04x}"
            raise KeyFileError(path, problem, "name another file; a log's keys are its own")
    return keys


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (host and port.isascii() and port.isdigit() and int(port) <= 65_535):  # noqa: PLR2004
        msg = f"--listen: expected HOST:PORT, 127.0.0.1:8080 for instance, found {listen}"
        raise ArgumentError(msg)
    return host, int(port)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
