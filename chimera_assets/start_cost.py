"""What makes Dagster and dbt cheaper to load; every process that runs an hour pays for that.

The two are some three thousand modules, most of a small hour's time.
"""

from __future__ import annotations

import gc

#: After how many new objects Python looks for circles among the youngest, and after how many such
#: looks among older ones. By default 700: it would look a thousand times while modules load, which
#: leave nothing to find.
_COLLECTED_AFTER = (50_000, 20, 20)


def collect_rarely() -> None:
    """Collect garbage less often."""
    gc.set_threshold(*_COLLECTED_AFTER)


def compile_dbt_late() -> None:
    """Have no code made for dbt's classes before it is needed; to be called before dbt is imported.

    Its some six hundred classes are read and written by mashumaro, which writes code for each: by
    default when the class is defined. An hour needs half.
    """
    from mashumaro.config import BaseConfig  # noqa: PLC0415 - only where dbt is loaded

    BaseConfig.lazy_compilation = True
