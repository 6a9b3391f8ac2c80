"""Names of sections, their tables and charts: of files everywhere, and none of the platform's."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from chimera_assets.naming import NAME
from chimera_assets.yaml_documents.models import Name, refuse

#: What Windows takes for a device, whatever follows after a dot.
DEVICES = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
)

#: The sections that are the platform's own, and that of what changed since the last revision.
OWN_SECTIONS = frozenset(
    {"access", "audit_trail", "changes", "compliance", "data_quality", "lineage", "reliability",
     "retention", "source_compared"}
)  # fmt: skip

#: Their tables and charts, and the other files of a report.
OWN_TABLES = frozenset(
    {"access", "audit_actors", "audit_commits", "audit_newest", "changes_since_last_revision",
     "compliance_failures", "compliance_held_back", "lineage_columns", "lineage_sample",
     "lineage_schemas", "manifest", "missing_hours", "oscal", "publishing_lag",
     "quality_quarantine", "quality_rules", "quality_streams", "reliability_failures",
     "reliability_jobs", "reliability_lag", "reliability_late", "reliability_runs",
     "report", "retention", "retention_holds", "retention_others", "source_compared",
     "source_differs"}
)  # fmt: skip


def why_no_section(name: str) -> tuple[str, str] | None:
    """What is expected of a section's name and found; None if it may be called so."""
    if NAME.fullmatch(name) is None:
        return "lower-case letters, digits and _, at most 63, a letter first", repr(name)
    if name in DEVICES:
        return "a name of files on every system", f"{name}, the name of a device"
    if name in OWN_SECTIONS:
        return "a name that is not one of the platform's own sections", name
    return None


def _not_taken(name: str) -> str:
    """For a validator."""
    if not name[:1].isalpha():
        refuse("a letter first, as it names files", name)
    if name in DEVICES:
        refuse("a name of files on every system", f"{name}, the name of a device")
    if name in OWN_TABLES:
        refuse("a name that is none of the platform's own tables and files", name)
    return name


#: What a table or a chart may be called.
FileName = Annotated[Name, AfterValidator(_not_taken)]
