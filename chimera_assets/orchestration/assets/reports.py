"""The assets `reports/daily`, `reports/weekly` and `reports/monthly`: a report a partition.

They are made by jobs, not by themselves: an asset of other partitions than hours could be chosen
together with the hourly ones by nobody, and `dagster asset materialize --select '*'` would fail.
"""

from collections.abc import Iterator

import dagster as dg

from chimera_assets.orchestration.assets.warehouse import WAREHOUSE
from chimera_assets.orchestration.report_partitions import REPORT_PARTITIONS, report_period
from chimera_assets.orchestration.report_run import built_report
from chimera_assets.orchestration.runs.retries import tried_again
from chimera_assets.packs import active_packs
from chimera_assets.packs.sections import Section, sections_of
from chimera_assets.packs.select import read_select
from chimera_assets.reports.order import Order
from chimera_assets.reports.store import FOLDER
from chimera_assets.runs.job_names import report_job

_DESCRIPTION = (
    "The {kind} analytics and compliance report: a signed bundle of PDF, HTML, XLSX, CSV and JSON. "
    "A partition is named by its first day. Built again, it gets a further revision if figures are "
    "others by now, and nothing is built if they are not."
)


def _deps() -> Iterator[dg.AssetDep]:
    """The tables that sections of packs read, for the graph; a report's run reads them as they are.

    They are mapped to none of its partitions: a backfill of hours from the pages would derive the
    reports of all its days, weeks and months otherwise, whatever there is of them yet.
    """
    read = {name for section in sections_of(active_packs()) for name in _tables(section)}
    for spec in (spec for assets in WAREHOUSE for spec in assets.specs):
        if spec.key.path[-1] in read:
            hourly = spec.partitions_def is not None
            mapping = dg.SpecificPartitionsPartitionMapping([])
            yield dg.AssetDep(spec.key, partition_mapping=mapping if hourly else None)


def _tables(section: Section) -> Iterator[str]:
    for figure in section.figures.values():
        yield from read_select(figure.sql).tables
    for table in section.tables.values():
        yield from read_select(table.sql).tables


def _spec(kind: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=[FOLDER, kind],
        deps=list(_deps()),
        partitions_def=REPORT_PARTITIONS[kind],
        group_name=FOLDER,
        kinds={"pdf"},
        owners=["team:data-platform"],
        description=_DESCRIPTION.format(kind=kind),
    )


def _job(kind: str) -> dg.JobDefinition:
    """The job that builds a report; its one step says that the asset was made."""

    @dg.op(
        name=f"build_{kind}_report",
        out=dg.Out(dg.Nothing),
        description="Builds the report of a partition and says where it is.",
    )
    def built(context: dg.OpExecutionContext) -> None:
        with tried_again(context.log, context.retry_number):
            key = context.partition_key
            metadata = built_report(context, Order(report_period(kind, key)))
            made = dg.AssetMaterialization([FOLDER, kind], partition=key, metadata=metadata)
            context.log_event(made)

    @dg.job(
        name=report_job(kind),
        partitions_def=REPORT_PARTITIONS[kind],
        description=f"Builds the {kind} report of a partition.",
        tags={"pipeline": "reports"},
    )
    def job() -> None:
        built()

    return job


REPORT_ASSETS = {kind: _spec(kind) for kind in REPORT_PARTITIONS}

#: Kind of report -> the job that builds one, as its sensor asks for it.
REPORT_JOBS = {kind: _job(kind) for kind in REPORT_PARTITIONS}
