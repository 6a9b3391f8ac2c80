"""A document that says something impossible is refused where it is made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.reports.document import (
    Chart,
    ChartKind,
    Column,
    Document,
    DocumentError,
    Period,
    Section,
    Series,
    Table,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TWO = (Column("a", "A"), Column("b", "B"))
DAYS = (date(2026, 1, 5), date(2026, 1, 6))
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def chart(**changed: Any) -> Chart:
    one: dict[str, Any] = {
        "name": "requests",
        "title": "Requests",
        "alternative": "They grow.",
        "kind": ChartKind.line,
        "x": DAYS,
        "series": (Series("all", (1, 2)),),
    }
    return Chart(**one | changed)


IMPOSSIBLE: dict[str, Callable[[], object]] = {
    "table t, row 2: expected 2 values, found 1": lambda: Table(
        "t", "T", TWO, (("x", "y"), ("x",))
    ),
    "table t: expected at least one column, found none": lambda: Table("t", "T", (), ()),
    "table t: expected different names of columns, found a twice": lambda: Table(
        "t", "T", (TWO[0], TWO[0]), ()
    ),
    "table ../t: expected small letters": lambda: Table("../t", "T", TWO, ()),
    "chart requests: expected an alternative text": lambda: chart(alternative=" "),
    "chart requests: expected at least one series": lambda: chart(series=()),
    "series all: expected 2 amounts, found 1": lambda: chart(series=(Series("all", (1,)),)),
    "expected numbers, or None for a gap, found nan": lambda: chart(
        series=(Series("all", (1, float("nan"))),)
    ),
    "expected nothing below 0 in a stack, found -1": lambda: chart(
        kind=ChartKind.stacked, series=(Series("all", (1, -1)),)
    ),
    "expected ascending times as x": lambda: chart(x=DAYS[::-1]),
    "expected x of one type, found date, str": lambda: chart(x=(DAYS[0], "later")),
    "expected times or dates as x of lines": lambda: chart(x=("a", "b")),
    "expected different texts as x, found a twice": lambda: chart(kind=ChartKind.bar, x=("a", "a")),
    "period, start: expected a time in UTC": lambda: Period(
        NOON.replace(tzinfo=timezone(timedelta(hours=1))), NOON, "daily"
    ),
    "period: expected an end after its start": lambda: Period(NOON, NOON, "daily"),
}


@pytest.mark.parametrize("said", IMPOSSIBLE)
def test_what_cannot_be_is_refused_by_name(said: str) -> None:
    with pytest.raises(DocumentError) as refused:
        IMPOSSIBLE[said]()
    assert said in str(refused.value)


def test_a_report_has_a_title_a_time_a_language_and_names_that_differ(weekly: Document) -> None:
    twice = Section("usage", "Usage", tuple(weekly.tables())[:1])
    for said, change in {
        "expected a title": {"title": " "},
        "generated_at: expected a time in UTC": {"generated_at": NOON.replace(tzinfo=None)},
        "expected a language as en, found 'en\"#x'": {"language": 'en"#x'},
        "expected different sections, found usage twice": {"sections": (twice, twice)},
        "expected different tables, found usage_by_tenant twice": {
            "sections": (twice, replace(twice, id="again"))
        },
    }.items():
        with pytest.raises(DocumentError) as refused:
            replace(weekly, **change)  # type: ignore[arg-type]
        assert said in str(refused.value)
