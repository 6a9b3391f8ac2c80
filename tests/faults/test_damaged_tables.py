"""What something other than Delta does to a table's files: named, with a remedy, or harmless.

After each damage a user reads, and the next write comes; then does what the error says.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from chimera_assets.lake import Lake, LakeError, Table, TableNotFound
from chimera_assets.lake.errors import TableDamaged
from chimera_assets.warehouse import duckdb
from tests.lake.conftest import events, hours

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.conftest import Survived

LOG = "_delta_log"
NEWEST = f"{LOG}/{3:020}.json"
CHECKPOINT = f"{LOG}/{3:020}.checkpoint.parquet"
HINT = f"{LOG}/_last_checkpoint"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a table with three hours of ten rows."""
    table = Lake(str(tmp_path / "lake")).table("staged", "generations")
    for hour in range(3):
        table.write_hours(events(hours(hour)), hours(hour))
    return Path(table.uri)


def opened(folder: Path) -> Table:
    """The table as a process finds it that has just started."""
    return Lake(str(folder.parents[1])).table("staged", "generations")


def count(folder: Path) -> int:
    return opened(folder).read().collect().height


def halve(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def data_file(folder: Path) -> Path:
    return next((folder / "hour_partition=2026-01-31" / "hour=0").glob("*.parquet"))


def checkpointed(folder: Path) -> None:
    DeltaTable(str(folder)).create_checkpoint()


def refused(attempt: Callable[[], object], *words: str) -> str:
    with pytest.raises(TableDamaged) as error:
        attempt()
    text = str(error.value)
    assert "\n" not in text
    assert "staged/generations" in text
    assert [word for word in words if word not in text] == []
    return text


def every_use_is_refused(folder: Path, *words: str) -> None:
    wanted = hours(5)
    before = sorted(path for path in folder.rglob("*") if path.is_file())
    for attempt in (
        lambda: opened(folder).read().collect(),
        lambda: opened(folder).count(),
        lambda: opened(folder).exists(),
        lambda: opened(folder).history(),
        lambda: opened(folder).read(version=1),
        lambda: opened(folder).write_hours(events(wanted), wanted),
        lambda: opened(folder).append(events(wanted)),
    ):
        refused(attempt, *words)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == before


@pytest.mark.parametrize("left", ["half", "nothing", "noise"])
def test_a_damaged_newest_log_entry(folder: Path, left: str, survived: Survived) -> None:
    """An entry without a byte would be read as a commit that changed nothing: ten rows missing."""
    already_open = opened(folder)
    assert already_open.count() == 30
    entry = folder / NEWEST
    content = entry.read_bytes()
    entry.write_bytes({"half": content[: len(content) // 2], "nothing": b""}.get(left, b"\xd8\x01"))
    problem = "is empty" if left == "nothing" else "is cut or damaged"
    every_use_is_refused(folder, NEWEST, problem, "as of version 2", "chimera backfill")
    if left == "nothing":
        refused(already_open.count, NEWEST)

    entry.unlink()
    assert count(folder) == 20
    opened(folder).write_hours(events(hours(2)), hours(2))
    assert count(folder) == 30
    survived("damaged log entry")


def test_a_log_entry_that_is_gone_from_the_middle(folder: Path, survived: Survived) -> None:
    backup = (folder / f"{LOG}/{1:020}.json").read_bytes()
    (folder / f"{LOG}/{1:020}.json").unlink()
    every_use_is_refused(folder, f"{LOG}/{1:020}.json is missing", "backup", "move the table")
    (folder / f"{LOG}/{1:020}.json").write_bytes(backup)
    assert count(folder) == 30
    survived("damaged log entry")


@pytest.mark.parametrize("damage", ["gone", "half", "empty", "zeros", "noise"])
def test_a_damaged_data_file_is_named_and_its_hour_mended(
    folder: Path, damage: str, survived: Survived
) -> None:
    file = data_file(folder)
    match damage:
        case "gone":
            file.unlink()
        case "half":
            halve(file)
        case "empty":
            file.write_bytes(b"")
        case "zeros":
            file.write_bytes(bytes(file.stat().st_size))
        case _:
            content = file.read_bytes()
            file.write_bytes(content[:4] + b"\xff" * (len(content) - 8) + content[-4:])
    words = (file.name, "chimera backfill --start 2026-01-31T00:00Z --end 2026-01-31T01:00Z")

    refused(lambda: list(opened(folder).batches()), *words)
    refused(lambda: opened(folder).merge(events(hours(0)), ["event_id"], hours(0)), *words)
    if damage != "noise":  # that is found when it is read
        refused(lambda: opened(folder).read(), *words)
    # Other hours can be read and written; what their writes need stands in the log.
    assert opened(folder).read(hours(1, 2)).collect().height == 20
    opened(folder).write_hours(events(hours(4)), hours(4))
    assert opened(folder).count() == 40

    opened(folder).write_hours(events(hours(0)), hours(0))
    assert count(folder) == 40
    survived("missing or damaged data file")


def test_versions_whose_files_vacuum_deleted_are_reported_as_such(folder: Path) -> None:
    table = opened(folder)
    table.write_hours(events(hours(0), value=7), hours(0))
    table.vacuum(0)
    with pytest.raises(TableNotFound, match=r"version 3 can no longer be read: .*the newest is 6"):
        opened(folder).read(version=3)
    with pytest.raises(LakeError, match=r"cannot be restored: .* choose a newer version"):
        opened(folder).restore(3)
    assert count(folder) == 30


@pytest.mark.parametrize("damage", ["half a checkpoint", "no checkpoint", "both"])
def test_a_damaged_checkpoint_is_deleted_and_nothing_is_lost(
    folder: Path, damage: str, survived: Survived
) -> None:
    checkpointed(folder)
    match damage:
        case "half a checkpoint":
            halve(folder / CHECKPOINT)
            words = (f"the checkpoint {CHECKPOINT} is cut or damaged", "delete it and _last_check")
        case "no checkpoint":
            (folder / CHECKPOINT).unlink()
            words = (f"{HINT} names a checkpoint that is missing", "delete _last_checkpoint")
        case _:
            halve(folder / CHECKPOINT)
            (folder / HINT).write_text('{"vers')
            words = (f"the checkpoint {CHECKPOINT} is cut or damaged",)
    every_use_is_refused(folder, *words)

    (folder / CHECKPOINT).unlink(missing_ok=True)
    (folder / HINT).unlink()
    assert count(folder) == 30
    survived("damaged checkpoint")


def test_a_checkpoint_that_alone_holds_the_past_is_not_to_be_deleted(folder: Path) -> None:
    checkpointed(folder)
    opened(folder).write_hours(events(hours(3)), hours(3))
    for version in range(4):
        (folder / f"{LOG}/{version:020}.json").unlink()
    halve(folder / CHECKPOINT)
    reported = refused(opened(folder).count, "is cut or damaged", "put it back from a backup")
    assert "delete it" not in reported


def litter_data(folder: Path) -> None:
    shutil.copy(data_file(folder), data_file(folder).with_name("copy.parquet"))
    (folder / "notes.txt").write_text("mine")
    (folder / "no.parquet").write_bytes(b"no parquet")
    (folder / "hour_partition=2026-01-31" / "note.csv").write_text("a,b")
    (folder / "hour_partition=1999-01-01" / "hour=3").mkdir(parents=True)


def litter_log(folder: Path) -> None:
    (folder / LOG / f"_commit_{4:020}.json.tmp").write_bytes(b'{"add"')
    (folder / LOG / f"{4:020}.json.tmp.123").write_bytes(b"")
    (folder / LOG / ".DS_Store").write_bytes(b"\x00")
    (folder / LOG / "notes.txt").write_text("mine")


def cut_hint(folder: Path) -> None:
    checkpointed(folder)
    (folder / HINT).write_text('{"vers')


def lose_hint(folder: Path) -> None:
    checkpointed(folder)
    (folder / HINT).unlink()


def noise_in_hint(folder: Path) -> None:
    (folder / HINT).write_text(json.dumps(["?"]))


@pytest.mark.parametrize("litter", [litter_data, litter_log, cut_hint, lose_hint, noise_in_hint])
def test_strangers_and_leftovers_are_harmless(
    folder: Path, litter: Callable[[Path], None], survived: Survived
) -> None:
    litter(folder)
    table = opened(folder)
    assert count(folder) == table.count() == sum(part.height for part in table.batches()) == 30
    with duckdb.connect(Lake(str(folder.parents[1]))) as connection:
        sql = f"select count(*) from {duckdb.scan_sql(table)}"  # noqa: S608
        assert connection.execute(sql).fetchall() == [(30,)]
    for wanted in (hours(0), hours(3)):
        table.write_hours(events(wanted, value=2), wanted)
    table.merge(events(hours(1), value=3), ["event_id"], hours(1))
    table.vacuum(0)
    assert count(folder) == 40
    survived("stray file or leftover")
