"""Who may ask the pages: an ASGI middleware before Dagster's web server.

The pages know no users: whoever reaches their port may start runs and delete records. That the port
is on this machine alone keeps no web site out that is open in a browser here. It may send forms and
simple requests to any address, and by a name of its own that leads to 127.0.0.1 (DNS rebinding) it
may read the answers. So a request has to name this server as its host, and what changes anything
has to come from the pages themselves or from a program.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

if TYPE_CHECKING:
    from collections.abc import Collection

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_JSON = "application/json"
_OWN_SITES = frozenset({"same-origin", "none"})

#: RFC 6455: the endpoint's policy does not allow it. Before the handshake it becomes a 403.
_POLICY_VIOLATION = 1008


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer without the pages: an HTTP status, and what was expected and found."""

    status: int
    words: str


class Guard:
    """Passes on what may be asked, and refuses the rest in words.

    Args:
        app: What answers.
        names: Names of hosts by which the pages may be asked, besides those of this machine's
            loopback and the address that a request reached.
    """

    def __init__(self, app: App, names: Collection[str] = ()) -> None:
        self._app = app
        self._names = frozenset(name.lower().rstrip(".") for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or a websocket's handshake."""
        refusal = self.refusal(scope) if scope["type"] in {"http", "websocket"} else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await _answer(refusal, send)

    def refusal(self, scope: Scope) -> Refusal | None:
        """Why the request is refused; None if it may pass."""
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or not self._is_ours(hosts[0], scope):
            return Refusal(
                421,
                "Host: expected localhost, the address that `chimera up --host` was given or the "
                "name in CHIMERA_UI_URL, found another; set CHIMERA_UI_URL to the address by which "
                "people open the pages",
            )
        if scope["type"] == "http" and scope["method"] in _READS:
            return _refused_read(scope)
        # A browser says where a request came from; who says nothing is no browser.
        return _refused_origin(scope, hosts[0]) or _refused_type(scope)

    def _is_ours(self, host: str, scope: Scope) -> bool:
        name = _host_name(host)
        if name is None:
            return False
        if name == "localhost" or name in self._names:
            return True
        address = _address(name)
        reached = _address((scope.get("server") or ("",))[0] or "")
        return address is not None and (address.is_loopback or address == reached)


def _refused_read(scope: Scope) -> Refusal | None:
    """Reading must change nothing: Dagster takes a mutation from the query of an address, too."""
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    if all(map(_only_reads, asked.get("query", []))):
        return None
    return Refusal(405, f"GraphQL by GET: expected a query, found another; POST it as {_JSON}")


def _only_reads(query: str) -> bool:
    """Whether a GraphQL document only asks; one that cannot be read does nothing either."""
    try:
        document = parse(query)
    except (GraphQLError, RecursionError):
        return True
    operations = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return all(one.operation == OperationType.QUERY for one in operations)


def _refused_origin(scope: Scope, host: str) -> Refusal | None:
    sites = _values(scope, b"sec-fetch-site")
    origins = _values(scope, b"origin")
    if set(sites) <= _OWN_SITES and all(_is_same(origin, host) for origin in origins):
        return None
    return Refusal(403, "Origin: expected the pages themselves, found another web site")


def _is_same(origin: str, host: str) -> bool:
    """Whether a page of this origin is one of ours; behind TLS the scheme may be another."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


def _refused_type(scope: Scope) -> Refusal | None:
    """A form, or a page that asks nobody first, cannot send JSON by that name."""
    if scope["type"] == "websocket":
        return None
    types = _values(scope, b"content-type")
    if [one.partition(";")[0].strip().lower() for one in types] == [_JSON]:
        return None
    return Refusal(415, f"Content-Type of a {scope['method']}: expected {_JSON}, found another")


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _host_name(host: str) -> str | None:
    """The name or address in a Host header, small and without the port."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return None
    return name.rstrip(".") if name else None


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None  # noqa: PLR2004
    return mapped or address


async def _answer(refusal: Refusal, send: Send) -> None:
    body = f"{refusal.words}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
