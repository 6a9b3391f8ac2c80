"""dagster-dbt without dbt itself, which it would load for little more than the names of states.

It can do without, as it has to where dbt Fusion is; and the dbt that we run is in a process of its
own, see `warehouse/dbt_process.py`.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

#: What dagster-dbt looks for first. If it is not there, neither is dbt.
_LOOKED_FOR = "dbt.version"


@contextmanager
def _dbt_hidden() -> Iterator[None]:
    if _LOOKED_FOR in sys.modules:
        yield
        return
    sys.modules[_LOOKED_FOR] = cast("ModuleType", None)  # Python's way to say: there is no such one
    try:
        yield
    finally:
        del sys.modules[_LOOKED_FOR]


with _dbt_hidden():
    from dagster_dbt import DagsterDbtTranslator, DbtProject
    from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

__all__ = ["DagsterDbtTranslator", "DbtCoreCliEventMessage", "DbtProject"]
