"""OpenLineage run events: what a run reads and writes, in the words of OpenLineage 2-0-2.

Datasets are called as its naming says: `postgres://host:port` and `database.schema.table` for the
operational tables, `file` or `s3://bucket` and the path for tables of the lake. No event holds a
value of a row.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import polars as pl

from chimera_assets import __version__
from chimera_assets.lake.storage import is_s3
from chimera_assets.layers import RAW
from chimera_assets.lineage.columns import SOURCE, steps_down
from chimera_assets.system_tables import run_counts
from chimera_assets.system_tables.check_results import check_results_of_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from openlineage.client import event_v2

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake, Table
    from chimera_assets.lineage.columns import ColumnStep
    from chimera_assets.privacy.origins import Lineages, Relation

_PRODUCER = f"https://pypi.org/project/chimera-assets/{__version__}"
_POSTGRES_PORT = 5432


@dataclass(frozen=True, slots=True)
class TracedRun:
    """A run, as far as events tell of it.

    Attributes:
        run_id: Its id, a UUID.
        job: Its job.
        hours: Its hours; None if it has none.
        tables: Layer and name of the tables that it is to write.
    """

    run_id: str
    job: str
    hours: HourRange | None
    tables: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """What a run wrote into a table: rows and bytes, None where nobody counted them."""

    rows: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class World:
    """What names and columns of datasets come from.

    Attributes:
        lake: The lake.
        contracts: The contracts by stream.
        lineages: What models make their columns of.
        source_url: Where the operational database is.
    """

    lake: Lake
    contracts: Mapping[str, Contract]
    lineages: Lineages
    source_url: str

    def dataset(self, layer: str, name: str) -> tuple[str, str]:
        """Namespace and name of a table of the lake, or of one of the operational database."""
        if layer == SOURCE:
            parts = urlsplit(self.source_url)
            place = f"{parts.hostname or 'localhost'}:{parts.port or _POSTGRES_PORT}"
            table = name if "." in name else f"public.{name}"
            return f"postgres://{place}", f"{unquote(parts.path.strip('/'))}.{table}"
        uri = f"{self.lake.uri}/{layer}/{name}"
        if not is_s3(uri):
            return "file", uri
        parts = urlsplit(uri)
        return f"s3://{parts.netloc}", parts.path.strip("/")


def run_event(
    state: str,
    at: datetime,
    run: TracedRun,
    world: World,
    written: Mapping[Relation, Written] | None = None,
) -> event_v2.RunEvent:
    """An event of a run.

    Args:
        state: `START`, `COMPLETE`, `FAIL` or `ABORT`.
        at: When.
        run: The run.
        world: What it works on.
        written: What it wrote, once it has ended; else the tables that it is to write are named.
    """
    from openlineage.client import event_v2, set_producer  # noqa: PLC0415 - only where it is on
    from openlineage.client.facet_v2 import nominal_time_run  # noqa: PLC0415 - as above

    set_producer(_PRODUCER)
    facets: dict[str, Any] = {}
    if run.hours is not None:
        start, end = run.hours.start.isoformat(), run.hours.end.isoformat()
        facets["nominalTime"] = nominal_time_run.NominalTimeRunFacet(start, end)
    namespace = os.environ.get("OPENLINEAGE_NAMESPACE", "chimera")
    tables = run.tables if written is None else sorted(written)
    return event_v2.RunEvent(
        eventTime=at.isoformat(),
        eventType=event_v2.RunState[state],
        run=event_v2.Run(run.run_id, facets),
        job=event_v2.Job(namespace, run.job),
        inputs=list(_inputs(run, world, tables, counted=written is not None)),
        outputs=[_output(world, table, (written or {}).get(table)) for table in tables],
        producer=_PRODUCER,
    )


def _inputs(
    run: TracedRun, world: World, tables: Sequence[Relation], *, counted: bool
) -> Iterator[event_v2.InputDataset]:
    """The operational tables of the streams whose raw tables are written."""
    from openlineage.client import event_v2  # noqa: PLC0415 - only where it is on
    from openlineage.client.facet_v2 import (  # noqa: PLC0415 - as above
        data_quality_assertions_dataset,
        input_statistics_input_dataset,
    )

    rows = run_counts.of_streams(world.lake, run.run_id) if counted else None
    for layer, stream in tables:
        contract = world.contracts.get(stream)
        if layer != RAW or contract is None:
            continue
        facets: dict[str, Any] = {}
        if rows is not None and (found := rows.filter(stream=stream)).height:
            extracted = int(found["extracted"].item())
            statistics = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(extracted)
            facets["inputStatistics"] = statistics
            facets["dataQualityAssertions"] = (
                data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
                    list(_assertions(world.lake, run.run_id, stream))
                )
            )
        namespace, name = world.dataset(SOURCE, contract.source_table)
        yield event_v2.InputDataset(namespace, name, inputFacets=facets)


def _assertions(lake: Lake, run_id: str, stream: str) -> Iterator[Any]:
    """Every rule of a stream, and whether no hour of the run broke it."""
    from openlineage.client.facet_v2 import (  # noqa: PLC0415 - only where it is on
        data_quality_assertions_dataset,
    )

    results = check_results_of_run(lake, run_id).filter(pl.col("stream") == stream)
    of_rules = results.group_by("rule", "column", "severity").agg(pl.col("passed").all())
    for row in of_rules.sort("rule").collect().iter_rows(named=True):
        severity = "error" if row["severity"] == "error" else "warn"
        yield data_quality_assertions_dataset.Assertion(
            row["rule"], row["passed"], row["column"], severity
        )


def _output(world: World, table: Relation, written: Written | None) -> event_v2.OutputDataset:
    from openlineage.client import event_v2  # noqa: PLC0415 - only where it is on
    from openlineage.client.facet_v2 import (  # noqa: PLC0415 - as above
        column_lineage_dataset,
        output_statistics_output_dataset,
        schema_dataset,
    )

    namespace, name = world.dataset(*table)
    facets: dict[str, Any] = {}
    kept = world.lake.table(*table)
    if kept.exists():
        field = schema_dataset.SchemaDatasetFacetFields
        columns = [field(one.name, str(one.type)) for one in kept.schema()]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(columns)
        if fields := _column_lineage(world, kept):
            facets["columnLineage"] = column_lineage_dataset.ColumnLineageDatasetFacet(fields)
    statistics: dict[str, Any] = {}
    if written is not None and written.rows is not None:
        statistics["outputStatistics"] = (
            output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                written.rows, written.bytes
            )
        )
    return event_v2.OutputDataset(namespace, name, facets=facets, outputFacets=statistics)


def _column_lineage(world: World, table: Table) -> dict[str, Any]:
    """Column -> what it is made of, directly."""
    from openlineage.client.facet_v2 import (  # noqa: PLC0415 - only where it is on
        column_lineage_dataset,
    )

    found: dict[str, Any] = {}
    for column in table.schema().names:
        start = (table.layer, table.name, column)
        steps = [one for one in steps_down(world.lineages, world.contracts, start) if _is_of(one)]
        if steps:
            fields = [_input_field(world, step) for step in steps]
            how = next((step.how for step in steps if step.how), None)
            found[column] = column_lineage_dataset.Fields(fields, how)
    return found


def _is_of(step: ColumnStep) -> bool:
    """Whether a step leads to a column that has a name."""
    return step.from_table is not None and step.from_column not in {None, "*"}


def _input_field(world: World, step: ColumnStep) -> Any:  # noqa: ANN401 - of a package that is optional
    from openlineage.client.facet_v2 import (  # noqa: PLC0415 - only where it is on
        column_lineage_dataset,
    )

    layer, _, table = (step.from_table or "").partition("/")
    return column_lineage_dataset.InputField(*world.dataset(layer, table), step.from_column or "")
