"""What a run does that builds a report, and what it lets others know of it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from chimera_assets.errors import ArgumentError
from chimera_assets.lifecycle.tenants import known_tenants
from chimera_assets.orchestration.runs.audited_run import context_of_run
from chimera_assets.orchestration.runs.ended_runs import runs_within
from chimera_assets.orchestration.runs.tags import REPORT_PLACE_TAG, REPORT_TAG
from chimera_assets.reports.making import make_report
from chimera_assets.reports.readiness import readiness

if TYPE_CHECKING:
    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.reports.build import Made
    from chimera_assets.reports.order import Order


def built_report(
    context: dg.OpExecutionContext | dg.AssetExecutionContext, order: Order
) -> dict[str, Any]:
    """Build a report; gives what the pages show of it.

    Raises:
        ChimeraError: It could not be built.
    """
    run = context.run
    context.instance.add_run_tags(run.run_id, {REPORT_TAG: order.id})
    audited = context_of_run(run, now=datetime.now(UTC))
    _require_tenant(audited, order.tenant)
    made = make_report(audited, order, partial(runs_within, context.instance))
    told = {REPORT_TAG: made.report.name} | ({REPORT_PLACE_TAG: made.place} if made.new else {})
    context.instance.add_run_tags(run.run_id, told)
    lacking = readiness(audited.lake, audited.contracts, order.period.hours).lacking
    return _shown(made) | {"period": order.period.name, "hours lacking": lacking}


def _require_tenant(audited: AuditedContext, tenant: str | None) -> None:
    """Refuse a tenant of whom there are no rows; names no other, as Dagster keeps the words."""
    if tenant is not None and tenant not in known_tenants(audited.lake, audited.contracts, None):
        msg = "tenant: expected one of whom the lake has rows, found one of whom it has none"
        raise ArgumentError(msg)


def _shown(made: Made) -> dict[str, Any]:
    judged = {name: one.value for name, one in made.status.items() if one is not None}
    return {
        "report": made.report.name,
        "revision": made.report.revision,
        "new": made.new,
        "place": dg.MetadataValue.path(made.place),
        "figures changed": made.changed,
        "sections": dg.MetadataValue.json(judged),
    }
