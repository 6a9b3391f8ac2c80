"""Asking others over HTTP: bounded answers, bounded waiting, nobody else than was named."""

from __future__ import annotations

import base64
import re
import threading
import time
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from chimera_assets.errors import ChimeraError, one_line, without_userinfo
from chimera_assets.settings.database_urls import has_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Seconds for each step of a request, and for all of what is asked of one party.
_STEP, _WHOLE = 5.0, 12.0
#: The longest answer that is read.
_MOST_BYTES = 100_000
#: So much of an answer's text is shown.
_SHOWN = 200

_T = TypeVar("_T")


class NotVouched(ChimeraError):  # noqa: N818
    """Somebody else could not be asked, or did not vouch; the next time all is tried again."""

    transient = True


@dataclass(frozen=True, slots=True)
class Response:
    """What came back.

    Attributes:
        status: The status of HTTP.
        body: The body.
    """

    status: int
    body: bytes

    @property
    def reason(self) -> str:
        """What it says, for a message."""
        text = self.body.decode("utf-8", "replace")
        return f"status {self.status}, {one_line(text, _SHOWN)!r}"


class _NoRedirects(HTTPRedirectHandler):
    """Whoever is asked answers: a redirect is an answer like any other."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401
        """Go nowhere."""


def post(url: str, body: bytes, content_type: str) -> Response:
    """Send something, and read what comes back; through a proxy, where the environment names one.

    Args:
        url: Where to; a name and password in it are for the header alone, and never shown.
        body: What.
        content_type: Its type.

    Raises:
        NotVouched: No answer, one that is too long, or no such URL.
    """
    if not re.match(r"https?://[^/\s]", url) or not has_parts(url):
        msg = "expected an http or https URL, special characters percent-encoded, found another"
        raise NotVouched(msg)
    request = Request(_without_login(url), body, _headers(url, content_type))  # noqa: S310 - http
    try:
        try:
            found = build_opener(_NoRedirects).open(request, timeout=_STEP)
        except HTTPError as error:
            found = error
        with found:
            data = found.read(_MOST_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        said = one_line(without_userinfo(str(reason)), _SHOWN) or type(error).__name__
        msg = f"expected an answer, found none: {said}"
        raise NotVouched(msg) from None
    if len(data) > _MOST_BYTES:
        msg = f"expected at most {_MOST_BYTES:,} bytes, found more"
        raise NotVouched(msg)
    return Response(found.status or 0, data)


def at_once(jobs: Mapping[str, Callable[[], _T]]) -> dict[str, _T | ChimeraError]:
    """Do what waits for others side by side, each within bounds, however slowly somebody answers.

    Args:
        jobs: Name -> what to do; a ChimeraError that it raises is its result.
    """
    done: dict[str, _T | ChimeraError] = {}

    def work(name: str, job: Callable[[], _T]) -> None:
        try:
            done[name] = job()
        except ChimeraError as error:
            done[name] = error

    # Of a daemon nobody waits at the end of the process either.
    threads = [threading.Thread(target=work, args=one, daemon=True) for one in jobs.items()]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + _WHOLE
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    late = NotVouched(f"expected an answer within {_WHOLE:.0f} seconds, found none")
    return {name: done.get(name, late) for name in jobs}


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _headers(url: str, content_type: str) -> dict[str, str]:
    headers = {"Content-Type": content_type, "User-Agent": "chimera-assets"}
    parts = urlsplit(url)
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return headers
