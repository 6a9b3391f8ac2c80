"""What names and versions in files may be, and how to say so."""

from __future__ import annotations

import re

#: A name that is also the name of tables, assets and folders.
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
NAME_IN_WORDS = "lower-case letters, digits and _, at most 63, a letter first"

#: A semantic version without suffixes.
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
VERSION_IN_WORDS = "a semantic version such as 1.0.0"
