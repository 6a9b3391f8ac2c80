"""A section's SELECTs over the tables of a period, in DuckDB: what they may see, and for how long.

Of each table a query has its rows of the period and tenant, and of the columns those that it names
and that a report may show. They are copied in before the database is locked: from then on it opens
no file, and there is nothing in it that a report may not show.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from chimera_assets.errors import ChimeraError, in_short, one_line
from chimera_assets.hour_columns import hour_starts
from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.lake.errors import LakeError, TableNotFound
from chimera_assets.lake.partitions import predicate
from chimera_assets.lake.snapshot import polars_schema
from chimera_assets.memory_bound import memory_bound
from chimera_assets.reports.answers import (
    MOST_SECONDS,
    AbsentError,
    Answer,
    QueryError,
    TableRead,
    UnreadableError,
    answer,
)
from chimera_assets.row_values import duckdb_words
from chimera_assets.spool import spool_folder
from chimera_assets.warehouse.duckdb import (
    add_report_day,
    connect,
    identifier,
    quoted,
    scan_sql,
)
from chimera_assets.warehouse.select_tables import UnknownTableError, what_is_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.lake import Lake, Table
    from chimera_assets.privacy.table_masks import Masks

_MEMORY = "1GB"
_MOST_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows a report is of.

    Attributes:
        hours: Its hours.
        tenant: The one tenant, of whom each row that is read has to be; None for all.
    """

    hours: HourRange
    tenant: str | None = None


