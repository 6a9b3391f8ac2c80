"""DuckDB as an engine over the lake: in memory, offline, its extensions from the wheels."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import duckdb

from chimera_assets.lake.errors import LakeError
from chimera_assets.lake.storage import is_s3

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.lake.lake import Lake
    from chimera_assets.lake.table import Table

#: What sections of reports have beside DuckDB's own functions: the day of an hour, in a zone.
_REPORT_DAY = """
    CREATE MACRO report_day(day, hour) AS
    CAST(timezone({zone}, timezone('UTC', day + to_hours(hour))) AS DATE)
"""

_SECRET = "chimera_lake"  # noqa: S105


def connect(lake: Lake) -> duckdb.DuckDBPyConnection:
    """A connection in memory that reads the lake's tables; close it when done."""
    connection = duckdb.connect(":memory:", config={"allow_unsigned_extensions": "true"})
    prepare(connection, lake)
    return connection


def prepare(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Make a connection or cursor of any DuckDB able to read the lake.

    It loads the delta extension (and httpfs for S3), sets the time zone to UTC, and makes the
    secret for S3 in the database. To be called again when short-lived credentials were renewed.

    Where unsigned extensions are allowed, loading takes 2 ms; else DuckDB first hashes the
    extension's 80 MB, half a second each time. Ours come from wheels, as DuckDB itself does.
    """
    connection.execute("SET TimeZone = 'UTC'")
    _load(connection, "delta")
    if is_s3(lake.uri):
        _load(connection, "httpfs")
        connection.execute(_secret(lake.uri, lake.storage_options))


def scan_sql(table: Table, version: int | None = None) -> str:
    """The table as a SQL expression, `delta_scan('…')`, its place properly quoted."""
    uri = table.uri if is_s3(table.uri) else f"file://{table.uri}"
    pinned = f", version => {int(version)}" if version is not None else ""
    return f"delta_scan({quoted(uri)}{pinned})"


def add_report_day(connection: duckdb.DuckDBPyConnection, zone: str) -> None:
    """Give a database the function `report_day`, the day of an hour of UTC in a time zone."""
    connection.execute(_REPORT_DAY.format(zone=quoted(zone)))


def _load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute(f"LOAD {quoted(_extension(name))}")


@lru_cache
def _extension(name: str) -> str:
    """The file of an extension in its wheel; loaded from there, nothing is installed."""
    package = import_module(f"duckdb_extension_{name}")
    file = files(package) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not file.is_file():
        msg = (
            f"DuckDB {duckdb.__version__}: expected its extension {name} at {file}, found none; "
            f"install duckdb-extension-{name}=={duckdb.__version__}"
        )
        raise LakeError(msg)
    return str(file)


def _secret(uri: str, options: Mapping[str, str]) -> str:
    """The statement that makes the S3 secret, limited to the lake's own bucket."""
    fields = {
        "KEY_ID": options.get("aws_access_key_id"),
        "SECRET": options.get("aws_secret_access_key"),
        "SESSION_TOKEN": options.get("aws_session_token"),
        "REGION": options.get("aws_region"),
        "SCOPE": f"s3://{urlsplit(uri).netloc}",
    }
    if custom := options.get("aws_endpoint_url"):
        parts = urlsplit(custom)
        fields["ENDPOINT"] = parts.netloc + parts.path.rstrip("/")
        fields["URL_STYLE"] = "path"
        fields["USE_SSL"] = "false" if parts.scheme == "http" else "true"
    settings = ", ".join(f"{name} {quoted(value)}" for name, value in fields.items() if value)
    return f"CREATE OR REPLACE SECRET {_SECRET} (TYPE s3, PROVIDER config, {settings})"


def quoted(text: str) -> str:
    """The text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """The name of a table, column or schema as SQL."""
    return '"' + name.replace('"', '""') + '"'
