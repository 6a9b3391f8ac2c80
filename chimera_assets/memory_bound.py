"""A bound on the memory that this process may take beside what it has, for a while.

DuckDB's own limit does not count what its functions of texts take: one `format` can ask for all
memory there is, and the system then ends whatever it likes.
"""

from __future__ import annotations

import resource
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATUS = Path("/proc/self/status")


@contextmanager
def memory_bound(more: int) -> Iterator[None]:
    """In the block, no more memory than now and so many bytes; only Linux counts it by the process.

    What asks for more is refused it, and fails by itself.
    """
    if not _STATUS.exists():
        yield
        return
    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bounds = [_data_bytes() + more, *(one for one in (before, hard) if one >= 0)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))


def _data_bytes() -> int:
    """What the limit counts of this process: memory of its own that it may write to."""
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
    return sum(int(lines[name].split()[0]) for name in ("VmData", "VmStk")) * 1024
