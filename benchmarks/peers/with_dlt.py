"""PostgreSQL to Delta by dlt: its SQL source with the pyarrow back end, its Delta destination."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Callable

#: Rows fetched at a time: of 50,000 (dlt's default), 100,000 and 250,000 the fastest.
_CHUNK_ROWS = 100_000


def prepare(
    *, url: str, table: str, folder: str
) -> tuple[dict[str, Any], Callable[..., dict[str, Any]]]:
    """Load dlt; each round is a new pipeline into a new folder, as ours is."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DLT_DATA_DIR"] = str(Path(folder) / "dlt")
    import dlt
    from dlt.sources.sql_database import sql_table

    address = url.replace("postgresql://", "postgresql+psycopg2://", 1)

    def work(number: int) -> dict[str, Any]:
        place = Path(folder) / f"dlt_{number}"
        pipeline = dlt.pipeline(
            f"bench_{number}",
            pipelines_dir=str(place / "pipeline"),
            destination=dlt.destinations.filesystem(bucket_url=f"file://{place / 'lake'}"),
            dataset_name="raw",
        )
        rows = sql_table(address, table=table, backend="pyarrow", chunk_size=_CHUNK_ROWS)
        pipeline.run(rows, table_format="delta", write_disposition="append").raise_on_failed_jobs()
        return {"table": str(place / "lake" / "raw" / table)}

    return {"version": version("dlt")}, work


if __name__ == "__main__":
    serve(prepare)
