"""Which logs and witnesses are trusted, and how many of these sign (c2sp.org/tlog-policy)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from chimera_assets.audit.tlog.encoding import parse_decimal
from chimera_assets.audit.tlog.errors import MalformedError
from chimera_assets.audit.tlog.keys import KeyKind, VerifierKey

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: The quorum for which nobody has to sign.
NONE = "none"

_OF_LOGS = (KeyKind.ED25519, KeyKind.ML_DSA_44)
_OF_WITNESSES = (KeyKind.ED25519_COSIGNATURE, KeyKind.ML_DSA_44)

_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_SPACE = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class Party:
    """A log or a witness.

    Attributes:
        name: What the file calls it; a log by its origin.
        key: Its public key.
        url: Where it is, if that is said.
    """

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses and groups, of which so many have to sign.

    Attributes:
        needed: How many of the members.
        members: Their names.
    """

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a file of the format says.

    Attributes:
        logs: The logs that are trusted; none where they are known from elsewhere.
        witnesses: The witnesses.
        groups: The groups by name; each one's members stand before it.
        quorum: The name of the witness or group that has to sign, or `NONE`.
    """

    logs: tuple[Party, ...]
    witnesses: tuple[Party, ...]
    groups: Mapping[str, Group]
    quorum: str

    def satisfied(self, cosigners: Collection[VerifierKey]) -> bool:
        """Whether those who have signed a checkpoint are enough.

        Args:
            cosigners: The keys whose cosignatures of it were verified.
        """
        signed = {one.name for one in self.witnesses if one.key in cosigners}
        for name, group in self.groups.items():
            if len(signed.intersection(group.members)) >= group.needed:
                signed.add(name)
        return self.quorum == NONE or self.quorum in signed

    def lack(self, cosigners: Collection[VerifierKey]) -> tuple[str, str] | None:
        """What was expected and what was found, where those who have signed are not enough."""
        if self.satisfied(cosigners):
            return None
        signed = ", ".join(shown(one.name) for one in self.witnesses if one.key in cosigners)
        return f"signatures by the quorum, {shown(self.quorum)}", signed or "nobody's"

    @classmethod
    def parse(cls, data: bytes) -> Policy:
        """Read a file ("Policy file syntax and structure").

        Raises:
            MalformedError: Where it is not as the format has it: the line, expected, found.
        """
        reader = _Reader()
        for number, line in enumerate(_lines(data), 1):
            reader.where = f"policy, line {number}"
            # Names are octets, whatever they mean: as text they are as different as before.
            reader.read(line.decode("utf-8", "surrogateescape").strip(" \t"))
        if reader.quorum is None:
            raise MalformedError("policy", expected="a line `quorum <name>`", found="none")
        return cls(tuple(reader.logs), tuple(reader.witnesses), reader.groups, reader.quorum)


def shown(name: str) -> str:
    """A name of a policy as it can be printed."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _lines(data: bytes) -> list[bytes]:
    *lines, last = data.split(b"\n")
    for number, line in enumerate(lines, 1):
        if (control := _CONTROL.search(line)) is not None:
            expected = "no control characters but tab and newline"
            where = f"policy, line {number}"
            raise MalformedError(where, expected=expected, found=control[0])
    if last:
        where = f"policy, line {len(lines) + 1}"
        raise MalformedError(where, expected="a newline at its end", found="none")
    return lines


class _Reader:
    """What the lines so far have said."""

    def __init__(self) -> None:
        self.where = ""
        self.logs: list[Party] = []
        self.witnesses: list[Party] = []
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._in_groups: set[str] = set()

    def read(self, line: str) -> None:
        if not line or line.startswith("#"):
            return
        match _SPACE.split(line):
            case ["log", vkey, *url] if len(url) <= 1:
                key = self._key(vkey, _OF_LOGS, self.logs)
                self.logs.append(Party(key.name, key, *url))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                key = self._key(vkey, _OF_WITNESSES, self.witnesses)
                self.witnesses.append(Party(self._new(name), key, *url))
            case ["group", name, needed, *members] if members:
                self.groups[self._new(name)] = self._group(needed, members)
            case ["quorum", name]:
                self._require_no_quorum()
                self.quorum = name if name == NONE else self._known(name)
            case words:
                expected = (
                    "`log <vkey> [<url>]`, `witness <name> <vkey> [<url>]`, "
                    "`group <name> all|any|<k> <name>...` or `quorum <name>`"
                )
                self._refuse(expected, " ".join(words))

    def _key(self, vkey: str, kinds: tuple[KeyKind, ...], there: list[Party]) -> VerifierKey:
        try:
            key = VerifierKey.parse(vkey)
        except MalformedError as error:
            where = f"{self.where}, {error.where}"
            raise MalformedError(where, expected=error.expected, found=error.found) from None
        if key.kind not in kinds:
            expected = f"a key of type {' or '.join(f'{kind:#04x}' for kind in kinds)}"
            raise MalformedError(self.where, expected=expected, found=f"{key.kind:#04x}")
        if any(one.key.public == key.public for one in there):
            self._refuse("each public key once", vkey)
        return key

    def _group(self, needed: str, members: list[str]) -> Group:
        for name in members:
            if self._known(name) in self._in_groups:
                self._refuse("each name as a member once", name)
            self._in_groups.add(name)
        match needed:
            case "all":
                return Group(len(members), tuple(members))
            case "any":
                return Group(1, tuple(members))
        count = parse_decimal(needed, f"{self.where}, `all`, `any` or how many")
        if not 1 <= count <= len(members):
            self._refuse(f"1 to {len(members)} of the members", needed)
        return Group(count, tuple(members))

    def _new(self, name: str) -> str:
        if name == NONE or self._is_there(name):
            self._refuse("a name that nothing else has", name)
        return name

    def _known(self, name: str) -> str:
        if not self._is_there(name):
            self._refuse("the name of a witness or group of a line above", name)
        return name

    def _is_there(self, name: str) -> bool:
        return name in self.groups or any(one.name == name for one in self.witnesses)

    def _require_no_quorum(self) -> None:
        if self.quorum is not None:
            self._refuse("one line `quorum`", "another one")

    def _refuse(self, expected: str, found: str) -> NoReturn:
        raise MalformedError(self.where, expected=expected, found=repr(found))
