"""Every commit on a table gets one entry: once, whoever writes it, whatever ends the process."""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake

from chimera_assets.access.principal import Kind, Principal
from chimera_assets.audit import AuditLog, Wanted, newest
from chimera_assets.audit.commits import record_commits
from chimera_assets.audit.table_verification import check_actors, check_tables
from chimera_assets.lake import Lake
from chimera_assets.postgres.platform.database import PlatformDatabase
from tests.audit.small_table import RAW, write_hour

if TYPE_CHECKING:
    from chimera_assets.audit import Entry
    from chimera_assets.settings import Settings

ALICE = Principal(Kind.PERSON, "alice", "chimera backfill")


def entries(log: AuditLog) -> list[Entry]:
    """The entries of commits, oldest first."""
    return newest(log.database, Wanted(action="table.commit"), 1_000)[::-1]


def versions(log: AuditLog) -> list[int]:
    return [(one.after or {})["version"] for one in entries(log)]


def problems(log: AuditLog, lake: Lake) -> list[str]:
    with log.database.transaction() as session:
        return check_tables(session, lake).problems


def by_nobody(log: AuditLog, lake: Lake) -> list[str]:
    """What `actors` finds, once all commits are entered."""
    record_commits(log, lake)
    with log.database.transaction() as session:
        return check_actors(session).problems


def entry_file(lake: Lake, version: int) -> Path:
    return Path(lake.uri, *RAW, "_delta_log", f"{version:020}.json")


def test_a_commit_has_an_entry_that_says_what_it_did(log: AuditLog, lake: Lake) -> None:
    with log.change("hours.backfill", "hours 0", actor=ALICE, run_id="run-1"):
        write_hour(lake, 0, rows=5)
    assert record_commits(log, lake) == 2  # one that makes the table, one with the rows
    assert record_commits(log, lake) == 0

    made, written = entries(log)
    assert (made.resource, made.before, (made.after or {})["write"]) == (
        "raw/events",
        None,
        "create",
    )
    assert "event_id string" in (made.after or {})["columns"]
    assert (written.actor, written.run_id) == (ALICE, "run-1")
    assert written.before == {"version": 0}
    said = written.after or {}
    assert (said["version"], said["rows"], said["files"], said["files_removed"]) == (1, 5, 1, 0)
    assert (said["write"], said["batch"]) == ("replace hours", "b-0")
    assert said["hours"] == "2026-01-31-00:00"
    assert said["code"]
    assert problems(log, lake) == []


def test_what_a_killed_process_could_not_enter_the_next_one_does(
    log: AuditLog, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hour(lake, 0)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("chimera_assets.audit.log._as_row", killed)
        with pytest.raises(KeyboardInterrupt):
            record_commits(log, lake)
    assert entries(log) == []
    write_hour(lake, 1)
    record_commits(log, lake)
    assert versions(log) == [0, 1, 2]


def test_processes_at_once_enter_each_commit_once(
    log: AuditLog, logins: Settings, lake: Lake
) -> None:
    for hour in range(8):
        write_hour(lake, hour)

    def enter() -> None:
        with closing(PlatformDatabase(logins)) as database:
            record_commits(AuditLog(database), Lake(lake.uri))

    together = [threading.Thread(target=enter) for _ in range(4)]
    for each in together:
        each.start()
    for each in together:
        each.join()
    assert versions(log) == list(range(9))
    assert problems(log, lake) == []


def test_another_programs_commit_is_entered_and_named(log: AuditLog, lake: Lake) -> None:
    with log.change("hours.run", "hours 0", actor=ALICE, run_id="run-1"):
        write_hour(lake, 0)
    table = lake.table(*RAW)
    write_deltalake(table.uri, table.read().collect(), mode="append")
    record_commits(log, lake)

    foreign = entries(log)[-1]
    assert foreign.actor.kind is Kind.SYSTEM
    assert foreign.actor.name == "unknown"
    assert (foreign.after or {})["operation"] == "WRITE"
    with log.database.transaction() as session:
        (found,) = check_actors(session).problems
    assert "raw/events version 2: expected a run on the record, found delta-rs" in found


def test_a_commit_of_a_run_that_has_no_entry_is_named(log: AuditLog, lake: Lake) -> None:
    write_hour(lake, 0, run_id="off the record")
    record_commits(log, lake)
    with log.database.transaction() as session:
        assert len(check_actors(session).problems) == 2


#: What the first actions of a forged commit say of it.
SAID: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "a table made": [{"commitInfo": {"operation": "CREATE TABLE", "engineInfo": "spark"}}],
    "a write of ours": [{"commitInfo": {"chimera.write": "replace hours"}}],
    "a run, but by another program": [{"commitInfo": {"operation": "WRITE", "run": "run-1"}}],
    "no words": [{"commitInfo": None}],
}


@pytest.mark.parametrize("said", SAID.values(), ids=list(SAID))
def test_whatever_a_commit_says_it_is_named_unless_its_run_is_known(
    log: AuditLog, lake: Lake, said: list[dict[str, Any]]
) -> None:
    with log.change("hours.run", "hours 0", actor=ALICE, run_id="run-1"):
        write_hour(lake, 0)
    assert by_nobody(log, lake) == []

    written = [json.loads(line) for line in entry_file(lake, 1).read_text().splitlines()]
    path = next(one["add"]["path"] for one in written if "add" in one)
    gone = {"remove": {"path": path, "dataChange": True, "deletionTimestamp": 0}}
    lines = [json.dumps(action) for action in (*said, gone)]
    entry_file(lake, 2).write_text("\n".join(lines))

    (problem,) = by_nobody(log, Lake(lake.uri))
    assert "raw/events version 2: expected a run on the record, found " in problem


