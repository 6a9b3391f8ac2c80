"""Of rows with one key the latest arrival stays, whatever the order they come in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chimera_assets.quality.duplicates import fingerprint, latest
from tests.quality.rows import HOUR, good_row, raw_frame, shipped

arrivals = st.sampled_from([None, *(HOUR + timedelta(minutes=n) for n in range(3))])
arrived = st.tuples(
    st.sampled_from(["a", "b", "c"]), arrivals, st.sampled_from([1, 2, 30]), st.integers(0, 1)
)


def rank(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else 0.0


@given(given_rows=st.lists(arrived, min_size=1, max_size=20), chance=st.randoms())
@settings(max_examples=100)
def test_the_latest_arrival_wins_and_ties_do_not_depend_on_the_order(
    given_rows: list[tuple[str, datetime | None, int, int]], chance: Any
) -> None:
    contract = shipped()["generations"]
    rows = [
        good_row(
            hour=HOUR + timedelta(hours=hour), event_id=key, created_at=moment, tokens_used=tokens
        )
        for key, moment, tokens, hour in given_rows
    ]
    frame = raw_frame(contract, rows)
    shuffled = raw_frame(contract, chance.sample(rows, len(rows)))

    kept = latest(contract, frame)

    assert kept.equals(latest(contract, shuffled))
    newest: dict[tuple[int, str], float] = {}
    for key, moment, _, hour in given_rows:
        newest[hour, key] = max(rank(moment), newest.get((hour, key), 0.0))
    found = {
        (row["hour"] - HOUR.hour, row["event_id"]): rank(row["created_at"])
        for row in kept.iter_rows(named=True)
    }
    assert kept.height == len(found)
    assert found == newest
    prints = frame.select("hour", "event_id", print=fingerprint(contract))
    assert prints["print"].n_unique() == prints.select("hour", "event_id").n_unique()
