"""Tables that another tool has written to: read as they are, or refused by name; never half."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import polars as pl
import pyarrow.parquet as pq
import pytest

from chimera_assets.lake import Lake, LakeError, TableDamaged
from chimera_assets.lake.errors import CommitConflict
from chimera_assets.lake.integrity import damaged_files
from chimera_assets.warehouse.duckdb import connect
from chimera_assets.warehouse.hour_rows import hour_rows
from tests.lake.conftest import events, hours

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.lake import Table

    Change = Callable[[dict[str, Any]], None]

RANGE = hours(22, 4)  # across midnight
ROWS = 3

Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


@pytest.fixture
def table(local: Lake) -> Table:
    made = local.table("staged", "generations")
    made.write_hours(events(RANGE, ROWS), RANGE)
    return made


def rewritten(table: Table, **changes: Change) -> Table:
    """The table once another tool wrote its log; `changes` by kind of action."""
    for entry in sorted(Path(table.uri, "_delta_log").glob("*.json")):
        actions = [json.loads(line) for line in entry.read_text().splitlines()]
        for action in actions:
            for kind, change in changes.items():
                if kind in action:
                    change(action[kind])
        entry.write_text("".join(json.dumps(action) + "\n" for action in actions))
    return Lake(str(Path(table.uri).parents[1])).table(table.layer, table.name)


def asks_for(*features: str) -> Change:
    """A protocol with reader features."""
    asked = {"readerFeatures": [*features], "writerFeatures": [*features]}
    return lambda protocol: protocol.update(minReaderVersion=3, minWriterVersion=7, **asked)


def moved(table: Table, name: Callable[[str], str], logged: Callable[[str], str]) -> Change:
    """Each data file under another name, which the log may write in another way."""

    def change(add: dict[str, Any]) -> None:
        old = Path(table.uri, add["path"])
        new = Path(table.uri, name(add["path"]))
        new.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(old, new)
        add["path"] = logged(name(add["path"]))

    return change


def in_sql(table: Table) -> tuple[int, int]:
    """Rows and rows with an hour of the second hour, as SQL of packs sees it."""
    with connect(Lake(str(Path(table.uri).parents[1]))) as connection:
        rows = hour_rows(connection, table, [hours(23)])
        found = connection.execute(f"SELECT count(*), count(hour) FROM ({rows})").fetchone()  # noqa: S608
    assert found is not None
    return found


def is_whole(table: Table) -> None:
    assert table.count() == table.read().collect().height == 4 * ROWS
    assert sum(part.height for part in table.batches(rows=2)) == 4 * ROWS
    assert table.rows_by_hour()["rows"].to_list() == [ROWS] * 4
    one = table.read(hours(23)).collect()
    assert one["hour"].to_list() == [23] * ROWS
    assert one["value"].null_count() == 0
    assert in_sql(table) == (ROWS, ROWS)
    assert damaged_files(table).is_empty()
    assert table.last_hour() == hours(25).start


@pytest.mark.parametrize("stats", [None, "{}", '{"minValues": {"value": 1}}'])
def test_rows_are_counted_in_the_files_where_the_log_has_no_count(
    table: Table, stats: str | None
) -> None:
    found = rewritten(table, add=lambda add: add.update(stats=stats))
    is_whole(found)
    assert found.count(hours(23)) == ROWS
    assert found.stats().rows == 4 * ROWS
    assert found.read(hours(23)).select(pl.len()).collect().item() == ROWS


def test_a_count_that_is_missing_for_some_files_only(table: Table) -> None:
    def change(add: dict[str, Any]) -> None:
        if "hour=0" in add["path"]:
            add["stats"] = None

    is_whole(rewritten(table, add=change))


def test_a_path_is_written_as_part_of_a_url(table: Table) -> None:
    def named(path: str) -> str:
        folder, _, name = path.rpartition("/")
        return f"{folder}/a b%3A[1]{name}"

    is_whole(rewritten(table, add=moved(table, named, quote)))


@pytest.mark.parametrize("where", ["prefix", "elsewhere", "another hour"])
def test_files_that_lie_outside_the_folder_of_their_hour_are_refused(
    table: Table, tmp_path: Path, where: str
) -> None:
    """Their hours would be null, or wrong: as Spark writes with random prefixes, or a clone has."""
    name: Callable[[str], str] = lambda path: path  # noqa: E731
    logged = name
    if where == "prefix":
        name = lambda path: f"aB/{Path(path).name}"  # noqa: E731
    elif where == "elsewhere":
        logged = lambda path: f"file://{tmp_path}/other/{path}"  # noqa: E731
    else:
        name = lambda path: path.replace("/hour=23/", "/hour=7/")  # noqa: E731
    found = rewritten(table, add=moved(table, name, logged))

    assert found.rows_by_hour()["rows"].to_list() == [ROWS] * 4
    for attempt in (
        lambda: found.read(hours(23)),
        lambda: found.read(RANGE),
        lambda: next(found.batches()),
        lambda: in_sql(found),
    ):
        with pytest.raises(TableDamaged, match=r"is not in the folder of its hour; .* backfill"):
            attempt()
    if where == "another hour":
        assert found.read(hours(22)).collect().height == ROWS
    found.write_hours(events(RANGE, ROWS), RANGE)  # the remedy
    is_whole(found)


def test_a_table_without_hours_may_not_point_elsewhere_either(local: Lake, tmp_path: Path) -> None:
    made = local.table("raw", "providers")
    made.overwrite(pl.DataFrame({"provider_id": ["openai"]}))
    for root in ("file://", ""):
        there = f"{root}{tmp_path}/elsewhere.parquet"
        found = rewritten(made, add=lambda add, there=there: add.update(path=there))
        with pytest.raises(TableDamaged, match=r"elsewhere\.parquet is not in the folder"):
            found.read()


@pytest.mark.parametrize("version", [2, 3])
def test_columns_that_have_other_names_in_the_files_are_refused(table: Table, version: int) -> None:
    def renamed(metadata: dict[str, Any]) -> None:
        metadata["configuration"]["delta.columnMapping.mode"] = "name"
        schema = json.loads(metadata["schemaString"])
        for number, field in enumerate(schema["fields"], 1):
            physical = {
                "delta.columnMapping.id": number,
                "delta.columnMapping.physicalName": field["name"],
            }
            field["metadata"] = physical
            if field["name"] == "value":
                field["name"] = "amount"
        metadata["schemaString"] = json.dumps(schema)

    protocol: Change = asks_for("columnMapping")
    if version == 2:
        protocol = lambda one: one.update(minReaderVersion=2, minWriterVersion=5)  # noqa: E731
    found = rewritten(table, metaData=renamed, protocol=protocol)
    for attempt in (found.read, found.count, lambda: in_sql(found)):
        with pytest.raises(LakeError, match=r"delta.columnMapping.mode is name.*; write the table"):
            attempt()


@pytest.mark.parametrize(
    "features",
    [["timestampNtz"], ["v2Checkpoint"], ["vacuumProtocolCheck"], ["columnMapping"]],
    ids=lambda one: one[0],
)
def test_features_that_change_no_data_file_are_no_hindrance(
    table: Table, features: list[str]
) -> None:
    is_whole(rewritten(table, protocol=asks_for(*features)))


def test_features_that_nobody_here_knows_are_refused_by_name(table: Table) -> None:
    refused_by_name = "without the reader features typeWidening, which"
    both = rewritten(table, protocol=asks_for("deletionVectors", "typeWidening"))
    for attempt in (both.read, both.count):
        with pytest.raises(LakeError, match=refused_by_name):
            attempt()
    found = rewritten(table, protocol=asks_for("typeWidening"))
    with pytest.raises(LakeError, match=refused_by_name):
        found.read()
    with pytest.raises(LakeError, match=r"another tool .*TypeWidening") as refused:
        found.write_hours(events(hours(22)), hours(22))
    assert not isinstance(refused.value, CommitConflict)  # nor is it tried again


def deleted(*rows: int) -> dict[str, Any]:
    """A deletion vector in the log: a 64-bit array of one Roaring bitmap of one container."""
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(rows) - 1, 16)
    bitmap += struct.pack(f"<{len(rows)}H", *rows)
    data = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    size = len(data)
    data += b"\0" * (-size % 4)
    words = [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)]
    text = "".join(Z85[word // 85**power % 85] for word in words for power in (4, 3, 2, 1, 0))
    return {
        "storageType": "i",
        "pathOrInlineDv": text,
        "sizeInBytes": size,
        "cardinality": len(rows),
    }


def test_rows_that_were_deleted_in_place_are_not_read(table: Table) -> None:
    def change(add: dict[str, Any]) -> None:
        if "hour=23" in add["path"]:
            add["deletionVector"] = deleted(0, 2)

    found = rewritten(table, add=change, protocol=asks_for("deletionVectors"))

    assert found.read().collect().height == found.count() == 4 * ROWS - 2
    assert found.rows_by_hour()["rows"].to_list() == [ROWS, 1, ROWS, ROWS]
    assert found.stats().rows == 4 * ROWS - 2
    (left,) = found.read(hours(23)).collect()["timestamp"].to_list()
    assert left.minute == 1
    assert sum(part.height for part in found.batches()) == 4 * ROWS - 2
    (one,) = found.batches(hours(23), columns=["value"])
    assert (one.height, one.columns) == (1, ["value"])
    assert [part.height for part in found.batches(hours(22), rows=2)] == [2, 1]
    assert in_sql(found) == (1, 1)
    found.append(events(hours(22), 1))
    assert found.read().collect().height == found.count() == 4 * ROWS - 1
    found.write_hours(events(hours(23), ROWS), hours(23))
    assert found.read(hours(23)).collect().height == ROWS


def test_rows_of_no_hour_are_in_no_hour_and_can_be_had_apart(table: Table) -> None:
    nowhere = "hour_partition=__HIVE_DEFAULT_PARTITION__/hour=__HIVE_DEFAULT_PARTITION__/x.parquet"

    def change(add: dict[str, Any]) -> None:
        if "hour=23" in add["path"]:
            moved(table, lambda _: nowhere, str)(add)
            add["partitionValues"] = {"hour_partition": None, "hour": None}

    found = rewritten(table, add=change)
    assert found.count() == found.read().collect().height == 4 * ROWS
    assert found.rows_by_hour()["rows"].to_list() == [ROWS] * 3
    assert found.read(hours(23)).collect().is_empty()
    assert found.count(RANGE) == 3 * ROWS
    apart = found.read_unplaced(["event_id", "hour"])
    assert (apart.height, apart["hour"].null_count()) == (ROWS, ROWS)
    assert found.last_hour() == hours(25).start


def test_a_checkpoint_in_parts_is_one(table: Table) -> None:
    for _ in range(3):
        table.append(events(hours(22), 1))
    table.fresh().create_checkpoint()
    log = Path(table.uri, "_delta_log")
    (whole,) = log.glob("*.checkpoint.parquet")
    actions = pq.read_table(whole)
    for part, rows in enumerate((actions.slice(0, 2), actions.slice(2)), 1):
        name = whole.name.replace(".parquet", f".{part:010}.{2:010}.parquet")
        pq.write_table(rows, log / name)
    whole.unlink()
    hint = json.loads((log / "_last_checkpoint").read_text())
    (log / "_last_checkpoint").write_text(json.dumps(hint | {"parts": 2}))
    version = int(whole.name.split(".")[0])
    for entry in log.glob("*.json"):
        if int(entry.stem) < version:
            entry.unlink()

    found = Lake(str(Path(table.uri).parents[1])).table("staged", "generations")
    assert found.read().collect().height == found.count() == 4 * ROWS + 3
    (part,) = log.glob("*.0000000002.0000000002.parquet")
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(TableDamaged, match=f"the checkpoint _delta_log/{part.name} is cut"):
        Lake(str(Path(table.uri).parents[1])).table("staged", "generations").read()
