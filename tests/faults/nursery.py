"""A warm parent: it has imported everything, and forks a process for each request on stdin.

Starting Dagster costs seconds, a fork costs none: so hundreds of runs can be killed. Each child
leads a group of its own, runs one request of `tests/pipeline/worker.py`, and answers on the stdout
they share, one JSON object a line: `{"pid": …}` first, `{"ended": <exit code>}` last.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module

from tests.pipeline import worker

#: What takes long to import. Nothing that starts threads when it is imported, which a fork would
#: lose: the definitions ask Polars something already while they are made.
WARM = (
    "adbc_driver_postgresql.dbapi",
    "boto3",
    "dagster_dbt",
    "dagster_postgres",
    "dbt.adapters.duckdb.connections",
    "dbt.cli.main",
    "deltalake",
    "duckdb",
    "google.protobuf.json_format",
    "open_data_contract_standard.model",
    "pandera.polars",
    "polars",
    "pyarrow.parquet",
    "sqlglot",
    "chimera_assets.orchestration.runs.run_hours",
    "chimera_assets.sources.postgres",
)


def child(request: dict[str, object], answers: int) -> None:
    """Answer one request, in the environment it asks for."""
    os.setsid()
    os.environ.update(request.pop("environment", {}))  # type: ignore[call-overload]
    time.tzset()

    def tell(said: dict[str, object]) -> None:
        # One write a line, which no kill can cut.
        os.write(answers, json.dumps(said).encode() + b"\n")

    tell({"pid": os.getpid()})
    wanted = {"run": worker.run, "ticks": ticks}[str(request.pop("do"))]
    tell({"result": wanted(tell, **request)})  # type: ignore[arg-type]


def ticks(_: object, moments: list[str]) -> list[list[str]]:
    """The hours that the schedule asks for at each of these moments."""
    from datetime import datetime

    import dagster as dg

    from chimera_assets.definitions import defs

    repository = defs.get_repository_def()
    schedule = repository.get_schedule_def("chimera_etl_hourly")
    asked = []
    for moment in moments:
        context = dg.build_schedule_context(
            scheduled_execution_time=datetime.fromisoformat(moment), repository_def=repository
        )
        requests = schedule.evaluate_tick(context).run_requests
        asked.append([str(request.partition_key) for request in requests])
    return asked


def main() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)
    for module in WARM:
        import_module(module)
    os.write(answers, b'{"ready": true}\n')
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line), answers)
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        os.write(answers, json.dumps({"ended": code}).encode() + b"\n")


if __name__ == "__main__":
    main()
