"""The warm parent: it has imported what takes long, and forks a process for each command.

For each connection a guard is forked, and by it the command's process. The guard tells the client
the process's id and its end; if the client is gone, it kills the process.
"""

from __future__ import annotations

import atexit
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
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: What takes long to import. Nothing that starts threads when it is imported, which a fork would
#: lose: the definitions ask Polars something already while they are made.
WARM = (
    "adbc_driver_postgresql.dbapi",
    "boto3",
    "dagster_dbt",
    "dagster_graphql",
    "dagster_postgres",
    "dbt.adapters.duckdb.connections",
    "dbt.cli.main",
    "deltalake",
    "duckdb",
    "google.protobuf.json_format",
    "open_data_contract_standard.model",
    "pandera.polars",
    "polars",
    "psycopg",
    "pyarrow.parquet",
    "rich.console",
    "sqlglot",
    "typer",
    "chimera_assets.cli",
    "chimera_assets.orchestration.runs.run_hours",
    "chimera_assets.sources.postgres",
    "tests.pipeline.worker",
)


def main() -> None:
    """Serve until stdin ends; in a forked process, be the command."""
    for name in WARM:
        import_module(name)
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


def _serve(door: socket.socket) -> Callable[[], Any] | None:
    """Fork a guard for each client; gives the command to be run in a process of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks for the guards
    while True:
        ready, _, _ = select.select([0, door], [], [])
        if 0 in ready:
            return None
        client, _ = door.accept()
        if os.fork() == 0:
            door.close()
            return _guard(client)
        client.close()


def _guard(client: socket.socket) -> Callable[[], Any]:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(client, 1, 3)
    with client.makefile() as lines:
        order = json.loads(lines.readline())
    if (pid := os.fork()) == 0:
        client.close()
        return _command(order, streams)
    for stream in streams:
        os.close(stream)
    client.sendall(f"{pid}\n".encode())
    ended = os.pidfd_open(pid)
    ready, _, _ = select.select([ended, client], [], [])
    if client in ready:
        os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if client not in ready:
        client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _command(order: dict[str, Any], streams: list[int]) -> Callable[[], Any]:
    """Become the process of a command, up to the call that runs it."""
    os.setsid()
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["cwd"])
    sys.argv = order["argv"]
    module, _, name = order["entry"].partition(":")
    entry: Callable[[], Any] = getattr(import_module(module), name)
    return entry


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
