"""A plugin of `coverage`, which loads it into every process that it measures (`pyproject.toml`).

The keeper of the embedded server starts without `site`, where coverage would begin to measure it,
and without our environment. Where its starter is measured, it gets both, and is measured as well.
"""

from __future__ import annotations

import os
import subprocess
from functools import wraps
from typing import Any

_CONFIGURATION = "COVERAGE_PROCESS_CONFIG"


def coverage_init(*_: Any) -> None:
    """Start each keeper from now on so that coverage starts in it."""
    start = subprocess.Popen.__init__

    @wraps(start)
    def measured(self: Any, args: Any, *rest: Any, **more: Any) -> None:
        match args:
            case [python, "-I", "-S", file] if file.endswith("/embedded/keeper.py"):
                args = [python, "-P", file]
                more["env"] = {**more["env"], _CONFIGURATION: os.environ[_CONFIGURATION]}
        start(self, args, *rest, **more)

    subprocess.Popen.__init__ = measured  # type: ignore[method-assign]
