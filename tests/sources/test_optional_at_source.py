"""A source that lacks what its contract calls optional: null for a column, no rows for a table."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.contracts import load_contract
from chimera_assets.hours import HourRange
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.contract_check import source_problems
from chimera_assets.sources.errors import SourceSchemaError, SourceTableMissing
from chimera_assets.sources.first_time import first_time
from chimera_assets.sources.postgres import PostgresSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chimera_assets.contracts import Contract

HOUR = HourRange.single(datetime(2026, 7, 1, 10, tzinfo=UTC))
BATCH = Batch.new("visits", datetime(2026, 7, 1, 12, tzinfo=UTC))

#: Every type that a column can have, and one that is computed.
OPTIONAL = {
    "label": "logicalType: string",
    "steps": "logicalType: integer",
    "share": "logicalType: number",
    "price": "logicalType: number, physicalType: 'numeric(12, 4)'",
    "seen": "logicalType: boolean",
    "ended": "logicalType: timestamp",
    "due": "logicalType: date",
    "tags": "logicalType: array, items: {name: item, logicalType: string}",
    "place": "logicalType: string, transformLogic: 'lower(town)'",
}
HEAD = """\
apiVersion: v3.2.0
kind: DataContract
id: visits
name: Visits
version: 1.0.0
status: active
slaProperties:
  - {property: retention, value: 30, unit: d}
  - {property: freshness, value: 2, unit: h}
schema:
  - name: visits
    customProperties:
      - {property: eventTime, value: at}
      - {property: arrivalTime, value: created_at}
      - {property: optionalAtSource, value: true}
    properties:
      - {name: id, logicalType: string, primaryKey: true, required: true, classification: L1}
      - {name: at, logicalType: timestamp, classification: L1}
      - {name: created_at, logicalType: timestamp, classification: L1}
"""
SAYS_OPTIONAL = "customProperties: [{property: optionalAtSource, value: true}]"


@pytest.fixture
def visits(tmp_path: Path) -> Contract:
    path = tmp_path / "visits.odcs.yaml"
    columns = (
        f"      - {{name: {name}, {kind}, classification: L1, {SAYS_OPTIONAL}}}\n"
        for name, kind in OPTIONAL.items()
    )
    path.write_text(HEAD + "".join(columns))
    return load_contract(path)


@pytest.fixture
def old_table(run: Callable[..., None]) -> None:
    run(
        "CREATE TABLE visits (id text PRIMARY KEY, at timestamptz, created_at timestamptz)",
        "INSERT INTO visits VALUES ('a', '2026-07-01T10:05Z', '2026-07-01T10:06Z')",
    )


def rows(database: str, contract: Contract) -> list[dict[str, object]]:
    read = PostgresSource(database).now(contract).rows(HOUR, BATCH).read_all()
    return pl.DataFrame(pl.from_arrow(read)).sort("id").to_dicts()


@pytest.mark.usefixtures("old_table")
def test_columns_that_the_table_lacks_are_null_until_it_gets_them(
    database: str, visits: Contract, run: Callable[..., None]
) -> None:
    (row,) = rows(database, visits)
    assert [row[name] for name in OPTIONAL] == [None] * len(OPTIONAL)
    assert row["_unreadable"] is None
    (note,) = PostgresSource(database).verify(visits)
    said = "visits: optional and not in the source, read as null: "
    assert note == said + ", ".join(OPTIONAL)
    assert source_problems(database, visits) == []

    run(
        "ALTER TABLE visits ADD steps bigint, ADD town text, ADD tags text[]",
        "UPDATE visits SET steps = 7, town = 'Ulm', tags = '{new}'",
    )
    (row,) = rows(database, visits)
    assert (row["steps"], row["place"], row["tags"], row["label"]) == (7, "ulm", ["new"], None)


@pytest.mark.usefixtures("old_table")
def test_sums_of_an_hour_leave_out_what_is_not_there(database: str, visits: Contract) -> None:
    """As `verify --source` compares them with the lake, where the columns are null."""
    with PostgresSource(database).now(visits) as state:
        columns = state.comparable()
        (found,) = state.sums(HOUR, columns).values()
        values = state.values(HOUR, [*OPTIONAL])
    assert {column.name for column in columns} >= {"steps", "share", "ended", "due", "tags"}
    assert found["rows"] == "1"
    assert all(found[name] is None for name in found if name[0] in "swa" and name[1:].isdigit())
    assert values.null_count().row(0) == (1,) * len(OPTIONAL)


@pytest.mark.usefixtures("old_table")
def test_a_column_that_is_not_optional_or_of_another_type_is_still_refused(
    database: str, visits: Contract, run: Callable[..., None]
) -> None:
    run("ALTER TABLE visits ADD steps text", "ALTER TABLE visits DROP created_at")
    with pytest.raises(SourceSchemaError) as caught:
        PostgresSource(database).verify(visits)
    assert {one.column for one in caught.value.mismatches} == {"created_at", "steps"}


def test_a_table_that_is_not_there_is_empty(database: str, visits: Contract) -> None:
    source = PostgresSource(database)
    assert source.verify(visits) == ["There is no table visits, which is optional: it is empty."]
    assert source.extract_reference(visits, BATCH).read_all().num_rows == 0

    required = dataclasses.replace(visits, optional_at_source=False)
    for ask in (source.verify, lambda one: source.extract_reference(one, BATCH)):
        with pytest.raises(SourceTableMissing, match="expected a table visits, found none"):
            ask(required)
    with pytest.raises(SourceTableMissing):
        first_time(database, visits, HOUR.start, seconds=5)
