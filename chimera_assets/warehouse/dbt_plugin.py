"""The dbt-duckdb plugin that makes DuckDB an engine over the lake: Delta in, Delta out.

DuckDB runs in memory and keeps nothing. Four requests reach us from the macros of `dbt_project`,
all through the plugin's `store`, distinguished by the location's format:

- `scan`: show a lake table as a view (`delta_scan`), or a typed empty view while it does not exist;
- `view`: create a view from SQL, for a view model that this invocation needs but does not build;
- `lineage`: note what a view model that is being built makes its columns of;
- `delta`: stream a relation into its lake table in one commit, then show the table as a view.

Every request runs on a connection of its own in autocommit, so that what it creates is there for
all of dbt's threads at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
from datetime import datetime
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.events.contextvars import get_node_info
from dbt_common.invocation import get_invocation_id

from chimera_assets.errors import ArgumentError
from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.lake.bounded import MOST_BYTES, gathered
from chimera_assets.lake.lake import Lake
from chimera_assets.lake.partitions import predicate
from chimera_assets.lake.storage_retry import with_retries
from chimera_assets.lake.stream import Replay
from chimera_assets.row_values import without_values
from chimera_assets.run_context import provenance
from chimera_assets.settings import Settings, get_settings
from chimera_assets.spool import kept_spool_folder
from chimera_assets.warehouse.by_hand import require_record
from chimera_assets.warehouse.dbt_cursor import guard_cursors
from chimera_assets.warehouse.dbt_messages import RUN_VARIABLE
from chimera_assets.warehouse.duckdb import prepare, scan_sql
from chimera_assets.warehouse.hour_writing import write_fitting_hours
from chimera_assets.warehouse.lineage_log import LineageLog, column_names
from chimera_assets.warehouse.node_errors import keep_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.adapters.duckdb.utils import TargetConfig
    from duckdb import DuckDBPyConnection

    from chimera_assets.lake.table import Table

#: Rows that are taken from DuckDB at once, unless they are wide; it has as many at once itself.
_BATCH_ROWS = 2_048

T = TypeVar("T")

_log = logging.getLogger(__name__)

guard_cursors()


class Plugin(BasePlugin):
    """Connects dbt's DuckDB to the lake that the settings name."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:  # noqa: ARG002
        """Start without a connection; dbt hands us one later."""
        self._connection: DuckDBPyConnection | None = None
        self._lake: Lake | None = None
        self._lineages: LineageLog | None = None

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:  # noqa: ARG002
        """Spill into a folder for our eyes alone, not into the working directory."""
        if "temp_directory" not in config:
            config["temp_directory"] = _spill_folder()

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Load the extensions and the access to the lake; engines' sessions run in UTC."""
        # dbt may keep this plugin from one invocation in a process to the next, so the lake is
        # looked up with every connection and not once at import.
        self._lake = Lake(lake_uri())
        # By hand, the entry of the audit log knows this invocation as a run.
        self._lake.provenance = provenance(os.environ.get(RUN_VARIABLE) or get_invocation_id())
        self._lineages = LineageLog(self._lake)
        prepare(conn, self._lake)
        conn.execute("set global timezone = 'UTC'")
        self._connection = conn

    def store(self, target_config: TargetConfig) -> None:
        """Answer one request of the macros; see the module's docstring.

        Raises:
            ArgumentError: The request's kind is not one of ours.
        """
        request: dict[str, Any] = target_config.config
        relation = target_config.relation
        location = target_config.location
        if location is None:
            msg = "lake plugin: expected a location, found none"
            raise ArgumentError(msg)
        try:
            with_retries(lambda: self._answer(relation, location, request), location.path)
        except Exception as error:  # noqa: BLE001 - raised again, without values
            safe = without_values(error)
            keep_error(get_node_info().get("unique_id", ""), safe)
            raise safe from safe.__cause__

    def _answer(self, relation: Any, location: Any, request: dict[str, Any]) -> None:  # noqa: ANN401
        """Answer a request; once more if the storage failed on the way, which does no harm."""
        with self._cursor() as cursor:
            cursor.execute(f"create schema if not exists {relation.without_identifier().render()}")
            match location.format:
                case "scan":
                    table = self._table(location.path)
                    _show_table(cursor, relation.render(), table, request["columns"])
                case "view":
                    _create_view(cursor, relation.render(), request["sql"])
                    self._opened(self._lineages).note_view(cursor, relation, request)
                case "lineage":
                    self._opened(self._lineages).note_view(cursor, relation, request)
                case "delta":
                    require_record(request, _settings(), _log.warning)
                    table = self._table(location.path)
                    rows = _replay(cursor, f"select * from {relation.render()}")  # noqa: S608
                    self._opened(self._lineages).keep_table(cursor, table, request, rows.schema)
                    _commit(cursor, relation.render(), table, request, rows)
                    _create_view(cursor, request["target"], f"select * from {scan_sql(table)}")  # noqa: S608
                    cursor.execute(f"drop view {relation.render()}")
                case other:
                    msg = f"lake plugin: expected scan, view, lineage or delta, found {other}"
                    raise ArgumentError(msg)

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[DuckDBPyConnection]:
        if self._connection is None:
            msg = "lake plugin: expected an open connection, found none; let dbt open one first"
            raise ArgumentError(msg)
        with self._connection.cursor() as cursor:
            yield cursor

    def _table(self, path: str) -> Table:
        layer, _, name = path.partition("/")
        return self._opened(self._lake).table(layer, name)

    @staticmethod
    def _opened(known: T | None) -> T:
        """What comes with dbt's connection."""
        if known is None:
            msg = "lake plugin: expected a lake, found none; let dbt open a connection first"
            raise ArgumentError(msg)
        return known


