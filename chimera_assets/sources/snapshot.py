"""A snapshot of PostgreSQL: which transactions' rows it shows, and which rows are newer than it.

PostgreSQL writes a snapshot as `xmin:xmax:xip,xip`. Transactions below `xmin` had ended, those from
`xmax` on had not, and of those between, the ones listed were still running. What a later snapshot
shows beyond an earlier one follows from the two alone, with one trap: only top-level transactions
are listed, while a row written after a SAVEPOINT carries the id of its subtransaction. That id is
always greater than its parent's. So a row is newer than a snapshot, or might be, if its id is not
below the `floor`: the oldest transaction that the earlier snapshot saw running and the later one
sees ended. Transactions that run on through both show no rows in either and lower nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which transactions a snapshot shows.

    Attributes:
        xmax: The first transaction id, 64 bits with its epoch, that had not been given out or had
            not ended.
        running: The ids below it of top-level transactions that had not ended.
    """

    xmax: int
    running: frozenset[int] = frozenset()

    @classmethod
    def parse(cls, text: str, *, standby: bool = False) -> Self:
        """The snapshot that `pg_current_snapshot()` gives.

        Args:
            text: `xmin:xmax:xip,xip`.
            standby: Whether the server follows another one. It then does not list what runs, and
                only what is below `xmin` is sure to be shown.
        """
        xmin, xmax, running = text.split(":")
        if standby:
            return cls(int(xmin))
        return cls(int(xmax), frozenset(int(xid) for xid in running.split(",") if xid))

    def __str__(self) -> str:
        """The snapshot as PostgreSQL writes it."""
        xmin = min(self.running, default=self.xmax)
        return f"{xmin}:{self.xmax}:{','.join(map(str, sorted(self.running)))}"

    def follows(self, other: Snapshot) -> bool:
        """Whether this snapshot shows all that the other one does."""
        late = (xid for xid in self.running if xid < other.xmax)
        return self.xmax >= other.xmax and all(xid in other.running for xid in late)

    def floor(self, later: Snapshot) -> int:
        """The id from which on a row that `later` shows may be one that this snapshot does not."""
        return min(self.running - later.running, default=self.xmax)