class PeriodTables:
    """The tables of a lake as they are for one report: each in one version, rows of one scope.

    Args:
        lake: The lake.
        masks: What a report may not show.
        tenants: Table -> the column with the tenant; other tables have none.
        versions: Table -> the version to read, for a report that is made again; else the newest
            when it is first asked for.
        zone: The time zone in which the report's days begin.
    """

    def __init__(
        self,
        lake: Lake,
        masks: Masks,
        tenants: Mapping[str, str],
        versions: Mapping[str, int] | None = None,
        zone: str = "UTC",
    ) -> None:
        self.lake = lake
        self._masks, self._tenants, self._zone = masks, tenants, zone
        self.versions: dict[str, int] = dict(versions or {})
        self._columns: dict[str, AbstractSet[str]] = {}
        named = (name.partition("/") for name in self.versions)
        self._known = sorted({*lake.tables(), *((layer, table) for layer, _, table in named)})

    def ask(
        self, asked: Mapping[str, str], scope: Scope, seconds: float = MOST_SECONDS
    ) -> dict[str, Answer | QueryError]:
        """Run queries; one that fails takes no other with it.

        Args:
            asked: Section and part, for errors -> one SELECT over tables of the lake.
            scope: Which rows they see.
            seconds: For how long each may run.

        Returns:
            For each what it gives; or why it cannot be run: it is no such SELECT, names what a
            report may not show or has no tenant, fails on a value, or needs too much time, memory
            or room.
        """
        plans = {where: self._plan(where, sql, scope) for where, sql in asked.items()}
        good = {where: plan for where, plan in plans.items() if isinstance(plan, _Plan)}
        found: dict[str, Answer | QueryError] = {
            where: plan for where, plan in plans.items() if isinstance(plan, QueryError)
        }
        with (
            spool_folder("report") as folder,
            connect(self.lake) as connection,
            memory_bound(_MOST_BYTES),
        ):
            rows, gone = self._copy(connection, good.values(), scope)
            add_report_day(connection, self._zone)
            _lock(connection, folder)
            for where, plan in good.items():
                if lacking := sorted(plan.columns.keys() & gone.keys()):
                    name = lacking[0]
                    table = self.lake.table(*name.split("/"))
                    found[where] = _unreadable(where, table, self.versions[name], gone[name])
                    continue
                read = tuple(TableRead(one, self.versions[one], rows[one]) for one in plan.columns)
                try:
                    found[where] = answer(connection, where, asked[where], read, seconds)
                except QueryError as error:
                    found[where] = error
        return {where: found[where] for where in asked}

    def reaches_back(self, name: str, moment: datetime) -> bool:
        """Whether a table has rows of before an hour, or of it; one without hours always does.

        Args:
            name: Layer and table.
            moment: When the hour begins.
        """
        table = self.lake.table(*name.split("/"))
        if not set(HOUR_COLUMNS) <= self._columns[name]:
            return True
        hours = hour_starts(table.rows_by_hour())
        return bool(hours) and min(hours) <= moment

    def _plan(self, where: str, sql: str, scope: Scope) -> _Plan | QueryError:
        """What a query needs of which tables; or why it may not have that."""
        try:
            reading = what_is_read(sql, self._known)
        except ChimeraError as error:
            problem = str(error).removeprefix("the query: ")
            if isinstance(error, UnknownTableError):
                return AbsentError(where, problem, error.named.name.lower())
            return QueryError(where, problem)
        plan = _Plan({}, set())
        for read in reading.tables:
            name = f"{read.layer}/{read.name}"
            table = self.lake.table(read.layer, read.name)
            try:
                delta = table.delta(self.versions.get(name))
            except LakeError as error:
                return _unreadable(where, table, self.versions.get(name), error)
            self.versions.setdefault(name, delta.version())
            schema = polars_schema(delta)
            self._columns[name] = schema.keys()
            masked = self._masks.columns(read.layer, read.name, schema)
            if reading.words is not None and (refused := sorted(filter(reading.may_use, masked))):
                expected = f"columns of {name} that a report may show"
                return QueryError(where, f"expected {expected}, found {in_short(refused)}")
            if scope.tenant is not None and self._tenants.get(name) not in schema:
                expected = "tables that tell tenants apart, as the report is of one"
                return QueryError(where, f"expected {expected}, found {name}")
            shown = [column for column in schema if column not in masked]
            plan.columns[name] = {column for column in shown if reading.may_use(column)} or {
                shown[0]
            }
            if read.bare:
                plan.bare.add(name)
        return plan

    def _copy(
        self, connection: duckdb.DuckDBPyConnection, plans: Iterable[_Plan], scope: Scope
    ) -> tuple[dict[str, int], dict[str, duckdb.Error]]:
        """Copy what queries may see into the database.

        Returns:
            The rows of each table; and of each that cannot be read, the error.
        """
        needed: dict[str, set[str]] = {}
        bare: set[str] = set()
        for plan in plans:
            bare |= plan.bare
            for name, columns in plan.columns.items():
                needed.setdefault(name, set()).update(columns)
        rows: dict[str, int] = {}
        gone: dict[str, duckdb.Error] = {}
        for name, columns in sorted(needed.items()):
            layer, _, table = name.partition("/")
            source = self.lake.table(layer, table)
            scan = scan_sql(source, self.versions[name])
            schema, listed = identifier(layer), ", ".join(map(identifier, sorted(columns)))
            place = f"{schema}.{identifier(table)}"
            made = f"SELECT {listed} FROM {scan}{self._limits(name, scope)}"  # noqa: S608
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            try:
                counted = connection.execute(f"CREATE TABLE {place} AS {made}").fetchone()
            except duckdb.Error as error:
                gone[name] = error
                continue
            rows[name] = int(counted[0]) if counted is not None else 0
            if name in bare:
                connection.execute(f"CREATE VIEW {identifier(table)} AS SELECT * FROM {place}")  # noqa: S608
        return rows, gone

    def _limits(self, name: str, scope: Scope) -> str:
        """The condition on a table's rows: those of the period and the tenant."""
        timed = set(HOUR_COLUMNS) <= self._columns[name]
        limits = [predicate(scope.hours)] if timed else []
        if scope.tenant is not None and (column := self._tenants.get(name)) is not None:
            limits.append(f"{identifier(column)} = {quoted(scope.tenant)}")
        return f" WHERE {' AND '.join(f'({one})' for one in limits)}" if limits else ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a query needs: table -> columns; and the tables that it names without their layer."""

    columns: dict[str, set[str]]
    bare: set[str]


def _unreadable(where: str, table: Table, version: int | None, error: Exception) -> QueryError:
    """What is said of a version that cannot be read: past its horizon only if replaced."""
    name = f"{table.layer}/{table.name}"
    if version is not None and isinstance(error, duckdb.IOException | TableNotFound):
        with suppress(LakeError):
            if version < table.version():  # vacuum has deleted what only this version had
                found = "none any more: it is past its horizon"
                return QueryError(where, f"expected version {version} of {name}, found {found}")
    words = one_line(duckdb_words(str(error)).replace(table.uri, name))
    with suppress(LakeError):
        if not table.exists():
            words = "there is no such table any more"
    which = name if version is None else f"version {version} of {name}"
    return UnreadableError(where, f"{which} cannot be read: {words}")


def _lock(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for setting, value in (
        ("memory_limit", _MEMORY),
        ("temp_directory", str(folder)),
        ("python_enable_replacements", "false"),
        ("enable_external_access", "false"),
        ("lock_configuration", "true"),
    ):
        connection.execute(f"SET {setting} = {quoted(value)}")
