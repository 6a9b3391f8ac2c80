"""Who is on call hears of an hour that went wrong, once, and of its end."""

from __future__ import annotations

import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.errors import SettingError
from chimera_assets.settings import Settings, split_urls
from tests.site.site import FOUR_STREAMS, Process, Site, generations

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = "2026-01-24-03:00"
HIDE, MEND = (
    "ALTER TABLE provider_health RENAME TO elsewhere",
    "ALTER TABLE elsewhere RENAME TO provider_health",
)
SPOIL = "UPDATE generations SET tokens_used = $1 WHERE event_id LIKE '2026-01-24T03-000%'"


class Receiver(http.server.ThreadingHTTPServer):
    """Takes what Apprise posts as JSON."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.url = f"json://127.0.0.1:{self.server_port}/hook"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        server: Receiver

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            self.server.heard.append(json.loads(self.rfile.read(size)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:  # type: ignore[override]
            pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of its own: what other stories leave behind would be reported, or asked for, here."""
    made = Site(tmp_path_factory.mktemp("site") / "home", CHIMERA_STREAMS=FOUR_STREAMS)
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server
        server.shutdown()


@pytest.mark.criterion("AC-001.6", "AC-004.4")
def test_a_bad_hour_from_its_first_word_to_its_last(site: Site, receiver: Receiver) -> None:
    site.source.insert("generations", generations(HOUR, 200))
    site.source.execute(SPOIL, [-1])
    me = site.beside(CHIMERA_NOTIFY_URLS=receiver.url, CHIMERA_UI_URL="http://chimera:3000/")
    me.process.ask("tick")

    site.source.execute(HIDE)
    try:
        failed = me.run(HOUR)
    finally:
        site.source.execute(MEND)
    assert not failed.success
    assert me.process.ask("tick") == {"said": "2 new, 2 sent, 0 waiting"}
    gate, failure = receiver.heard
    assert gate["title"] == "Chimera: generations blocked, 2026-01-24 03:00 UTC"
    assert "10 of 200 rows rejected" in gate["message"]
    assert "chimera quarantine list --stream generations --hour 2026-01-24T03" in gate["message"]
    assert f"http://chimera:3000/runs/{failed.run_id}" in gate["message"]
    assert failure["title"] == "Chimera: hour 2026-01-24 03:00 UTC failed"
    assert failure["message"].startswith("raw/provider_health: PostgreSQL ")
    assert "expected a table provider_health, found none" in failure["message"]
    assert "chimera backfill --start 2026-01-24T03:00Z" in failure["message"]
    assert [one["type"] for one in receiver.heard] == ["failure", "failure"]
    assert "Traceback" not in json.dumps(receiver.heard)
    assert "example.com" not in json.dumps(receiver.heard)

    assert me.process.ask("tick") == {"said": "0 new, 0 sent, 0 waiting"}
    site.source.execute(SPOIL, [80])
    assert me.run(HOUR).success
    me.process.ask("tick")
    assert [one["title"] for one in receiver.heard[2:]] == [
        "Chimera: hour 2026-01-24 03:00 UTC recovered",
        "Chimera: generations published, 2026-01-24 03:00 UTC",
        "Chimera: generations is not fresh",
    ]

    stale = receiver.heard[-1]
    assert "the contract allows 2 h" in stale["message"]
    assert "chimera status" in stale["message"]
    lags = me.process.ask("freshness")
    assert not lags["generations"]["passed"]
    assert me.process.ask("tick") == {"said": "0 new, 0 sent, 0 waiting"}
    me.close()


def test_a_destination_that_cannot_be_read_is_named_without_its_secrets(site: Site) -> None:
    urls = "json://localhost/a, slack://s3cr3t"
    greeting = Process.refused(site.home, {"CHIMERA_NOTIFY_URLS": urls})
    assert greeting == {
        "error": "SettingError",
        "message": "CHIMERA_NOTIFY_URLS: expected Apprise URLs, parted by spaces or commas, "
        "found number 2 of 2, slack://..., which Apprise cannot read",
    }
    with pytest.raises(SettingError, match="number 1 of 1, without a scheme"):
        Settings(notify_urls="s3cr3t")


def test_commas_part_urls_and_stay_within_them() -> None:
    mail = "mailto://u:p@example.com?to=a@example.com,b@example.com"
    assert split_urls(f" {mail}, json://one,json://two\njson://one ") == (
        mail,
        "json://one",
        "json://two",
    )
    assert split_urls("") == ()
