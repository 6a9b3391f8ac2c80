"""What landed of a file is taken back, or read again, in one commit that names the hours."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from chimera_assets.contracts.model import Column
from chimera_assets.lake import CommitConflict
from chimera_assets.run_context import RunContext
from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.landing import FileLog, Place, TakenBack, take_back, taking_back
from tests.sources.landing.conftest import Landing, contract, event, json_lines

LATER = {"timestamp": "2026-01-31T07:00:00Z", "created_at": "2026-01-31T07:00:00Z"}


def taken_back(landing: Landing, uri: str, *, again: bool) -> TakenBack:
    run = RunContext(landing.lake, datetime.now(UTC), "back")
    place = Place(landing.root) if again else None
    return take_back(run, contract(), uri, place=place)


def keys(landing: Landing) -> list[str]:
    return sorted(landing.rows()["event_id"].drop_nulls())


def states(landing: Landing) -> dict[str, str]:
    log = FileLog.read(landing.lake.table("landing", "generations"))
    return {Path(entry.uri).name: entry.state for entry in log.entries}


def landed_wrongly(landing: Landing) -> str:
    """A file of which an older version read half of the rows, into another hour."""
    uri = landing.drop("a.jsonl", json_lines([event(1), event(2, **LATER)]))
    landing.drop("b.jsonl", json_lines([event(3), event(4, **LATER)]))
    landing.take()
    table = landing.lake.table("landing", "generations")
    wrong = pl.col("event_id").ne_missing("e-1")
    table.overwrite(table.read().filter(wrong).collect(), partition_by=["hour_partition", "hour"])
    assert keys(landing) == ["e-2", "e-3", "e-4"]
    return uri


def test_a_file_is_read_again_in_place_of_what_landed_of_it(anywhere: Landing) -> None:
    uri = landed_wrongly(anywhere)
    before = anywhere.lake.table("landing", "generations").version()

    done = taken_back(anywhere, uri, again=True)

    assert keys(anywhere) == ["e-1", "e-2", "e-3", "e-4"]
    assert (done.rows, done.version) == (1, before + 1)
    assert done.hours == {"2026-01-31-05:00", "2026-01-31-07:00"}
    newest = anywhere.lake.table("landing", "generations").history(1)[0]
    assert json.loads(newest["chimera.landed_hours"]) == sorted(done.hours)
    assert anywhere.take().entries == []
    assert states(anywhere) == {"a.jsonl": "taken", "b.jsonl": "taken"}

    assert taken_back(anywhere, uri, again=True).rows == 2
    assert keys(anywhere) == ["e-1", "e-2", "e-3", "e-4"]


def test_a_file_is_taken_back_for_good_until_it_is_asked_for_again(landing: Landing) -> None:
    uri = landing.drop("a.jsonl", json_lines([event(1), event(2, **LATER)]) + b"broken\n")
    landing.drop("b.jsonl", json_lines([event(3)]))
    landing.take()

    assert taken_back(landing, uri, again=False).rows == 3

    assert keys(landing) == ["e-3"]
    assert landing.take().entries == []  # it still lies there
    assert states(landing) == {"a.jsonl": "removed", "b.jsonl": "taken"}
    taken_back(landing, uri, again=True)
    assert keys(landing) == ["e-1", "e-2", "e-3"]


def test_a_file_that_is_gone_is_not_taken_out_to_be_read_again(landing: Landing) -> None:
    uri = landing.drop("a.jsonl", json_lines([event(1)]))
    landing.take()
    Path(uri).unlink()
    with pytest.raises(SourceError, match=r"does not lie there any more.*chimera landing remove"):
        taken_back(landing, uri, again=True)
    assert keys(landing) == ["e-1"]


def test_a_file_that_is_cut_off_by_now_is_not_taken_out_to_be_read_again(landing: Landing) -> None:
    uri = landing.drop("a.jsonl.gz", json_lines([event(1)]))
    landing.take()
    whole = Path(uri).read_bytes()
    Path(uri).write_bytes(whole[:-9])
    with pytest.raises(SourceError, match=r"cut off.*chimera landing remove"):
        taken_back(landing, uri, again=True)
    assert keys(landing) == ["e-1"]

    assert taken_back(landing, uri, again=False).rows == 1
    assert keys(landing) == []
    assert states(landing) == {"a.jsonl.gz": "removed"}


def test_files_that_land_meanwhile_stay(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = landing.drop("a.jsonl", json_lines([event(1)]))
    landing.take()
    replace = taking_back.replace_rows

    def after_another(*given: object, **named: object) -> object:
        landing.drop("b.jsonl", json_lines([event(2)]))
        landing.take()
        return replace(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(taking_back, "replace_rows", after_another)
    with pytest.raises(CommitConflict, match="meanwhile"):
        taken_back(landing, uri, again=False)
    assert keys(landing) == ["e-1", "e-2"]
    monkeypatch.undo()
    taken_back(landing, uri, again=False)
    assert keys(landing) == ["e-2"]


def test_a_file_is_read_again_after_its_contract_changed(landing: Landing) -> None:
    """The rows of other files in its hours keep what they have."""
    uri = landing.drop("a.jsonl", json_lines([event(1, region="eu")]))
    landing.drop("b.jsonl", json_lines([event(2)]))
    landing.take()
    columns = contract().columns
    region = Column("region", "string", required=False, description="", classification="L0")
    without_model = tuple(column for column in columns if column.name != "model")
    for now, regions, models in (
        ((*columns, region), ["eu", None], ["m-1", "m-1"]),
        ((*without_model, region), ["eu", None], [None, "m-1"]),
    ):
        run = RunContext(landing.lake, datetime.now(UTC), "run")
        changed = dataclasses.replace(contract(), columns=now)
        take_back(run, changed, uri, place=Place(landing.root))
        found = landing.rows().sort("event_id")
        assert found["region"].to_list() == regions
        assert found["model"].to_list() == models
