"""The job `compliance_report`: a report of any range, one tenant or all, any zone, on demand."""

import dagster as dg
from pydantic import Field

from chimera_assets.orchestration.report_run import built_report
from chimera_assets.orchestration.runs.retries import tried_again
from chimera_assets.reports.order import Order
from chimera_assets.reports.periods import parse_period
from chimera_assets.runs.job_names import REPORT


class WantedReport(dg.Config):
    """Which report is wanted, as the launchpad asks for it."""

    period: str = Field(
        description="A day (2026-01-31), a week (2026-W05), a month (2026-01) or a range of days "
        "(2026-01-10..2026-01-20, the end excluded)."
    )
    tenant: str | None = Field(default=None, description="The one tenant; none for all.")
    zone: str = Field(
        default="UTC", description="The time zone in which days begin, by its IANA name."
    )


@dg.op(out=dg.Out(dg.Nothing), description="Builds a report and says where it is.")
def build_report(context: dg.OpExecutionContext, config: WantedReport) -> None:
    """Build what the configuration names."""
    with tried_again(context.log, context.retry_number):
        order = Order(parse_period(config.period, config.zone), config.tenant)
        context.add_output_metadata(built_report(context, order))


@dg.job(
    name=REPORT,
    tags={"pipeline": "reports"},
    description="Builds the report of any period, of one tenant or all: name it in the launchpad.",
)
def compliance_report() -> None:
    """One step."""
    build_report()
