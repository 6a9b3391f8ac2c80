"""A witness over HTTP: bounded bodies, bounded waiting, one request of a log at a time."""

from __future__ import annotations

import socket
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

from chimera_assets.audit.witness import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.audit.witness import Witness

#: A request has at most 63 hashes and 100 signatures, of which ML-DSA-44 makes the longest lines.
MAX_BODY = 500_000
#: Seconds that a client may keep us waiting for its next bytes.
_PATIENCE = 10.0
#: Connections at once; a further one is closed.
_MOST = 64

_ADD, _GET = "/add-checkpoint", "/checkpoint"


class WitnessServer(ThreadingHTTPServer):
    """Answers for a witness; `handle_request` or `serve_forever` as with every server.

    Args:
        address: The host and the port to listen on; port 0 for any that is free.
        witness: The witness.
        tell: Gets a line for each answer.

    Raises:
        OSError: It cannot listen there.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], witness: Witness, tell: Callable[[str], None]
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.witness = witness
        self.tell = tell
        self._free = threading.BoundedSemaphore(_MOST)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Answer in a thread of its own, unless there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Answer all requests of a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002
        """A client that went away is nobody's fault; a defect of ours is told by its kind."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self.tell(f"not answered: {type(error).__name__}")


class _Handler(BaseHTTPRequestHandler):
    """The requests of one connection."""

    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "chimera-witness"
    sys_version = ""
    timeout: ClassVar[float] = _PATIENCE

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        self.close_connection = True  # unless all of the body was read
        if self.path != _ADD:
            self._refuse(HTTPStatus.NOT_FOUND, f"expected POST {_ADD}")
        elif not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "expected a Content-Length")
        elif len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            reason = f"expected at most {MAX_BODY:,} bytes, found more"
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
        else:
            body = self.rfile.read(int(length))
            self.close_connection = False
            self._send(self.server.witness.add_checkpoint(body, int(time.time())))

    def do_GET(self) -> None:
        hashed = self.path.removesuffix(_GET).removeprefix("/")
        if self.path == f"/{hashed}{_GET}":
            self._send(self.server.witness.checkpoint(hashed))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, f"expected GET /<hash of an origin>{_GET}")

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self._send(Answer.refusal(status, reason))

    def _send(self, answer: Answer) -> None:
        if answer.said:
            self.server.tell(f"{answer.status.value} {answer.said}")
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        """What there is to tell is told by `_send`."""
