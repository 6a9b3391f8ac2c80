"""Files as a source: dropped into a folder or an S3 prefix, each loaded exactly once.

A file's rows go into the Delta table `landing/<stream>`, and in the same commit its entry in the
file log. From there the hours' runs extract them, beside the rows of PostgreSQL.
"""

from chimera_assets.sources.landing.file_log import FileLog
from chimera_assets.sources.landing.load_commit import LANDED_HOURS
from chimera_assets.sources.landing.loading import Loaded, load_files
from chimera_assets.sources.landing.names import shown_name
from chimera_assets.sources.landing.place import FORMATS, LandingFile, Place
from chimera_assets.sources.landing.rows import landed_rows
from chimera_assets.sources.landing.state import LandingState, landing_state, rows_in_no_hour
from chimera_assets.sources.landing.taking_back import TakenBack, rows_of_file, take_back
from chimera_assets.sources.landing.wholeness import waiting

__all__ = [
    "FORMATS",
    "LANDED_HOURS",
    "FileLog",
    "LandingFile",
    "LandingState",
    "Loaded",
    "Place",
    "TakenBack",
    "landed_rows",
    "landing_state",
    "load_files",
    "rows_in_no_hour",
    "rows_of_file",
    "shown_name",
    "take_back",
    "waiting",
]