def test_a_table_that_another_program_made_is_named(log: AuditLog, lake: Lake) -> None:
    schema = Schema.from_arrow(pa.schema([("a", pa.int64())]))
    said = CommitProperties({"chimera.write": "create"})
    for name, properties in (("foreign", None), ("forged", said)):
        place = Path(lake.uri, "raw", name)
        place.mkdir(parents=True)
        DeltaTable.create(str(place), schema, commit_properties=properties)

    foreign, forged = by_nobody(log, lake)
    assert "raw/foreign version 0: expected a run on the record, found delta-rs" in foreign
    assert "raw/forged version 0: expected a run on the record, found a run that has" in forged


def test_a_commit_that_was_copied_into_another_table_is_named(log: AuditLog, lake: Lake) -> None:
    with log.change("hours.run", "hours 0", actor=ALICE, run_id="run-1"):
        write_hour(lake, 0)
    shutil.copytree(Path(lake.uri, *RAW), Path(lake.uri, "raw", "others"))
    (problem,) = by_nobody(log, lake)
    assert problem == (
        "raw/others version 1: expected a commit with an id of its own, found that of raw/events "
        "version 1: made to look like one of ours"
    )


def test_a_table_that_was_rolled_back_is_found_for_ever(log: AuditLog, lake: Lake) -> None:
    for hour in range(4):
        write_hour(lake, hour)
    record_commits(log, lake)

    entry_file(lake, 4).unlink()
    assert problems(log, Lake(lake.uri)) == [
        "raw/events: expected version 4, found 3 as the newest: rolled back"
    ]
    again = Lake(lake.uri)
    write_hour(again, 7)
    record_commits(log, again)
    assert versions(log) == [0, 1, 2, 3, 4, 4]
    assert problems(log, again) == [
        "raw/events: version 4: expected one, found another later: rolled back and replaced"
    ]


def test_a_restore_by_us_is_a_commit_like_others(log: AuditLog, lake: Lake) -> None:
    for hour in range(2):
        write_hour(lake, hour)
    lake.table(*RAW).restore(1)
    record_commits(log, lake)
    said = entries(log)[-1].after or {}
    assert (said["write"], said["restored"], said["version"]) == ("restore", "1", 3)
    assert problems(log, lake) == []


@pytest.mark.parametrize("change", ["edited", "deleted table", "made anew"])
def test_what_is_done_to_a_table_behind_our_back_is_found(
    log: AuditLog, lake: Lake, change: str
) -> None:
    for hour in range(2):
        write_hour(lake, hour)
    record_commits(log, lake)
    after = Lake(lake.uri)
    if change == "edited":
        file = entry_file(lake, 1)
        file.write_bytes(file.read_bytes().replace(rb"Records\": 3", rb"Records\": 4"))
        expected = "version 1: expected the commit that was entered, found another"
    else:
        shutil.rmtree(Path(lake.uri, *RAW))
        expected = "expected the table, found none"
    if change == "made anew":
        write_hour(after, 0)
        expected = "with its 3 versions, found"
    assert any(expected in problem for problem in problems(log, after))
    record_commits(log, after)  # what is there is entered nevertheless
    assert any(expected in problem for problem in problems(log, after))


def test_a_log_that_was_cleaned_up_is_as_good(log: AuditLog, lake: Lake) -> None:
    for hour in range(3):
        write_hour(lake, hour)
    record_commits(log, lake)
    lake.table(*RAW).fresh().create_checkpoint()
    for version in range(3):
        entry_file(lake, version).unlink()
    after = Lake(lake.uri)
    write_hour(after, 3)
    record_commits(log, after)
    assert versions(log) == [0, 1, 2, 3, 4]
    assert problems(log, after) == []


def test_commits_from_before_the_log_begin_where_the_tables_log_does(
    log: AuditLog, lake: Lake
) -> None:
    for hour in range(3):
        write_hour(lake, hour)
    lake.table(*RAW).fresh().create_checkpoint()
    for version in range(3):
        entry_file(lake, version).unlink()
    record_commits(log, Lake(lake.uri))
    assert versions(log) == [3]
    assert problems(log, lake) == []


def test_a_table_that_cannot_be_read_holds_up_no_other(log: AuditLog, lake: Lake) -> None:
    write_hour(lake, 0)
    lake.table("marts", "facts").overwrite(pl.DataFrame({"a": [1]}))
    Path(lake.uri, "marts", "facts", "_delta_log", f"{0:020}.json").write_bytes(b"{")
    with pytest.raises(Exception, match="marts/facts"):
        record_commits(log, Lake(lake.uri))
    assert {one.resource for one in entries(log)} == {"raw/events"}
    (problem,) = problems(log, Lake(lake.uri))
    assert problem.startswith("marts/facts: expected a table that can be read, found: ")


def test_commits_on_s3_are_entered_likewise(log: AuditLog, bucket: str) -> None:
    lake = Lake(f"s3://{bucket}/lake")
    write_hour(lake, 0)
    assert record_commits(log, lake) == 2
    write_hour(lake, 1)
    assert record_commits(log, Lake(lake.uri)) == 1
    assert versions(log) == [0, 1, 2]
    assert problems(log, lake) == []
