"""Only one migration of a stream in a lake at a time.

Two of them would write each hour beside, and add what they found of it, twice. Processes with one
platform database are kept apart by a lock there, which ends with the process however that ends: so
an unfinished migration that nobody holds may be gone on with. Those with other databases do not see
that lock; they see in the lake whose the unfinished migration is, and leave it alone (`Beside`).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chimera_assets.audit.reading import log_began
from chimera_assets.lake.storage import is_s3
from chimera_assets.postgres.platform.exclusive import exclusive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chimera_assets.audited_context import AuditedContext


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to migrate a stream.

    Attributes:
        owner: The installation that has it, in words.
        require_held: Raises a DatabaseError if others may have it by now.
    """

    owner: str
    require_held: Callable[[], None] = lambda: None


@contextmanager
def claimed(context: AuditedContext, stream: str) -> Iterator[Claim]:
    """Claim a stream in the block.

    Args:
        context: With the lake, and who migrates.
        stream: The stream.

    Raises:
        DatabaseError: The platform's database cannot be asked.
        OthersAtWork: Another process migrates it.
    """
    lake, database = context.lake, context.audit.database
    place = lake.uri if is_s3(lake.uri) else str(Path(lake.uri).resolve())
    began = log_began(database)
    owner = f"{place}, with an audit log since {began:%Y-%m-%dT%H:%M:%S.%f%z}" if began else place
    work = f"migrating {stream} in {place}"
    with exclusive(database, work, context.actor.label) as require_held:
        yield Claim(owner, require_held)
