"""Which tests are to notice a change to the core: those that call it in their own process.

Other processes take seconds, and what they run of the core, mutmut does not see. A lake on S3 says
of the core what one in a folder says, so that a server is started only for what is of S3 alone.
"""

from __future__ import annotations

import re
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

#: A test whose first parameter is the lake or the place on S3, not a text that begins so.
_ON_S3 = re.compile(r"\w+\[s3[]-]")

#: What tests start processes with.
_STARTERS = {"subprocess", "multiprocessing", "warm", "Site", "fork"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Leave out what starts processes."""
    left_out = [item for item in items if _ON_S3.match(item.name) or _starts_processes(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    for item in items:
        item._nodeid = item.nodeid  # what mutmut 3.8 asks for, and pytest 9.2 has no more


def _starts_processes(item: Any) -> bool:
    """Whether the test, its fixtures, or what they call of `tests` names a starter."""
    fixtures = item._fixtureinfo.name2fixturedefs
    used = [fixtures[name][-1].func for name in item.fixturenames if name in fixtures]
    waiting = [item.function, *used]
    seen = set(waiting)
    while waiting:
        function = waiting.pop()
        if function.__name__ == "s3_endpoint":
            continue
        for name in _names(function.__code__):
            if name in _STARTERS:
                return True
            called = function.__globals__.get(name)
            if isinstance(called, FunctionType) and "/tests/" in called.__code__.co_filename:
                waiting += {called} - seen
                seen.add(called)
    return False


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
