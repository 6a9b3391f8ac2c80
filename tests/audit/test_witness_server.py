"""A second party's witness over HTTP: it never signs two histories, whatever happens to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from chimera_assets import paths
from chimera_assets.audit import witness_server
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.merkle import consistency_proof
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.signing import sign, verify
from chimera_assets.audit.tlog.witness import AddCheckpoint, parse_cosignatures
from chimera_assets.audit.witness import Witness
from chimera_assets.audit.witness_server import MAX_BODY, WitnessServer
from chimera_assets.audit.witness_state import WitnessStateError, origin_hash
from tests.audit.tlog.trees import (
    LOG,
    LOG_PQ,
    NOW,
    ORIGIN,
    STRANGER,
    WITNESS,
    WITNESS_PQ,
    checkpoint_of,
    entries,
    hashes_of,
)
from tests.audit.witnessing import Running, ask, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OF_LOG = [LOG.verifier, LOG_PQ.verifier]
KEYS = (WITNESS, WITNESS_PQ)
HONEST = entries(100)
#: What the operator would rather have had: another fifth entry.
FORKED = [*HONEST[:4], b"nothing happened", *HONEST[5:]]
PATH = f"/{origin_hash(ORIGIN)}/checkpoint"


def request(old: int, new: int, history: list[bytes] = HONEST) -> bytes:
    checkpoint = checkpoint_of(history[:new])
    proof = tuple(consistency_proof(old, new, hashes_of(history)))
    note = sign(checkpoint.text, [LOG, LOG_PQ, STRANGER], NOW)
    return AddCheckpoint(old, proof, note).encode()


def cosigned(size: int, body: bytes, history: list[bytes] = HONEST) -> bool:
    """Whether an answer signs the tree of so many entries, by both keys."""
    note = Note(checkpoint_of(history[:size]).text, parse_cosignatures(body))
    return len(verify(note, [key.verifier for key in KEYS], needed=2)) == 2


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "state", OF_LOG) as found:
        yield found


def test_an_honest_log_grows_and_the_witness_shows_how_far(witness: Running) -> None:
    assert witness.get(PATH)[0] == 404
    for old, new in ((0, 5), (5, 5), (5, 70), (70, 100)):
        status, body, _ = witness.post(request(old, new))
        assert status == 200
        assert cosigned(new, body)
        shown = Note.parse(witness.get(PATH)[1])
        assert Checkpoint.parse(shown.text).size == new
        # The log's signatures and those of the witness, and no others that somebody has sent.
        keys = [*OF_LOG, *(key.verifier for key in KEYS)]
        assert len(verify(shown, keys, needed=4)) == len(shown.signatures) == 4
    assert witness.told[-1] == f"200 {ORIGIN}: signed 100 entries, 70 of them before"


def test_a_fork_and_a_rollback_are_refused(witness: Running) -> None:
    assert witness.post(request(0, 70))[0] == 200
    assert witness.post(request(70, 100, FORKED))[0] == 422
    assert witness.post(request(70, 70, FORKED))[0] == 422
    for asked in (request(0, 100, FORKED), request(5, 60), request(60, 60)):
        assert witness.post(asked) == (409, b"70\n", "text/x.tlog.size")
    assert Checkpoint.parse(Note.parse(witness.get(PATH)[1]).text) == checkpoint_of(HONEST[:70])


def test_the_other_answers_of_the_standard(witness: Running) -> None:
    asked = AddCheckpoint.parse(request(0, 5))
    elsewhere = sign(Checkpoint("other.example", 5, bytes(32)).text, [LOG], NOW)
    assert witness.post(replace(asked, checkpoint=elsewhere).encode())[0] == 404
    by_stranger = sign(asked.checkpoint.text, [STRANGER], NOW)
    assert witness.post(replace(asked, checkpoint=by_stranger).encode())[0] == 403
    assert witness.post(replace(asked, old=6).encode())[0] == 400
    assert witness.post(b"hello")[0] == 400
    assert witness.post(b"", "/other")[0] == 404
    assert witness.get("/checkpoint")[0] == 404
    assert witness.get(f"/{'0' * 64}/checkpoint")[0] == 404
    assert ask(witness.port, "PUT", "/add-checkpoint", b"")[0] == 501
    assert witness.get(PATH)[0] == 404


def test_of_two_requests_at_once_exactly_one_tree_is_signed(witness: Running) -> None:
    assert witness.post(request(0, 4))[0] == 200
    both = [request(4, 60), request(4, 60, FORKED)] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(witness.post, both))
    signed = [number % 2 for number, (status, _, _) in enumerate(answers) if status == 200]
    assert len(signed) == 1
    assert sorted(status for status, _, _ in answers) == [200, *[409] * 7]
    shown = Checkpoint.parse(Note.parse(witness.get(PATH)[1]).text)
    assert shown == checkpoint_of((HONEST, FORKED)[signed[0]][:60])


def test_what_is_too_long_or_of_no_length_is_not_read(witness: Running) -> None:
    headers = {f"Content-Length: {MAX_BODY + 1}": b" 413 ", f"Content-Length: {'9' * 99}": b" 413 "}
    without = ("Content-Length: -5", "Content-Length: 9 9", "Transfer-Encoding: chunked", "X: y")
    for header, status in (headers | dict.fromkeys(without, b" 411 ")).items():
        with socket.create_connection(("127.0.0.1", witness.port), timeout=20) as raw:
            raw.sendall(f"POST /add-checkpoint HTTP/1.1\r\n{header}\r\n\r\n".encode())
            assert status in raw.recv(1_000).splitlines()[0]
            while raw.recv(1_000):  # until the other side ends the connection
                pass


def test_a_client_that_says_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness_server._Handler, "timeout", 0.1)
    with running(tmp_path / "state", OF_LOG) as found:
        with socket.create_connection(("127.0.0.1", found.port), timeout=20) as raw:
            raw.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 100\r\n\r\nold")
            assert raw.recv(100) == b""
        assert found.post(request(0, 5))[0] == 200


def test_more_connections_than_it_has_threads_for_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness_server, "_MOST", 1)
    with running(tmp_path / "state", OF_LOG) as found:
        first = HTTPConnection("127.0.0.1", found.port, timeout=20)
        first.request("POST", "/add-checkpoint", request(0, 5))
        assert first.getresponse().read()
        with socket.create_connection(("127.0.0.1", found.port), timeout=20) as second:
            assert second.recv(100) == b""
        first.request("POST", "/add-checkpoint", request(5, 6))  # on the same connection
        assert first.getresponse().status == 200
        first.close()


def test_a_defect_is_told_and_ends_one_connection(
    witness: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (KeyError("x"), ConnectionResetError()):  # the second is the client's affair

        def fails(*_: object, error: Exception = error) -> None:
            raise error

        with monkeypatch.context() as broken, suppress(ConnectionError):
            broken.setattr(Witness, "add_checkpoint", fails)
            witness.post(request(0, 5))
    assert witness.told == ["not answered: KeyError"]
    assert witness.post(request(0, 5))[0] == 200


def test_killed_between_remembering_and_answering_it_signs_that_tree_only(tmp_path: Path) -> None:
    Witness(KEYS, OF_LOG, tmp_path).add_checkpoint(request(0, 70), NOW)  # and nobody heard of it
    again = Witness(KEYS, OF_LOG, tmp_path)
    for asked in (request(0, 70), request(0, 60, FORKED)):
        answer = again.add_checkpoint(asked, NOW)
        assert (answer.status, answer.body) == (409, b"70\n")
    assert again.add_checkpoint(request(70, 70, FORKED), NOW).status == 422
    assert cosigned(70, again.add_checkpoint(request(70, 70), NOW).body)


@pytest.mark.parametrize("step", ["fsync", "open"])
def test_killed_before_it_remembers_it_has_signed_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first = Witness(KEYS, OF_LOG, tmp_path)
    first.add_checkpoint(request(0, 5), NOW)

    def dies(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(paths.os, step, dies)
        with pytest.raises(KeyboardInterrupt):
            first.add_checkpoint(request(5, 70), NOW)
    again = Witness(KEYS, OF_LOG, tmp_path)
    assert again.add_checkpoint(request(5, 60, HONEST), NOW).status == 200
    assert [path.name for path in tmp_path.iterdir()] == [f"{origin_hash(ORIGIN)}.checkpoint"]


def test_it_listens_on_an_address_of_ipv6_too(tmp_path: Path) -> None:
    try:
        server = WitnessServer(("::1", 0), Witness(KEYS, OF_LOG, tmp_path), print)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server:
        server.timeout = 20
        with socket.create_connection(("::1", server.server_port), timeout=20) as raw:
            raw.sendall(b"GET /nothing HTTP/1.0\r\n\r\n")
            server.handle_request()
            assert b" 404 " in raw.recv(1_000)


def damaged(data: bytes) -> dict[str, bytes]:
    """What can stand in the state's file, and must not be taken for nothing."""
    other = Checkpoint("other.example", 1, bytes(32))
    return {
        "empty": b"",
        "cut": data[:-1],
        "another size": data.replace(b"\n70\n", b"\n60\n"),
        "no text": b"\xff",
        "of another witness": sign(checkpoint_of(HONEST[:5]).text, [STRANGER], NOW).encode(),
        "of another log": sign(other.text, KEYS, NOW).encode(),
    }


