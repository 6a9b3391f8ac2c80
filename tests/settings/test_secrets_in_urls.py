"""No piece of a password is in any message, wherever somebody wrote it, and however."""

from __future__ import annotations

import re

import pytest
from prometheus_client import CollectorRegistry

from chimera_assets.errors import SettingError, without_userinfo
from chimera_assets.monitoring.metrics.publish import _pushed
from chimera_assets.settings import Settings
from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.postgres import PostgresSource

#: A password with all that has a meaning in URLs, and what may not be seen of it.
PASSWORD = "s3cr/et:p@ss#w?rd%zz1"  # noqa: S105 - of nobody
PIECES = re.compile(r"s3cr|et:|p@ss|ss#|w\?|rd%|zz1")

FORMS = [
    "{scheme}://u:{password}@host/x",
    "{scheme}://u:{password}@host:9091",
    "{scheme}:/u:{password}@host/x",
    "{scheme}:u:{password}@host/x",
    "u:{password}@host:9091",
]


def said(**settings: str) -> str:
    """What is said of settings, or of the places that they name."""
    try:
        made = Settings(_env_file=None, **settings)  # type: ignore[arg-type,call-arg]
        places = (made.resolved_lake_uri, made.resolved_landing_uri)
    except SettingError as error:
        return str(error)
    except ValueError as error:  # pydantic's own, of which only the setting's name is shown
        return str(error).splitlines()[1]
    return " ".join(places)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("setting", "scheme"),
    [
        ("lake_uri", "s3"),
        ("lake_uri", "http"),
        ("landing_uri", "s3"),
        ("landing_uri", "gs"),
        ("ui_url", "ftp"),
        ("ui_url", "http"),
        ("notify_urls", "mailto"),
        ("pushgateway_url", "ftp"),
        ("timestamp_url", "ftp"),
        ("source_database_url", "postgres"),
        ("database_url", "mysql"),
    ],
)
def test_a_setting_that_is_refused_does_not_say_it(setting: str, scheme: str, form: str) -> None:
    given = form.format(scheme=scheme, password=PASSWORD)
    assert not PIECES.search(said(**{setting: given}))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://u:{PASSWORD}",
        f"postgresql://u@127.0.0.1:1/db?password={PASSWORD}",
        f"postgresql://u@127.0.0.1:1/db?passwrd={PASSWORD}",
        f"postgresql://u:%zz{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://u:{PASSWORD}@[::1/db",
        f"postgresql://u@127.0.0.1:99999999/{PASSWORD}@",
    ],
)
def test_a_database_that_cannot_be_reached_does_not_say_it(url: str) -> None:
    from tests.quality.rows import shipped

    with pytest.raises(SourceError) as caught:
        PostgresSource(url).verify(shipped()["generations"])
    assert not PIECES.search(str(caught.value))


@pytest.mark.parametrize("form", FORMS)
def test_words_of_others_lose_it(form: str) -> None:
    url = form.format(scheme="http", password=PASSWORD)
    for words in (f"Custom endpoint `{url}` was no URI", f"cannot reach S3 at {url}: refused"):
        assert not PIECES.search(without_userinfo(words))
    assert without_userinfo("s3://lake/x: at 10:30, mail me@example.com") == (
        "s3://lake/x: at 10:30, mail me@example.com"
    )


@pytest.mark.parametrize("setting", ["source_database_url", "database_url"])
def test_a_second_at_sign_which_readers_take_differently_is_refused(setting: str) -> None:
    heard = said(**{setting: "postgresql://u:pre@secretTail9@127.0.0.1:1/db"})
    assert "percent-encoded" in heard
    assert "secretTail9" not in heard


@pytest.mark.parametrize(
    "url",
    [
        "http://u:Zq7Kx#@h:1",
        "http://u:Zq7Kx/b@h:1",
        "http://u:Zq7Kx?b@h:1",
        "http://u:a:Zq7Kx/b@h",
        "http://u:a@Zq7Kx@h:1",
    ],
)
def test_a_gateway_whose_url_cannot_be_read_is_not_said(url: str) -> None:
    published = _pushed(CollectorRegistry(), url, "wrote")
    assert not published.complete
    assert "CHIMERA_PUSHGATEWAY_URL" in published.message
    assert "Zq7Kx" not in published.message


def test_the_address_of_the_pages_has_no_user_as_it_stands_in_messages() -> None:
    with pytest.raises(SettingError, match="without user and password"):
        Settings(_env_file=None, ui_url=f"https://u:{PASSWORD}@pages.example.org")  # type: ignore[call-arg]
