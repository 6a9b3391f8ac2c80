"""What is said of a damaged table, whole: which file, what is wrong with it, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from deltalake import DeltaTable

from chimera_assets.lake import Lake, LakeError, TableDamaged
from chimera_assets.lake.damage import explained
from chimera_assets.lake.data_files import files
from tests.lake.conftest import events, hours

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.lake import Table

ENTRY = "_delta_log/{:020}.json".format
CHECKPOINT = "_delta_log/{:020}.checkpoint.parquet".format
HINT = "_delta_log/_last_checkpoint"

BACKUP = "put it back from a backup"
ANEW = "or move the table's folder away and run its hours again with `chimera backfill`"
BACKFILL = "run its hour again: `chimera backfill --start {} --end {}`".format


@pytest.fixture
def table(local: Lake) -> Table:
    """A table of two hours, in versions 1 to 4."""
    made = local.table("staged", "events")
    for number in (23, 24, 23, 24):
        made.write_hours(events(hours(number)), hours(number))
    return made


def again(table: Table) -> Table:
    """As a process finds it that has just started."""
    return Lake(str(Path(table.uri).parents[1])).table(table.layer, table.name)


def halve(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def zeros(file: Path) -> None:
    """As a power cut leaves it."""
    file.write_bytes(bytes(file.stat().st_size))


def empty(file: Path) -> None:
    file.write_bytes(b"")


def checkpoint(table: Table) -> None:
    DeltaTable(table.uri).create_checkpoint()


def older_entries_gone(table: Table) -> None:
    checkpoint(table)
    for version in range(3):
        Path(table.uri, ENTRY(version)).unlink()


def nothing(_: Table) -> None:
    pass


#: What is done to the log before, which file of it is damaged, and how; what is said of it.
LOGS: list[tuple[Callable[[Table], None], str, Callable[[Path], None], str]] = [
    *(
        (
            nothing,
            ENTRY(4),
            damage,
            (
                f"the log entry {ENTRY(4)} is {problem}; move it away (the table is then as of "
                "version 3) and run that write's hours again: `chimera backfill`"
            ),
        )
        for damage, problem in (
            (halve, "cut or damaged"),
            (zeros, "cut or damaged"),
            (empty, "empty"),
        )
    ),
    *(
        (nothing, ENTRY(2), damage, f"the log entry {ENTRY(2)} is {problem}; {BACKUP}, {ANEW}")
        for damage, problem in ((Path.unlink, "missing"), (halve, "cut or damaged"))
    ),
    (
        checkpoint,
        CHECKPOINT(4),
        halve,
        (
            f"the checkpoint {CHECKPOINT(4)} is cut or damaged; delete it and _last_checkpoint: "
            "the log's entries up to 4 hold the same"
        ),
    ),
    (
        older_entries_gone,
        CHECKPOINT(4),
        halve,
        f"the checkpoint {CHECKPOINT(4)} is cut or damaged; {BACKUP}, {ANEW}",
    ),
    (
        checkpoint,
        CHECKPOINT(4),
        Path.unlink,
        f"{HINT} names a checkpoint that is missing; delete _last_checkpoint",
    ),
]


@pytest.mark.parametrize(("before", "file", "damage", "said"), LOGS)
def test_a_log(
    table: Table,
    before: Callable[[Table], None],
    file: str,
    damage: Callable[[Path], None],
    said: str,
) -> None:
    before(table)
    damage(Path(table.uri, file))
    with pytest.raises(TableDamaged) as found:
        again(table).read()
    assert str(found.value) == f"{table.uri}: {said}"


@pytest.mark.parametrize("hint", [b"", b"{}", b'{"version": "4"}', b"[]"])
def test_a_hint_that_names_no_checkpoint(table: Table, hint: bytes) -> None:
    checkpoint(table)
    Path(table.uri, HINT).write_bytes(hint)
    explanation = explained(table, OSError("unexpected end"))
    assert str(explanation) == (
        f"{table.uri}: {HINT} names a checkpoint that is missing; delete _last_checkpoint"
    )


def file_of(table: Table, number: int) -> tuple[str, Path]:
    listed = files(table, table.delta(), hours(number))
    (path,) = listed["path"]
    return path, Path(table.uri, path)


def end_lost(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\0")


def footer_lost(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(b"PAR1" + b"x" * (len(whole) - 8) + b"PAR1")


def pages_lost(file: Path) -> None:
    whole = file.read_bytes()
    length = int.from_bytes(whole[-8:-4], "little") + 8
    file.write_bytes(b"PAR1" + b"x" * (len(whole) - length - 4) + whole[-length:])


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (Path.unlink, "missing"),
        (halve, "damaged: expected {} bytes, found {}"),
        (end_lost, "damaged: its end is not Parquet's"),
        (footer_lost, "cut or damaged"),
        (pages_lost, "damaged"),
    ],
)
def test_a_data_file(table: Table, damage: Callable[[Path], None], problem: str) -> None:
    """Across midnight: its hour is the first of a day."""
    name, path = file_of(table, 24)
    size = path.stat().st_size
    damage(path)
    left = path.stat().st_size if path.exists() else 0
    with pytest.raises(TableDamaged) as found:
        list(again(table).batches())
    assert str(found.value) == (
        f"{table.uri}: the data file {name} is {problem.format(size, left)}; "
        + BACKFILL("2026-02-01T00:00Z", "2026-02-01T01:00Z")
    )
    assert again(table).read(hours(23)).collect().height == 10


def test_a_data_file_of_no_hour(local: Lake) -> None:
    table = local.table("staged", "providers")
    table.overwrite(pl.DataFrame({"provider_id": ["a"]}))
    (path,) = files(table, table.delta(), None)["path"]
    Path(table.uri, path).unlink()
    with pytest.raises(TableDamaged) as found:
        table.read()
    assert str(found.value) == (
        f"{table.uri}: the data file {path} is missing; {BACKUP}, or go back with `chimera table "
        f"restore staged/providers --as-of`, {ANEW}"
    )


def test_what_is_no_damage_stays_what_it_is(table: Table) -> None:
    listed = files(table, table.delta(), None)
    for error in (ValueError("parquet"), LakeError("parquet"), TableDamaged("u", "p", "r")):
        assert explained(table, error, listed) is error
    other = explained(table, OSError("something else"), listed)
    assert str(other) == f"{table.uri}: the storage failed: something else"
    name, path = file_of(table, 23)
    path.unlink()
    for words in ("parquet", "Not Found", "no such file", "missing file", "unexpected end", "EOF"):
        found = explained(table, OSError(words), listed)
        assert isinstance(found, TableDamaged)
        assert found.problem == f"the data file {name} is missing"
    # Nothing is asked of data files where the log was at fault.
    assert not isinstance(explained(table, OSError("parquet")), TableDamaged)
    assert not isinstance(explained(table, OSError("weather"), listed), TableDamaged)
