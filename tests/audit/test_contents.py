"""Whoever puts another file in the place of a data file is found, however well it fits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from chimera_assets.audit.commits import record_commits
from chimera_assets.audit.contents import check_contents
from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.lake.integrity import changed_files, damaged_files
from chimera_assets.run_context import RunContext
from tests.audit.small_table import RAW, START, write_hour

if TYPE_CHECKING:
    from chimera_assets.audit import AuditLog
    from chimera_assets.audit.findings import Check


def contents(log: AuditLog, lake: Lake) -> Check:
    record_commits(log, lake)
    with log.database.transaction() as session:
        return check_contents(session, lake)


def data_files(lake: Lake) -> list[Path]:
    """The data files of the newest version, by hour."""
    table = DeltaTable(lake.table(*RAW).uri)
    return sorted(Path(one) for one in table.file_uris())


@pytest.mark.criterion("006.7")
def test_a_valid_file_of_the_same_size_in_the_place_of_another_is_found(
    log: AuditLog, lake: Lake
) -> None:
    for hour in range(3):
        write_hour(lake, hour)
    found = contents(log, lake)
    assert (found.status, found.checked, found.notes) == ("satisfied", 3, [])

    # Another name of an event, of the same length; written as ours are, with checksums of its own.
    victim = data_files(lake)[1]
    rows, size = pl.from_arrow(pq.read_table(victim, partitioning=None)), victim.stat().st_size
    assert isinstance(rows, pl.DataFrame)
    others = rows.with_columns(event_id=pl.col("event_id").str.replace("e-", "x-")).to_arrow()
    pq.write_table(
        others.cast(pq.read_schema(victim)),
        victim,
        compression="snappy",
        use_dictionary=False,
        version="2.6",
        write_page_checksum=True,
    )
    table = lake.table(*RAW)
    assert victim.stat().st_size == size
    assert damaged_files(table).is_empty()
    assert changed_files(table).is_empty()

    found = contents(log, lake)
    path = victim.relative_to(table.uri)
    expected = "expected the bytes that were committed, found others"
    assert found.problems == [f"raw/events, {path}: {expected}"]
    victim.unlink()
    (gone,) = contents(log, lake).problems
    assert gone.endswith("found no file")


def test_files_that_upkeep_merges_are_recorded_and_those_it_deletes_are_not_missed(
    log: AuditLog, lake: Lake
) -> None:
    for hour in (0, 0, 1):
        write_hour(lake, hour)
    table = lake.table(*RAW)
    table.append(table.read().collect().head(2))
    table.optimize()
    table.vacuum(0)
    found = contents(log, lake)
    assert (found.status, found.checked) == ("satisfied", len(data_files(lake)))
    assert found.notes == []
    # What no entry speaks of yet, or was added before this was recorded, is counted.
    write_hour(lake, 2)
    with log.database.transaction() as session:
        other = check_contents(session, Lake(lake.uri))
    assert (other.status, other.notes) == (
        "satisfied",
        ["no entry says what was in 1 file"],
    )


@pytest.mark.criterion("006.7")
def test_each_of_many_files_is_recorded_in_a_list_that_the_entry_names(
    log: AuditLog, lake: Lake
) -> None:
    hours = HourRange(START, START + timedelta(hours=45))
    RunContext(lake, START, "run-1")
    rows = [(f"e-{hour:%d%H}", hour.date(), hour.hour) for hour in hours]
    schema = {"event_id": pl.String, "hour_partition": pl.Date, "hour": pl.Int32}
    lake.table(*RAW).write_hours(pl.DataFrame(rows, schema, orient="row"), hours)
    found = contents(log, lake)
    assert (found.status, found.checked, found.notes) == ("satisfied", 45, [])
    last = data_files(lake)[-1]
    last.write_bytes(last.read_bytes()[::-1])
    (problem,) = contents(log, lake).problems
    assert str(last.relative_to(lake.table(*RAW).uri)) in problem
    (listed,) = Path(lake.uri, "audit", "contents").iterdir()
    listed.write_text(listed.read_text().replace("a", "b"))
    (problem,) = contents(log, lake).problems
    assert problem.endswith(f"expected its list {listed}, found others")


@pytest.mark.criterion("006.7")
def test_a_file_that_was_changed_while_it_was_an_older_version_is_no_better_after_a_restore(
    log: AuditLog, lake: Lake
) -> None:
    write_hour(lake, 0)
    (old,) = data_files(lake)
    record_commits(log, lake)
    write_hour(lake, 0, rows=4)
    old.write_bytes(old.read_bytes()[::-1])
    (problem,) = contents(log, lake).problems
    assert problem.endswith("expected the bytes that were committed, found others")
    lake.table(*RAW).restore(1)
    again = contents(log, lake).problems
    assert any("expected the bytes that were committed first, found others" in one for one in again)


def test_what_was_not_asked_for_and_what_lies_on_s3_says_why(log: AuditLog, bucket: str) -> None:
    with log.database.transaction() as session:
        (why,) = check_contents(session, Lake(f"s3://{bucket}/lake")).notes
    assert "S3" in why
