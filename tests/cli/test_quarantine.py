"""`chimera quarantine`: which rows, why, and what was in them, for eyes that may see it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.hours import HourRange
from chimera_assets.quality import stage_hours
from chimera_assets.run_context import RunContext
from tests.cli.conftest import HOURS, JUDGED, NEGATIVE, TWICE_WRONG
from tests.quality.rows import good_row, raw_frame, shipped

if TYPE_CHECKING:
    from chimera_assets.lake import Lake
    from tests.cli.conftest import Chimera

SUBJECT = "alice@example.com"

pytestmark = pytest.mark.usefixtures("lake_of_four_hours")


def _listed(chimera: Chimera, *options: str) -> list[str]:
    reported = json.loads(chimera("quarantine", "list", "--json", *options).out)
    return sorted(row["key"] for row in reported["rows"])


def test_rows_are_listed_with_their_reasons_and_no_values(chimera: Chimera) -> None:
    said = chimera("quarantine", "list", "--json", "--limit", "100")
    reported = json.loads(said.out)
    assert reported["total"] == len(reported["rows"]) == 22
    reasons = {reason["reason"]: reason["rows"] for reason in reported["reasons"]}
    assert reasons["latency_ms_range"] == 2
    assert max(reasons.values()) == 20
    twice = next(row for row in reported["rows"] if row["key"] == TWICE_WRONG)
    assert "latency_ms_range" in twice["reasons"]
    assert len(twice["reasons"]) == 2
    assert SUBJECT not in said.out


def test_the_list_is_filtered_by_stream_hour_and_reason(chimera: Chimera) -> None:
    assert _listed(chimera, "--hour", "2026-01-31T00") == [NEGATIVE]
    assert _listed(chimera, "--to", "2026-01-31T02") == [NEGATIVE, TWICE_WRONG]
    assert _listed(chimera, "--from", "2026-01-31T01", "--to", "2026-01-31T02") == [TWICE_WRONG]
    assert _listed(chimera, "--reason", "latency_ms_range") == [NEGATIVE, TWICE_WRONG]
    assert _listed(chimera, "--stream", "jailbreak_tests") == []


def test_a_rejected_row_whose_key_is_published_by_now_says_so(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    """The mended row came beside it, as a mended line of a file does; it stays in quarantine."""
    contract, hour = shipped()["generations"], HourRange.single(HOURS.start)
    raw = lake_of_four_hours.table("raw", contract.stream)
    rows = raw.read(hour).collect()
    mended = rows.filter(event_id=NEGATIVE).with_columns(latency_ms=1.0)
    raw.write_hours(pl.concat([rows, mended]), hour)
    stage_hours(RunContext(lake_of_four_hours, JUDGED, "again"), contract, hour)
    listed = json.loads(chimera("quarantine", "list", "--json", "--limit", "100").out)["rows"]
    assert len(listed) == 22
    assert [row["key"] for row in listed if row["key_published"]] == [NEGATIVE]
    said = chimera("quarantine", "list", "--hour", "2026-01-31T00").out
    assert re.search(f"{NEGATIVE} .* new +yes", said)


def test_a_cut_list_says_so(chimera: Chimera) -> None:
    said = chimera("quarantine", "list", "--limit", "3")
    assert "3 of 22 rows" in said.err
    assert "latency_ms_range" in said.out


def test_a_row_is_shown_with_every_reason_in_words(chimera: Chimera) -> None:
    said = chimera("quarantine", "show", TWICE_WRONG)
    assert said.code == 0
    assert "Between 0 and 10,000 ms" in said.out
    assert "nobody" in said.out
    assert "-1.0" in said.out


def test_personal_values_are_masked(chimera: Chimera) -> None:
    said = chimera("quarantine", "show", NEGATIVE)
    assert SUBJECT not in said.out + said.err
    assert "--reveal" in said.err


def test_what_could_not_be_read_is_named_by_column(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    """Text of a text column, in bytes that are none, looks like any other in the record."""
    texts = json.dumps({"latency_ms": "soon", "user_id": SUBJECT + "\\377"})
    unread = good_row(7, HOURS.start, latency_ms=None, user_id=None, _unreadable=texts)
    line = json.dumps({"_rule": "malformed_line", "_text": "{"})
    malformed = good_row(8, HOURS.start, _unreadable=line)
    contract = shipped()["generations"]
    hour = HourRange.single(HOURS.start)
    raw = lake_of_four_hours.table("raw", contract.stream)
    raw.write_hours(raw_frame(contract, [unread, malformed]), hour)
    stage_hours(RunContext(lake_of_four_hours, JUDGED, "again"), contract, hour)

    said = chimera("quarantine", "show", unread["event_id"])
    assert re.search(
        r"^readable +latency_ms, user_id +Every value of the row can", said.out, re.MULTILINE
    )
    assert re.search(r'^latency_ms +"soon"', said.out, re.MULTILINE)
    assert SUBJECT not in said.out
    assert "_unreadable" not in said.out
    said = chimera("quarantine", "show", malformed["event_id"])
    assert re.search(r"^malformed_line +- +Every line of a file", said.out, re.MULTILINE)


def test_a_stream_without_a_contract_any_more_shows_no_value(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    table = lake_of_four_hours.table("quarantine", "generations")
    lake_of_four_hours.table("quarantine", "retired").overwrite(table.read().collect())
    said = chimera("quarantine", "list", "--stream", "retired")
    assert said.code == 0
