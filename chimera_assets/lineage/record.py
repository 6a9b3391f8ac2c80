"""What is told of one record: the shape of `chimera lineage`, whose JSON has the same names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chimera_assets.lineage.key import RecordKey


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record came from.

    Attributes:
        kind: `table` or `file`.
        name: The table in the operational database, or the landing file.
        line: The file's line (in Parquet: row), from 1.
        is_there: Whether the table has it in this hour now; None if nobody could say.
    """

    kind: str
    name: str
    line: int | None = None
    is_there: bool | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a table has a record now, and which commit stored what it has.

    Attributes:
        table: Layer and name.
        version: The table's version in which its values were stored; None if the log does not
            reach so far back.
        at: When.
        run: The run that did it; of a model that of dbt.
        contract: The contract's version, where it is known.
        files: The data files that it lies in now.
        rewritten_in: The version that put it into these files, if that is a later one.
    """

    table: str
    version: int | None
    at: datetime | None
    run: str | None
    contract: str | None
    files: tuple[str, ...]
    rewritten_in: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row of raw, and what was judged of it.

    Attributes:
        verdict: `staged`, `rejected`, `duplicate`, `blocked` (valid, but its hour did not pass) or
            `pending` (not judged yet).
        reasons: The rules that it broke.
        batch: The extraction that brought it; None if raw has it no more.
        batch_began: When that began.
        values: Its values.
    """

    verdict: str
    reasons: tuple[str, ...]
    batch: str | None
    batch_began: datetime | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Counted:
    """A row of an aggregate that counts a record.

    Attributes:
        stored: The aggregate, and the newest commit of its hour.
        fact: The fact that it was made from.
        grouping: The values that identify the row, beside its hour.
        adds: Measure -> what the record adds to it.
        totals: Measure -> what it is; None if there is no such row (yet).
        also_in: Further columns that are made of the record, by column lineage.
    """

    stored: Stored
    fact: str
    grouping: Mapping[str, Any]
    adds: Mapping[str, Any]
    totals: Mapping[str, Any] | None
    also_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened to a record.

    Attributes:
        at: When; None if the log does not reach so far back.
        table: Where: layer and name.
        version: The version that it made.
        run: The run, or the command.
        what: In one or two words, of `happenings.py`.
        columns: The columns that changed, those of lineage left out.
        detail: More, in words.
    """

    at: datetime | None
    table: str
    version: int | None
    run: str | None
    what: str
    columns: tuple[str, ...] = ()
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class HourLineage:
    """The life of a record in one hour; a reference table has none.

    Attributes:
        hour: Its start.
        origins: Where it came from.
        raw, quarantine, staged: Where these have it now.
        rows: Its rows in raw with their verdicts, or what staged still has of it.
        facts: The tables of the layer `marts` that have it.
        counted: The rows of aggregates that count it.
        read_by: Further tables that are made from its table or facts, in which no row can be named.
        history: What happened to it, oldest first.
        notes: What cannot be said, and why.
    """

    hour: datetime | None
    origins: tuple[Origin, ...] = ()
    raw: Stored | None = None
    quarantine: Stored | None = None
    staged: Stored | None = None
    rows: tuple[Verdict, ...] = ()
    facts: tuple[Stored, ...] = ()
    counted: tuple[Counted, ...] = ()
    read_by: tuple[str, ...] = ()
    history: tuple[Happened, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Looked:
    """Where a record was looked for.

    Attributes:
        source: What the operational database says of it.
        files: How many data files were searched for its key.
        rows: Their rows.
        everywhere: Whether these were those of every hour that was asked for.
        seconds: How long that took.
    """

    source: str
    files: int = 0
    rows: int = 0
    everywhere: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RecordLineage:
    """The whole life of a record, hour by hour, in order."""

    key: RecordKey
    looked: Looked
    hours: tuple[HourLineage, ...] = field(default=())
