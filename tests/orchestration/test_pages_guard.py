"""What a web site that is open in a browser, or a name that leads here, gets of the pages."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.site.site import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = "application/json"
QUERY = "{ version }"
MUTATION = "mutation { wipeAssets(assetPartitionRanges: []) { __typename } }"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the pages as `chimera up` serves them, without a code location."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    home = tmp_path_factory.mktemp("pages")
    server = subprocess.Popen(
        [sys.executable, "-m", "chimera_assets.orchestration.web.webserver", "--empty-workspace",
         "--host", "127.0.0.1", "--port", str(number)],
        env=environment(home / "home", CHIMERA_UI_URL="https://pages.example.org/dagster"),
        cwd=home,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(number, server)
        yield number
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the pages do not come up")


def ask(
    port: int, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, str]:
    """Status and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Host": f"localhost:{port}"} | named)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def post(port: int, query: str = QUERY, **headers: str) -> tuple[int, str]:
    body = json.dumps({"query": query})
    return ask(port, "POST", "/graphql", body, **({"Content_Type": JSON} | headers))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "127.0.0.1",
        "127.0.0.2",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "pages.example.org",
    ],
)
def test_the_pages_answer_by_the_names_of_this_machine_and_of_the_setting(
    port: int, host: str
) -> None:
    assert ask(port, "GET", "/server_info", Host=f"{host}:{port}")[0] == 200
    assert ask(port, "GET", "/server_info", Host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.7",
        "localhost@evil.example",
        "evil.example#localhost",
        "",
        "[",
    ],
)
def test_a_name_that_leads_here_is_refused_in_words(port: int, host: str) -> None:
    for method, path in (("GET", "/"), ("GET", "/server_info"), ("POST", "/graphql")):
        status, said = ask(port, method, path, Host=host, Content_Type=JSON)
        assert status in {400, 421}
        assert "evil" not in said
    assert "CHIMERA_UI_URL" in said or status == 400


def test_graphql_by_get_asks_and_never_changes(port: int) -> None:
    status, said = ask(port, "GET", f"/graphql?query={quote(QUERY)}")
    assert (status, list(json.loads(said)["data"])) == (200, ["version"])

    for query in (MUTATION, f"query a {QUERY} {MUTATION}", "subscription { x }"):
        path = f"/graphql?operationName=a&query={quote(query)}"
        status, said = ask(port, "GET", path)
        assert (status, "POST it" in said) == (405, True)
        two = f"/graphql?query={quote(QUERY)}&query={quote(query)}"
        assert ask(port, "GET", two)[0] == 405
    for nothing in ("mutation {", "{" * 5_000):  # what Dagster cannot read, it does not do
        assert ask(port, "GET", f"/graphql?query={quote(nothing)}")[0] == 400


@pytest.mark.parametrize(
    "type_",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "text/plain; application/json",
        "application/graphql",
    ],
)
def test_what_a_form_can_send_changes_nothing(port: int, type_: str) -> None:
    assert post(port, MUTATION, Content_Type=type_)[0] == 415
    path = f"/graphql?query={quote(MUTATION)}"
    assert ask(port, "POST", path, "query=x", Content_Type=type_)[0] == 415
    assert ask(port, "POST", path)[0] == 415
    assert ask(port, "POST", "/report_asset_materialization/a", "{}", Content_Type=type_)[0] == 415


def test_json_comes_from_the_pages_or_from_a_program(port: int) -> None:
    own = f"http://localhost:{port}"
    for headers in (
        {},
        {"Origin": own},
        {"Origin": own, "Sec_Fetch_Site": "same-origin"},
        {"Content_Type": "application/json; charset=utf-8"},
    ):
        status, said = post(port, **headers)
        assert (status, list(json.loads(said)["data"])) == (200, ["version"])
    behind = {"Host": "pages.example.org", "Origin": "https://pages.example.org"}
    assert post(port, **behind)[0] == 200  # a proxy that speaks TLS

    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": f"http://127.0.0.1:{port}"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {"Origin": "http://[localhost"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Origin": own, "Sec_Fetch_Site": "same-site"},
    ):
        assert post(port, **headers)[0] == 403


def test_websockets_are_the_pages_own(port: int) -> None:
    def shake(origin: str | None, **headers: str) -> Any:
        with connect(
            f"ws://localhost:{port}/graphql",
            origin=Origin(origin) if origin else None,
            additional_headers=headers,
            subprotocols=[Subprotocol("graphql-ws")],
        ) as opened:
            opened.send(json.dumps({"type": "connection_init"}))
            return json.loads(opened.recv(10))["type"]

    assert shake(f"http://localhost:{port}") == "connection_ack"
    assert shake(None) == "connection_ack"
    for origin in ("https://evil.example", "http://localhost:1", "null"):
        with pytest.raises(InvalidStatus, match="403"):
            shake(origin)
    with connect_raw(port, "evil.example") as answer:
        assert b" 403 " in answer.recv(200).partition(b"\r\n")[0]


def connect_raw(port: int, host: str) -> socket.socket:
    """A websocket's handshake that names another host."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=10)
    opened.sendall(
        f"GET /graphql HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: graphql-ws\r\n\r\n".encode()
    )
    return opened
