"""Files of a report, from a document in memory: the same document gives the same bytes.

It knows no lake and no settings. PDF and HTML are for people, CSV, XLSX and JSON for machines.
"""

from chimera_assets.reports.rendering.files import rendered

__all__ = ["rendered"]
