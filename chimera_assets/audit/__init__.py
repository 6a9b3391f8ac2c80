"""What changed, by whom: whatever changes data, configuration or access says so here.

`AuditLog.change` is the one way to say it. The log is a table of the platform's database that only
takes rows; see docs/audit.md.
"""

from chimera_assets.audit.log import OFF_THE_RECORD, AuditError, AuditLog
from chimera_assets.audit.reading import Entry, Wanted, names_known, newest

__all__ = ["OFF_THE_RECORD", "AuditError", "AuditLog", "Entry", "Wanted", "names_known", "newest"]
