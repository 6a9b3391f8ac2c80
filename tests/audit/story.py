"""A log that grows, and the witnesses and authorities that are asked to vouch for it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chimera_assets.access.principal import Kind, Principal
from chimera_assets.audit import remembered
from chimera_assets.audit.catch_up import catch_up
from chimera_assets.audit.log import AuditLog, NewEntry
from chimera_assets.audit.publishing import CHECKPOINT, FOLDER
from chimera_assets.audit.signing_keys import load_keys
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.policy import Policy
from chimera_assets.audit.verify import verify_log
from chimera_assets.audit.vouchers import Vouchers
from tests.audit.owner import tamper
from tests.audit.witnessing import Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.x509 import Certificate

    from chimera_assets.audit.findings import Check
    from chimera_assets.audit.signing_keys import SigningKeys
    from chimera_assets.audit.tlog.keys import SigningKey
    from chimera_assets.lake import Lake
    from chimera_assets.settings import Settings

ALICE = Principal(Kind.PERSON, "alice", "chimera table restore")


class Story:
    """A log, and the policy by which its witnesses are asked."""

    def __init__(self, log: AuditLog, lake: Lake, logins: Settings, folder: Path) -> None:
        self.log, self.lake, self.folder = log, lake, folder
        self.policy = folder / "policy"
        self._plain = logins
        self.settings = logins.model_copy(update={"witness_policy": self.policy})
        self.beside = Path(lake.uri, FOLDER)

    def grow(self, *, asking: bool = True) -> list[str]:
        """Write an entry, and bring the log up to date; what could not be done."""
        with self.log.database.transaction() as session:
            self.log.write(session, NewEntry("table.optimize", "raw/t", ALICE))
        return self.up_to_date(asking=asking)

    def up_to_date(self, *, asking: bool = True) -> list[str]:
        settings = self.settings if asking else self._plain
        return [str(one) for one in catch_up(self.log, self.lake, settings, ALICE).failures]

    def rebuild(self, *statements: str) -> None:
        """What whoever has keys and database can do: change entries, and sign all of them anew."""
        tamper(self.settings, *statements, "DELETE FROM audit.checkpoints")
        remembered.place(self.settings).unlink()
        for file in sorted(self.beside.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()

    def stamped_by(self, url: str | None) -> None:
        """Have an authority asked from now on."""
        self.settings = self.settings.model_copy(update={"timestamp_url": url})

    def verified(self, *roots: Certificate, policy: bool = True) -> dict[str, Check]:
        """What a verification finds that trusts these authorities, and the policy's witnesses."""
        trusted = Policy.parse(self.policy.read_bytes()) if policy else None
        vouchers = Vouchers(trusted, roots)
        found = verify_log(self.log, self.lake, self.keys, vouchers=vouchers)
        return {check.name: check for check in found}

    @property
    def keys(self) -> SigningKeys:
        found = load_keys(self._plain)
        assert found is not None
        return found

    @property
    def seen(self) -> Note:
        return Note.parse((self.beside / CHECKPOINT).read_bytes())

    @property
    def size(self) -> int:
        return Checkpoint.parse(self.seen.text).size

    def signed_by(self, key: SigningKey) -> bool:
        return any(one.key_id == key.verifier.key_id for one in self.seen.signatures)

    @contextmanager
    def witness(self, name: str, *keys: SigningKey, port: int = 0) -> Iterator[Running]:
        with running(self.folder / name, self.keys.verifiers, keys, port) as found:
            yield found

    def rely_on(self, *lines: str) -> None:
        self.policy.write_text("".join(f"{line}\n" for line in lines))
