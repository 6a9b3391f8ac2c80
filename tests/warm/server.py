"""The warm parent: it has imported what takes long, and forks a process for each command.

A process is forked for each connection. The client learns the process's id and its end; if the
client is gone, the process is killed.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chimera_assets.start_cost import compile_dbt_late
from tests.warm import command as client_command

if TYPE_CHECKING:
    from collections.abc import Callable

#: What takes long to import. Nothing that starts threads when it is imported, which a fork would
#: lose: the definitions ask Polars something already while they are made. Nor what reads settings.
WARM = (
    "chimera_assets.orchestration.dagster_dbt",
    "chimera_assets.warehouse.dbt_invocation",
    "adbc_driver_postgresql.dbapi",
    "boto3",
    "dagster_graphql",
    "dagster_postgres",
    "dbt.adapters.duckdb.connections",
    "dbt.cli.main",
    "deltalake",
    "duckdb",
    "google.protobuf.json_format",
    "open_data_contract_standard.model",
    "pandera.backends.polars.register",
    "pandera.polars",
    "polars",
    "psycopg",
    "pyarrow.parquet",
    "rich.console",
    "sqlglot",
    "typer",
    "chimera_assets.cli",
    "chimera_assets.commands.audit",
    "chimera_assets.commands.backfill",
    "chimera_assets.commands.demo",
    "chimera_assets.commands.holds",
    "chimera_assets.commands.packs",
    "chimera_assets.commands.replay",
    "chimera_assets.commands.source",
    "chimera_assets.commands.status",
    "chimera_assets.commands.tables",
    "chimera_assets.commands.upkeep",
    "chimera_assets.commands.verify",
    "chimera_assets.orchestration.runs.audited_run",
    "chimera_assets.orchestration.runs.late_runs",
    "chimera_assets.orchestration.runs.run_hours",
    "chimera_assets.orchestration.runs.traced_run",
    "chimera_assets.orchestration.upkeep_job",
    "chimera_assets.sources.postgres",
    "chimera_assets.warehouse.dbt_worker",
    "chimera_assets.warehouse.model_check",
    "tests.site.worker",
)


def main() -> None:
    """Serve until stdin ends; in a forked process, be the command."""
    compile_dbt_late()
    for name in WARM:
        import_module(name)
    _work_out_schemas()
    gc.collect()
    gc.freeze()
    path = Path(sys.argv[1])
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen(16)
        os.write(1, b"ready\n")
        command = _serve(door)
    if command is None:
        path.unlink()
    else:
        _end(_code(command))


def _work_out_schemas() -> None:
    """Those by which dbt checks its own files: half a second in each process that runs it."""
    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.contracts.project import Configuration, PackageConfig, Project, ProjectFlags

    for read in (Configuration, DuckDBCredentials, PackageConfig, Project, ProjectFlags):
        read.json_schema()


def _serve(door: socket.socket) -> Callable[[], Any] | None:
    """Fork a process for each client; gives the command to be run in a process of its own."""
    clients: dict[int, tuple[socket.socket, int]] = {}  # a process's pidfd -> its client, its id
    while True:
        doors = [0, door, *clients, *(client for client, _ in clients.values())]
        ready, _, _ = select.select(doors, [], [])
        if 0 in ready:
            return None
        if door in ready:
            client, _ = door.accept()
            order, streams = _order(client)
            if (pid := os.fork()) == 0:
                client.close()
                for other, (theirs, _) in clients.items():
                    os.close(other)
                    theirs.close()
                return _command(order, streams)
            for stream in streams:
                os.close(stream)
            _tell(client, pid)
            clients[os.pidfd_open(pid)] = client, pid
        for ended, (client, pid) in [*clients.items()]:
            if ended in ready or client in ready:
                del clients[ended]
                os.close(ended)
                _end_of(pid, client, gone=client in ready)


def _order(client: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What a client asks for, and the descriptors that it hands over."""
    _, streams, _, _ = socket.recv_fds(client, 1, 16)
    with client.makefile() as lines:
        order: dict[str, Any] = json.loads(lines.readline())
    return order, streams


def _end_of(pid: int, client: socket.socket, *, gone: bool) -> None:
    """Tell a client how its process ended; if it is the client that is gone, end the process."""
    with client:
        if gone:
            with suppress(ProcessLookupError):  # it leads no group yet
                os.killpg(pid, signal.SIGKILL)
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        _tell(client, os.waitstatus_to_exitcode(status))


def _tell(client: socket.socket, number: int) -> None:
    with suppress(OSError):  # it is gone, as will be seen
        client.sendall(f"{number}\n".encode())


def _command(order: dict[str, Any], streams: list[int]) -> Callable[[], Any]:
    """Become the process of a command, up to the call that runs it."""
    os.setsid()
    apart = [fcntl.fcntl(stream, fcntl.F_DUPFD, 100) for stream in streams]
    for target, stream in zip(order["descriptors"], apart, strict=True):
        os.dup2(stream, target)
    for each in {*streams, *apart} - {*order["descriptors"]}:
        os.close(each)
    _dbt_from_here()
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["cwd"])
    sys.argv = order["argv"]
    module, _, name = order["entry"].partition(":")
    entry: Callable[[], Any] = getattr(import_module(module), name)
    return entry


def _dbt_from_here() -> None:
    """Have dbt's process, too, forked from here."""
    module = "chimera_assets.warehouse.dbt_worker"
    dbt_process = import_module("chimera_assets.warehouse.dbt_process")
    dbt_process.WORKER = client_command(sys.argv[1], f"{module}:main", module)


def _code(command: Callable[[], Any]) -> int:
    """Run a command; its exit code, as the interpreter finds it."""
    try:
        command()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BaseException:  # noqa: BLE001 - what ends a process
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> None:
    """End as the interpreter does, but for what C++ does then to threads that a fork has lost."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