def lake_uri() -> str:
    """The lake's root, by the settings.

    With neither `CHIMERA_LAKE_URI` nor `CHIMERA_HOME` set, and no `.chimera` in the working
    directory, a dbt that was started inside its project's folder gets the lake of the folder
    above: the one that `make demo` fills.

    Raises:
        SettingError: A setting's value cannot be used.
    """
    return _settings().resolved_lake_uri


def _settings() -> Settings:
    settings = get_settings()
    given = settings.model_fields_set & {"home", "lake_uri"}
    if given or settings.home.exists() or not Path("dbt_project.yml").exists():
        return settings
    with contextlib.chdir(".."):
        return Settings()


@lru_cache(maxsize=1)
def _spill_folder() -> str:
    """The folder of what DuckDB spills, rows that others must not read, until the process ends."""
    return str(kept_spool_folder("dbt"))


def _commit(
    cursor: DuckDBPyConnection, relation: str, table: Table, request: dict[str, Any], rows: Replay
) -> None:
    """Stream rows into their table: one atomic commit, or none when nothing changes."""
    metadata = {"dbt_invocation_id": request["invocation_id"]}
    partition_by = HOUR_COLUMNS if request["partitioned"] else ()
    match request["strategy"]:
        case "hours":

            def of_hours(some: HourRange) -> Replay:
                return rows if some == hours else _replay(cursor, _hours_sql(relation, some))

            hours = _hours(request)
            write_fitting_hours(table, of_hours, hours, metadata)
        case "merge" if table.exists():
            # Dimensions: small, and mostly unchanged.
            changed = pa.Table.from_batches(rows.batches(), rows.schema)
            if changed.num_rows:
                table.merge(changed, keys=request["key_columns"], metadata=metadata)
        case _:
            table.overwrite(rows, partition_by=partition_by, metadata=metadata)


def _hours_sql(relation: str, hours: HourRange) -> str:
    return f"select * from {relation} where {predicate(hours)}"  # noqa: S608 - of our own making


def _replay(cursor: DuckDBPyConnection, sql: str) -> Replay:
    """The rows of a query, which is run again if its commit meets a conflict."""

    def batches() -> Iterator[pa.RecordBatch]:
        return gathered(_bounded_rows(cursor, sql))

    schema = cursor.execute(f"{sql} limit 0").to_arrow_reader(1).schema
    return Replay(schema, batches)


def _bounded_rows(cursor: DuckDBPyConnection, sql: str) -> Iterator[pa.RecordBatch]:
    """The rows of a query in small batches; begun again if the first shows that rows are wide."""
    cursor.execute("set streaming_buffer_size = '1KB'")  # what is read ahead is as good as nothing
    reader = cursor.execute(sql).to_arrow_reader(_BATCH_ROWS)
    first = next(reader, None)
    if first is not None and first.nbytes > MOST_BYTES:
        fitting = max(1, first.num_rows * MOST_BYTES // first.nbytes // 2)
        del first, reader
        yield from cursor.execute(sql).to_arrow_reader(fitting)
    elif first is not None:
        yield from chain([first], reader)


def _hours(request: dict[str, Any]) -> HourRange:
    return HourRange(
        datetime.fromisoformat(request["start"]), datetime.fromisoformat(request["end"])
    )


def _show_table(
    cursor: DuckDBPyConnection, relation: str, table: Table, columns: list[dict[str, Any]]
) -> None:
    """A view on a lake table with all declared columns, those it lacks (or all, empty) as null."""
    if not table.exists():
        if columns:
            _create_view(cursor, relation, f"select {_nulls(columns)} where false")
        return
    _create_view(cursor, relation, f"select * from {scan_sql(table)}")  # noqa: S608
    present = {name.lower() for name in column_names(cursor, relation)}
    missing = [column for column in columns if column["name"].lower() not in present]
    if missing:
        _create_view(
            cursor,
            relation,
            f"select *, {_nulls(missing)} from {scan_sql(table)}",  # noqa: S608
        )


def _create_view(cursor: DuckDBPyConnection, relation: str, sql: str) -> None:
    cursor.execute(f"create or replace view {relation} as ({sql})")


def _nulls(columns: list[dict[str, Any]]) -> str:
    return ", ".join(
        f'cast(null as {column["data_type"]}) as "{column["name"]}"' for column in columns
    )
