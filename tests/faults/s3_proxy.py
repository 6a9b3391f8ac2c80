"""An S3 proxy of its own process that drops answers: `lossy_proxy.py <upstream> <folder>`.

It writes its port to `<folder>/port`, and drops the answer to one commit for each time that
`<folder>/lose` is made; it removes that file when it does. (A process of its own, since deltalake
may hold the interpreter while it waits for an answer.)
"""

from __future__ import annotations

import http.client
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

UPSTREAM, FOLDER = sys.argv[1], Path(sys.argv[2])


class LosesAnswers(BaseHTTPRequestHandler):
    """An S3 proxy that passes everything on, but drops the answer to some commits."""

    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection(urlsplit(UPSTREAM).netloc)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        commit = self.command == "PUT" and "_delta_log/" in self.path
        if commit and answer.status == http.HTTPStatus.OK and (FOLDER / "lose").exists():
            (FOLDER / "lose").unlink()
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), LosesAnswers)
    (FOLDER / "port.new").write_text(str(server.server_address[1]))
    (FOLDER / "port.new").rename(FOLDER / "port")
    server.serve_forever()
