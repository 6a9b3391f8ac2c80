"""What makes Dagster and dbt cheaper to load; every process that runs an hour pays for that.

The two are some three thousand modules, most of a small hour's time.
"""

from __future__ import annotations

import gc

from mashumaro.config import BaseConfig

#: After how many new objects Python looks for circles among the youngest, and after how many such
#: looks among older ones. By default 700: it would look a thousand times while modules load, which
#: leave nothing to find.
_COLLECTED_AFTER = (50_000, 20, 20)


def lower_start_cost() -> None:
    """Collect garbage less often, and have no code made for dbt's classes before it is needed.

    To be called before dbt is imported. Its some six hundred classes are read and written by
    mashumaro, which writes code for each: by default when the class is defined. An hour needs half.
    """
    gc.set_threshold(*_COLLECTED_AFTER)
    BaseConfig.lazy_compilation = True
