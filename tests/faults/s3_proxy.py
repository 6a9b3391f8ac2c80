"""An S3 proxy of its own process that does harm: `s3_proxy.py <upstream> <folder> <seed> <rates>`.

The rates are a JSON object, a fault's share of all requests (`FAULTS`). It writes its port to
`<folder>/port` and a line a fault to `<folder>/faults`. Besides, it drops the answer to one commit
for each time that `<folder>/lose` is made, and removes that file when it does. (A process of its
own, since deltalake may hold the interpreter while it waits for an answer.)
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

UPSTREAM, FOLDER = sys.argv[1], Path(sys.argv[2])
DICE = random.Random(sys.argv[3])  # noqa: S311 - no secret
RATES: dict[str, float] = json.loads(sys.argv[4])

#: `error` 500; `slow down` 503; `reset` the connection and `hang` before the request is passed on;
#: `lose` the answer to a change that was made; `cut` an answer in half.
FAULTS = ("error", "slow down", "reset", "hang", "lose", "cut")
#: Longer than the clients of the stories wait.
HANG_SECONDS = 3

ANSWERS = {"error": (500, "InternalError"), "slow down": (503, "SlowDown")}
LOCK = threading.Lock()


def throw() -> str | None:
    """The fault that befalls this request, if one does."""
    with LOCK:
        luck = DICE.random()
    for fault, rate in RATES.items():
        if luck < rate:
            return fault
        luck -= rate
    return None


def tell(fault: str) -> None:
    with LOCK, (FOLDER / "faults").open("a") as log:
        log.write(f"{fault}\n")


class DoesHarm(BaseHTTPRequestHandler):
    """An S3 proxy that passes everything on but what the dice choose."""

    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = throw()
        if fault in ANSWERS:
            tell(fault)
            status, code = ANSWERS[fault]
            self._answer(status, [], f"<Error><Code>{code}</Code></Error>".encode())
        elif fault == "reset":
            tell(fault)
            self._reset()
        elif fault == "hang":
            tell(fault)
            time.sleep(HANG_SECONDS)
            self._reset()
        else:
            self._ask_upstream(fault, body)

    def _ask_upstream(self, fault: str | None, body: bytes) -> None:
        connection = http.client.HTTPConnection(urlsplit(UPSTREAM).netloc)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        commit = self.command == "PUT" and "_delta_log/" in self.path
        if commit and answer.status == http.HTTPStatus.OK and (FOLDER / "lose").exists():
            (FOLDER / "lose").unlink()
            self._reset()
        elif fault == "lose" and self.command in {"PUT", "POST", "DELETE"}:
            tell(fault)
            self._reset()
        else:
            cut = fault == "cut" and self.command == "GET" and len(content) > 1
            if cut:
                tell("cut")
            self._answer(answer.status, answer.getheaders(), content, cut=cut)

    def _answer(
        self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool = False
    ) -> None:
        self.send_response(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if cut:
            self.wfile.write(content[: len(content) // 2])
            self._reset()
        elif self.command != "HEAD":
            self.wfile.write(content)

    def _reset(self) -> None:
        self.close_connection = True
        at_once = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.connection.close()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", 0), DoesHarm)
    server.daemon_threads = True
    (FOLDER / "port.new").write_text(str(server.server_address[1]))
    (FOLDER / "port.new").rename(FOLDER / "port")
    server.serve_forever()
