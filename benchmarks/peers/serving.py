"""A peer's process: made ready once, then asked for one piece of work a line.

So what is timed is a peer's work, and not the start of Python or the loading of libraries.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = dict[str, Any]


def serve(prepare: Callable[..., tuple[Answer, Callable[..., Answer]]]) -> None:
    """Answer lines of JSON with lines of JSON, until there are no more.

    Args:
        prepare: Called with what the command line gives as JSON; gives the first answer, and what
            answers each line.
    """
    # Libraries print; what they print must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    first, work = prepare(**json.loads(sys.argv[1]))
    print(json.dumps(first), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(work(**json.loads(line))), file=answers, flush=True)
