"""The platform's own sections, in the order in which they stand after those of packs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.reports.sections.access import access
from chimera_assets.reports.sections.audit_trail import audit_trail
from chimera_assets.reports.sections.compliance import compliance
from chimera_assets.reports.sections.data_quality import data_quality
from chimera_assets.reports.sections.lineage import lineage
from chimera_assets.reports.sections.reliability import reliability
from chimera_assets.reports.sections.retention import retention
from chimera_assets.reports.sections.source_compared import source_compared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chimera_assets.reports.inputs import BuiltSection, Inputs

#: Id -> what gives the section; none of them raises.
OWN_SECTIONS: Mapping[str, Callable[[Inputs], BuiltSection]] = {
    "data_quality": data_quality,
    "reliability": reliability,
    "source_compared": source_compared,
    "compliance": compliance,
    "retention": retention,
    "access": access,
    "lineage": lineage,
    "audit_trail": audit_trail,
}
