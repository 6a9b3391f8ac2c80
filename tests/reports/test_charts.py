"""Axes have round marks, gaps stay gaps, and nothing of other people's is drawn into an SVG."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera_assets.reports.document import Chart, ChartKind, Kind, Series
from chimera_assets.reports.rendering.charts import bar_rows, svg
from chimera_assets.reports.rendering.charts.scales import scale, time_labels, time_marks

START = datetime(2026, 1, 5, tzinfo=UTC)
HOURS = tuple(START + timedelta(hours=hour) for hour in range(24))
finite = st.floats(min_value=-1e12, max_value=1e12).filter(lambda x: x == 0 or abs(x) > 1e-6)


def chart(kind: ChartKind, *series: Series, **changed: Any) -> Chart:
    return Chart(**{"name": "c", "title": "C", "alternative": "words", "kind": kind, "x": HOURS,
                    "series": series} | changed)  # fmt: skip


def texts(drawn: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawn)


@given(st.lists(finite), st.booleans())
def test_an_axis_holds_all_amounts_between_few_round_marks(
    amounts: list[float],
    from_zero: bool,  # noqa: FBT001
) -> None:
    axis = scale(amounts, from_zero=from_zero)

    assert all(-1e-6 <= axis.share(amount) <= 1 + 1e-6 for amount in amounts)
    assert 2 <= len(axis.marks) <= 8
    assert not from_zero or axis.low <= 0 <= axis.high
    labels = [axis.label(mark, Kind.number) for mark in axis.marks]
    assert len(set(labels)) == len(labels)


@given(st.integers(1, 5_000_000), st.integers(0, 400_000))
def test_marks_of_times_are_few_and_within(minutes: int, begin: int) -> None:
    first = START + timedelta(minutes=begin)
    last = first + timedelta(minutes=minutes)
    marks = time_marks(first, last)

    assert len(marks) <= 8
    assert all(first <= mark <= last for mark in marks)
    assert len(marks) >= 2 or last - first < timedelta(hours=3)


def test_labels_say_the_day_where_it_changes_and_the_year_where_there_are_two() -> None:
    day = time_marks(START, START + timedelta(days=1))
    year = time_marks(START, START + timedelta(days=500))

    assert time_labels(day) == ["5 Jan", "06:00", "12:00", "18:00", "6 Jan"]
    assert time_labels(year)[0].endswith(" 2026")
    assert time_labels(year)[-1].endswith(" 2027")


def test_a_missing_hour_interrupts_the_line_and_a_lonely_one_is_a_point() -> None:
    amounts = (None, 5, None, *range(10), None, *range(10))
    drawn = svg(chart(ChartKind.line, Series("a", amounts)))

    (path,) = re.findall(r'class="line s0"[^>]* d="([^"]*)"', drawn)
    assert path.count("M") == 2
    assert drawn.count("<circle") == 1
    ET.fromstring(drawn)  # noqa: S314 - ours


def test_columns_stand_on_top_of_each_other() -> None:
    low, high = Series("low", (1,) * 24), Series("high", (Decimal(3),) * 24)
    drawn = svg(chart(ChartKind.stacked, low, high))

    boxes = re.findall(
        r'class="(f\d)" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', drawn
    )
    (_, low_y, low_height), (_, high_y, high_height) = boxes[:2]
    assert float(high_y) + float(high_height) == pytest.approx(float(low_y), abs=0.2)
    assert float(high_height) == pytest.approx(3 * float(low_height), abs=0.3)
    assert len(boxes) == 48


def test_names_of_others_are_not_drawn() -> None:
    drawn = svg(chart(ChartKind.line, Series("</text><script>", (1,) * 24)))

    assert "script" not in drawn
    assert all(
        re.fullmatch(r"[\d.,\u00a0kMG%\u2212]+|\d+ [A-Z][a-z]{2}|\d\d:\d\d", one)
        for one in texts(drawn)
    )


@pytest.mark.parametrize("kind", ChartKind)
def test_one_time_alone_and_amounts_that_are_all_0_are_drawn(kind: ChartKind) -> None:
    for amount in (0, 7):
        drawn = svg(chart(kind, Series("a", (amount,)), x=(date(2026, 1, 5),)))
        assert "5 Jan" in texts(drawn)
        assert "nan" not in drawn


def test_bars_beside_texts_are_parts_of_the_longest() -> None:
    beside = chart(ChartKind.bar, Series("a", (50, 100, -100)), x=("x", "y", "z"), unit="USD")
    rows = bar_rows(beside)
    assert [(row.label, row.amount) for row in rows] == [
        ("x", "50\u00a0USD"), ("y", "100\u00a0USD"), ("z", "\u2212100\u00a0USD"),
    ]  # fmt: skip
    assert [(row.bars[0].start, row.bars[0].width) for row in rows] == [(50, 25), (50, 50), (0, 50)]

    stacked = chart(ChartKind.stacked, Series("a", (3, 0)), Series("b", (1, None)), x=("x", "y"))
    first, second = bar_rows(stacked)
    assert [(bar.start, bar.width) for bar in first.bars] == [(0, 75), (75, 25)]
    assert (first.amount, second.amount) == ("4", "0")
