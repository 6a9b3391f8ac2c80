"""How the period of a report is written, and what is told of one that is none."""

from __future__ import annotations

import pytest

from chimera_assets.errors import ArgumentError
from chimera_assets.reports.order import Order
from chimera_assets.reports.periods import parse_period

ENDS = ("0001-01-01", "0001-01", "0001-W01", "9999-12-31", "9999-12", "9999-W52")


@pytest.mark.parametrize("written", [*ENDS, "0001-01-02..9999-12-31"])
def test_a_period_at_the_end_of_the_calendar_is_told(written: str) -> None:
    with pytest.raises(ArgumentError, match="within the years 1 to 9999"):
        parse_period(written)
    for zone in ("Asia/Tokyo", "America/New_York"):
        with pytest.raises(ArgumentError):
            parse_period(written, zone)


@pytest.mark.parametrize(
    ("written", "zone", "id_"),
    [
        ("2026-11-26..20261127", "UTC", "range-2026-11-26-to-2026-11-27"),
        (" 20261126 .. 2026-W48-5 ", "UTC", "range-2026-11-26-to-2026-11-27"),
        ("20261126", "Etc/UTC", "daily-2026-11-26"),
        ("2026-W48", "Zulu", "weekly-2026-W48"),
        ("2026-11", "Europe/Berlin", "monthly-2026-11-europe-berlin"),
    ],
)
def test_one_period_has_one_name(written: str, zone: str, id_: str) -> None:
    assert Order(parse_period(written, zone)).id == id_
