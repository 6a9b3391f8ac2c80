"""Asking a storage again where its own client does not.

The client repeats requests that were refused or not answered, but not those whose answer broke off
half-way, and after a while it gives up. What is done here may be done twice without harm.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, TypeVar

from chimera_assets.lake.errors import StorageUnavailable, translated

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

#: How often the storage is asked before its failure is reported.
READ_ATTEMPTS = 5

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


def with_retries(question: Callable[[], _T], uri: str) -> _T:
    """The answer to a question, asked again while the storage says that it may succeed later."""
    for attempt in range(1, READ_ATTEMPTS):
        try:
            return question()
        except Exception as error:
            if not isinstance(translated(error, uri), StorageUnavailable):
                raise
            pause(attempt)
    return question()


def pause(attempt: int) -> None:
    """Wait, longer after each attempt, and never as long as others do."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    time.sleep(random.uniform(_FIRST_PAUSE, longest))  # noqa: S311
