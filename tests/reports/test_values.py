"""One rule shows a value to people, one writes it for machines."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from chimera_assets.reports.document import DocumentError, Figure, Kind
from chimera_assets.reports.rendering.machines import scalar, text
from chimera_assets.reports.rendering.people import change, shown

BERLIN = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("value", "kind", "people", "machines"),
    [
        (None, Kind.number, "\u2013", ""),
        (True, Kind.flag, "yes", "true"),
        (1_234_567, Kind.number, "1,234,567", "1234567"),
        (-5, Kind.number, "\u22125", "-5"),
        (5, Kind.money, "5.00", "5"),
        (Decimal("1234.5"), Kind.money, "1,234.50", "1234.5"),
        (Decimal("77.449364700000000"), Kind.money, "77.4493647", "77.449364700000000"),
        (Decimal("0.000001234"), Kind.money, "0.000001234", "0.000001234"),
        (Decimal("1E+3"), Kind.number, "1,000", "1000"),
        (412.339, Kind.number, "412.34", "412.339"),
        (0.00012, Kind.number, "0.00012", "0.00012"),
        (-0.0, Kind.number, "0.00", "-0.0"),
        (float("nan"), Kind.number, "NaN", "NaN"),
        (float("-inf"), Kind.number, "-Infinity", "-Infinity"),
        (0.9981, Kind.share, "99.8\u00a0%", "0.9981"),
        (0.99996, Kind.share, "99.996\u00a0%", "0.99996"),
        (0.9999999999, Kind.share, "below 100\u00a0%", "0.9999999999"),
        (1e-12, Kind.share, "above 0\u00a0%", "1e-12"),
        (1.0, Kind.share, "100.0\u00a0%", "1.0"),
        (-0.0, Kind.share, "0.0\u00a0%", "-0.0"),
        (date(2026, 1, 5), Kind.time, "2026-01-05", "2026-01-05"),
        (
            datetime(2026, 1, 5, 4, tzinfo=BERLIN),
            Kind.time,
            "2026-01-05 03:00\u00a0UTC",
            "2026-01-05T03:00:00Z",
        ),
        (
            datetime(2026, 1, 5, 3, 0, 1, 250_000, tzinfo=UTC),
            Kind.time,
            "2026-01-05 03:00:01.250000\u00a0UTC",
            "2026-01-05T03:00:01.250000Z",
        ),
    ],
)
def test_a_value_for_people_and_for_machines(
    value: object, kind: Kind, people: str, machines: str
) -> None:
    assert shown(value, kind) == people  # type: ignore[arg-type]
    assert text(value) == machines  # type: ignore[arg-type]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(DocumentError, match="expected a time with its zone"):
        scalar(datetime(2026, 1, 5))  # noqa: DTZ001


@given(st.one_of(st.integers(), st.floats(), st.decimals(allow_nan=False, allow_infinity=False)))
def test_json_holds_every_number_exactly(value: float | Decimal) -> None:
    read = json.loads(rfc8785.dumps(scalar(value)))

    if isinstance(value, int):
        assert int(read) == value
    elif isinstance(value, Decimal):
        assert (type(read), Decimal(read)) == (str, value)
    else:
        assert repr(float(read)) == repr(value + 0.0)


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True))
def test_a_share_short_of_the_whole_never_shows_as_the_whole(share: float) -> None:
    assert shown(share, Kind.share).removesuffix("\u00a0%") not in {"0.0", "100.0", "0", "100"}


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (Figure("a", 120, before=100, unit="ms"), "+20.0\u00a0% from 100\u00a0ms"),
        (
            Figure("a", Decimal("95.50"), Kind.money, "USD", 100),
            "\u22124.5\u00a0% from 100.00\u00a0USD",
        ),
        (Figure("a", 0.97, Kind.share, before=0.98), "\u22121.0 points from 98.0\u00a0%"),
        (Figure("a", 5, before=0), "from 0"),
        (Figure("a", 5, before=5), "unchanged from 5"),
        (Figure("a", 1_000_000, before=999_999), "less than ±0.1\u00a0% from 999,999"),
        (Figure("a", 5), ""),
        (Figure("a", None, before=5), ""),
    ],
)
def test_a_figure_says_how_it_moved(figure: Figure, said: str) -> None:
    assert change(figure) == said
