"""Reports as they are ordered: of all sections that there are, signed with the lake's own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.audit.catch_up import keys_of
from chimera_assets.packs import active_packs
from chimera_assets.packs.sections import sections_of
from chimera_assets.reports.build import build
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.reports.build import Made
    from chimera_assets.reports.order import Order
    from chimera_assets.runs.job_runs import RunsWithin


def make_report(context: AuditedContext, order: Order, runs: RunsWithin) -> Made:
    """Build a report of all sections that there are; see `build`."""
    keys = keys_of(context.audit, get_settings(), context.actor)
    return build(context, order, sections_of(active_packs()), keys, runs)
