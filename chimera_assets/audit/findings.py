"""What a verification of the audit log finds."""

from __future__ import annotations

from dataclasses import dataclass, field

#: The checks, in the order they are reported, and what each of them says.
CHECKS = {
    "entries": "entries are numbered without a gap, their times never go back",
    "details": "what entries say is what they were made of; erased ones are counted",
    "checkpoints": "every tree that was signed begins this log, and its keys signed it",
    "files": "tiles, entries and checkpoint beside the lake are those of this log",
    "seen": "checkpoints that were kept elsewhere are of this log",
    "witnesses": "witnesses have signed checkpoints of this log, the newest by quorum",
    "timestamps": "timestamps are of checkpoints of this log",
    "guards": "what keeps the log from being changed is as the migrations made it",
    "tables": "every version of every table has its entry and its files, every entry its version",
    "contents": "every data file has the bytes that were committed",
    "reports": "every report on the record is there, as it was recorded",
    "actors": "every commit was made in a run or command that is on the record",
}

#: What others are asked to vouch for, by whoever wants that; reports, which nobody need build; and
#: the bytes of data files, which take long to read. The log is whole without them.
OPTIONAL = frozenset({"seen", "witnesses", "timestamps", "contents", "reports"})


@dataclass(slots=True)
class Check:
    """What was found of one of `CHECKS`.

    Attributes:
        name: A key of `CHECKS`.
        checked: How many of its things were looked at; None if it was not evaluated.
        problems: What does not hold, a line each: where, expected, found.
        notes: What is to be known beside; of a check that was not evaluated, why not.
    """

    name: str
    checked: int | None = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """`satisfied`, `not satisfied` or `not evaluated`."""
        if self.problems:
            return "not satisfied"
        return "not evaluated" if self.checked is None else "satisfied"
