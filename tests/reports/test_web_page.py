"""The page asks for nothing, runs nothing, and can be read by everybody."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from chimera_assets.reports.document import (
    Chart,
    ChartKind,
    Finding,
    Findings,
    Paragraph,
    Series,
    Status,
)
from chimera_assets.reports.rendering.web_page import html_bytes
from tests.reports.weekly_usage import TENANTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.reports.document import Document


class Read(HTMLParser):
    """What a page has: its tags with their attributes, and its texts."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def page(weekly: Document) -> Read:
    return Read(html_bytes(weekly))


def test_it_runs_nothing_and_asks_for_nothing(page: Read) -> None:
    names = {tag for tag, _ in page.tags}
    attributes = [one for _, tag in page.tags for one in tag.items()]

    assert names & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    assert [name for name, _ in attributes if name.startswith("on")] == []
    links = [value for name, value in attributes if name in {"href", "src", "xlink:href"}]
    assert links
    assert all(str(link).startswith("#section-") for link in links)
    styles = "".join(page.texts[:20]) + " ".join(str(v) for n, v in attributes if n == "style")
    assert re.search(r"url\(|@import|expression", styles) is None
    policy = {meta.get("http-equiv"): meta.get("content") for meta in page.all("meta")}
    assert policy["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    )


def test_it_can_be_read_without_seeing_it(page: Read) -> None:
    ids = [tag["id"] for _, tag in page.tags if "id" in tag]
    named = [tag["aria-labelledby"] for _, tag in page.tags if "aria-labelledby" in tag]
    pictures = [tag for _, tag in page.tags if tag.get("role") == "img"]

    assert page.all("html") == [{"lang": "en"}]
    assert len(ids) == len(set(ids))
    assert set(named) <= set(ids)
    assert len(pictures) == 14  # the fifteenth chart has no data, and says so
    assert all(len(str(one["aria-label"])) > 10 for one in pictures)
    assert {one.get("scope") for one in page.all("th")} == {"col"}
    assert len(page.all("h1")) == 1


def test_it_says_what_nobody_may_overlook_and_how_many_rows_there_are(page: Read) -> None:
    assert (
        "Hour 2026-01-05 03:00 UTC of generations is missing: its rows were rejected." in page.texts
    )
    assert "rows 1 to 200 of 230; all are in usage_by_tenant.csv" in page.texts
    assert "200 rows" in page.texts
    assert "no rows" in page.texts
    assert "no data: No incidents." in page.texts
    cells = [text for text in page.texts if text in TENANTS]
    assert set(TENANTS[:-1]) <= set(cells)
    assert "ab[U+202E]cd[U+001B][2J" in page.texts


def test_other_peoples_text_makes_no_tag(with_blocks: Callable[..., Document]) -> None:
    hostile = "\"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}</style>'"
    blocks = (
        Paragraph(hostile),
        Findings((Finding(hostile, hostile, Status.satisfied, (hostile,)),)),
        Chart("c", hostile, hostile, ChartKind.bar, (hostile,), (Series(hostile, (1,)),)),
    )
    read = Read(html_bytes(with_blocks(*blocks)))

    assert read.all("script") == read.all("img") == []
    assert read.texts.count(hostile) == 4
    labels = [tag.get("aria-label") for _, tag in read.tags]
    assert hostile in labels
