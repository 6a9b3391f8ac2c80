"""The principal: who acts. Made once, where somebody comes in, and handed down from there.

On the command line it is the user of the operating system, in a Dagster run what the run's tags
say. Nothing below asks again.
"""

from __future__ import annotations

import os
import pwd
import socket
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from chimera_assets.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: The tags by which a principal travels into a Dagster run: `kind:name`, where it came from, and
#: who stated the name.
ACTOR_TAG, ORIGIN_TAG = "chimera/actor", "chimera/actor_origin"
STATED_BY_TAG = "chimera/actor_stated_by"

#: Dagster's tags of a run that runs another one again, and of one that its daemon did so.
_PARENT_TAG, _RETRY_TAG = "dagster/parent_run_id", "dagster/retry_number"

#: The most characters of a stated name.
LONGEST_NAME = 200

_COMMANDS = "chimera"

#: What is said before the user that Dagster runs as, where nobody knows who started a run.
UNKNOWN_BY = "unknown, by Dagster run as "
_UNKNOWN = "unknown"


class Kind(StrEnum):
    """What sort of principal it is, as it is recorded."""

    #: A user of the operating system that a process runs as.
    OS_USER = "os_user"
    #: Somebody by a name that was stated, and that nothing here has checked.
    PERSON = "person"
    #: Another program.
    SERVICE = "service"
    #: A schedule or sensor of the platform itself.
    SYSTEM = "system"
    #: Whoever started a run by Dagster's own pages or commands, which do not say who that was.
    DAGSTER = "dagster"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts.

    Attributes:
        kind: What sort of principal.
        name: Its name among those of its kind.
        origin: Where it came in: a command on a machine, a schedule, a run.
        stated_by: Who stated the name, where somebody acts for somebody else.
    """

    kind: Kind
    name: str
    origin: str
    stated_by: str | None = None

    @classmethod
    def of_command(cls, by: str | None = None) -> Principal:
        """Who typed a command: the user of this process, or somebody on whose behalf it acts.

        Args:
            by: The name that was stated, if one was.

        Raises:
            ArgumentError: The name is empty, too long, or has characters that nobody sees.
        """
        typed = cls(Kind.OS_USER, os_user(), f"{_COMMANDS} on {socket.gethostname()}")
        if by is None:
            return typed
        return replace(typed, kind=Kind.PERSON, name=_stated_name(by), stated_by=typed.name)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Principal:
        """Who acted, by the columns `actor_*` of an entry of the audit log."""
        kind, name = Kind(row["actor_kind"]), row["actor_name"]
        return cls(kind, name, row["actor_origin"], row["actor_stated_by"])

    @classmethod
    def of_system(cls, part: str) -> Principal:
        """The platform itself: a schedule or sensor, `schedule chimera_upkeep` for instance."""
        return cls(Kind.SYSTEM, part, "Dagster's daemon")

    @classmethod
    def of_run(cls, tags: Mapping[str, str], *, repeats: str | None = None) -> Principal:
        """Who started a Dagster run, as its tags say.

        A run without our tags was started by Dagster's own pages or commands. They do not say by
        whom, so it is known only as which user Dagster runs. So is one that runs another again:
        Dagster copies that one's tags, which say who started the first.

        Args:
            tags: The run's.
            repeats: The id of the run that it runs again, where no tag says it.
        """
        if (first := repeats or tags.get(_PARENT_TAG)) is not None:
            return cls._of_repetition(tags, first)
        kind, _, name = tags.get(ACTOR_TAG, "").partition(":")
        if kind in set(Kind) and name:
            origin = tags.get(ORIGIN_TAG, _UNKNOWN)
            return cls(Kind(kind), name, origin, tags.get(STATED_BY_TAG) or None)
        for tag, part in (("dagster/schedule_name", "schedule"), ("dagster/sensor_name", "sensor")):
            if tag in tags:
                return cls.of_system(f"{part} {tags[tag]}")
        return cls(Kind.DAGSTER, os_user(), f"Dagster on {socket.gethostname()}")

    @classmethod
    def _of_repetition(cls, tags: Mapping[str, str], first: str) -> Principal:
        again = f"run {first} again"
        if _RETRY_TAG in tags:
            return replace(cls.of_system("automatic retry"), origin=f"Dagster's daemon, {again}")
        return cls(Kind.DAGSTER, os_user(), f"Dagster on {socket.gethostname()}, {again}")

    @property
    def label(self) -> str:
        """How people read it: the name, and what there is to know of that name."""
        name = f"{UNKNOWN_BY}{self.name}" if self.kind is Kind.DAGSTER else self.name
        return name if self.stated_by is None else f"{name} (stated by {self.stated_by})"

    def tags(self) -> dict[str, str]:
        """The tags of a run that this principal starts."""
        stated = {STATED_BY_TAG: self.stated_by} if self.stated_by is not None else {}
        return {ACTOR_TAG: f"{self.kind}:{self.name}", ORIGIN_TAG: self.origin, **stated}


def _stated_name(by: str) -> str:
    """A name as it is kept: in one form, so that what looks the same is the same."""
    name = " ".join(unicodedata.normalize("NFKC", by).split())
    unseen = [char for char in name if unicodedata.category(char)[0] == "C"]
    if unseen:
        found = ", ".join(f"U+{ord(char):04X}" for char in unseen[:3])
        msg = f"--by: expected a name without invisible characters, found {found}"
        raise ArgumentError(msg)
    if not name:
        msg = "--by: expected a name, found none"
        raise ArgumentError(msg)
    if len(name) > LONGEST_NAME:
        msg = f"--by: expected at most {LONGEST_NAME} characters, found {len(name):,}"
        raise ArgumentError(msg)
    return name


def os_user() -> str:
    """The user that this process runs as; `uid 1000` where that has no name, as in containers.

    The process's own id and not LOGNAME or USER, which are anybody's to set.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