@pytest.mark.parametrize("kind", list(damaged(b"")))
def test_a_state_that_cannot_be_read_is_not_signed_on(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "state" / f"{origin_hash(ORIGIN)}.checkpoint"
    with running(tmp_path / "state", OF_LOG) as found:
        found.post(request(0, 70))
        sound = file.read_bytes()
        file.write_bytes(damaged(sound)[kind])
        for status, body, _ in (found.post(request(70, 100)), found.get(PATH)):
            assert status == 500
            assert str(tmp_path).encode() not in body
        assert f"{file}: " in found.told[-1]
        with pytest.raises(WitnessStateError, match="could sign two histories"):
            Witness(KEYS, OF_LOG, tmp_path / "state")
        file.write_bytes(sound)
        assert found.post(request(70, 100))[0] == 200


def test_a_state_that_cannot_be_written_is_not_signed_on(
    witness: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as dying:
        dying.setattr(paths.os, "fsync", full)
        assert witness.post(request(0, 5))[0] == 500
    assert "No space left on device" in witness.told[0]
    assert witness.post(request(0, 5))[0] == 200


def start(folder: Path, *options: str) -> tuple[subprocess.Popen[str], list[str], int]:
    """`chimera audit witness` as a second party runs it: its lines, and its port."""
    places = ["--key", str(folder / "key"), "--state", str(folder / "state")]
    logs = [part for key in OF_LOG for part in ("--log", str(key))]
    command = [sys.executable, "-c", "from chimera_assets.cli import main; main()"]
    command += ["audit", "witness", "--listen", "127.0.0.1:0", *places, *logs, *options]
    env = {name: value for name, value in os.environ.items() if not name.startswith("CHIMERA")}
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline().rstrip() for _ in KEYS]
    return process, lines, int(lines[0].rpartition(":")[2])


def test_as_a_process_it_needs_nothing_of_ours_and_survives_a_kill(tmp_path: Path) -> None:
    process, lines, port = start(tmp_path, "--new-key")
    try:
        assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
        assert [line.split()[:2] for line in lines] == [["witness", "w1"], ["witness", "w2"]]
        assert ask(port, "POST", "/add-checkpoint", request(0, 70))[0] == 200
        process.kill()
        process.communicate(timeout=20)
        process, again, port = start(tmp_path)
        assert [line.split()[2] for line in again] == [line.split()[2] for line in lines]
        assert ask(port, "POST", "/add-checkpoint", request(0, 60, FORKED))[1] == b"70\n"
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=20)
        assert process.returncode == 0
        assert told.endswith("The witness has ended.\n")
    finally:
        process.kill()
        process.communicate()
    assert {path.name for path in tmp_path.iterdir()} == {"key", "state"}
