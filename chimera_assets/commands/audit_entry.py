"""`chimera audit show`, `prove` and `export`: entries as a whole, with what proves them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from chimera_assets.audit.proofs import NoSuchEntry, Prover
from chimera_assets.audit.publishing import FOLDER, log_size
from chimera_assets.audit.reading import Wanted, whole_entries
from chimera_assets.audit.tlog.encoding import to_base64
from chimera_assets.audit.tlog.merkle import leaf_hash
from chimera_assets.commands.audit_log import caught_up
from chimera_assets.commands.invocation import command_name
from chimera_assets.commands.new_files import require_new
from chimera_assets.commands.terminal import iso, notes, out, print_json, print_table
from chimera_assets.lake import open_lake
from chimera_assets.lake.objects import Objects
from chimera_assets.paths import write_private
from chimera_assets.postgres.databases import platform_database
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.audit.reading import WholeEntry
    from chimera_assets.audit.tlog.proof import Proof


def show(sequence: int, *, as_json: bool) -> int:
    """Print one entry with all that is known of it; 1 if its details were changed."""
    found = _whole(sequence)
    holds = _holds(found)
    if as_json:
        made = {
            "leaf": found.leaf,
            "leaf_hash": leaf_hash(found.leaf.encode()).hex(),
            "commitment": found.commitment.hex(),
            "salt": found.salt.hex() if found.salt is not None else None,
            "details": found.details,
            "details_hold": holds,
        }
        print_json({**asdict(found.entry), **made})
    else:
        print_table(("what", "value"), _rows(found))
    if holds is False:
        notes().print("The details are not what the entry was made of: somebody changed them.")
    return 1 if holds is False else 0


def prove(sequence: int, out_file: Path | None) -> int:
    """Write the proof of one entry into a file."""
    path = out_file or Path(f"audit-{sequence}.tlog-proof")
    require_new(path)
    caught_up()
    proof = Prover(Objects(open_lake(), FOLDER)).prove(sequence, _whole(sequence).leaf.encode())
    write_private(path, proof.encode())
    out().print(f"{path}: entry {sequence} with its proof.", markup=False)
    notes().print(
        f"Whoever has the log's key (`{command_name()} audit keys`) verifies it without this lake: "
        f"`chimera audit verify --proof {path} --key KEY`.",
        markup=False,
        soft_wrap=True,
    )
    return 0


def export(wanted: Wanted, path: Path) -> int:
    """Write entries into a file, a line of JSON each, with details, salt and proof."""
    require_new(path)
    caught_up()
    prover = Prover(Objects(open_lake(), FOLDER))
    lines = [
        _line(whole, prover.prove(whole.entry.sequence, whole.leaf.encode()))
        for whole in whole_entries(platform_database(get_settings()), wanted)
    ]
    write_private(path, "".join(lines).encode())
    out().print(f"{path}: {len(lines):,} entries with their proofs.", markup=False)
    return 0


def _whole(sequence: int) -> WholeEntry:
    """An entry.

    Raises:
        NoSuchEntry: The log has none of that number.
    """
    database = platform_database(get_settings())
    for found in whole_entries(database, Wanted(sequence=sequence)):
        return found
    with database.transaction() as session:
        raise NoSuchEntry(sequence, log_size(session))


def _holds(found: WholeEntry) -> bool | None:
    """Whether the details are those that the entry was made of; None if they are erased."""
    if found.salt is None or found.details is None:
        return None
    return hashlib.sha256(found.salt + found.details.encode()).digest() == found.commitment


def _rows(found: WholeEntry) -> Iterator[tuple[str, object]]:
    entry = found.entry
    yield "entry", str(entry.sequence)
    yield "time", iso(entry.at)
    yield "who", entry.actor.label
    yield "by way of", entry.actor.origin
    yield "what", entry.action
    yield "of", entry.resource
    if entry.failure_of is not None:
        yield "failure of entry", str(entry.failure_of)
    for side, details in (("before", entry.before), ("after", entry.after)):
        for name, value in (details or {}).items():
            yield f"{side}: {name}", value if isinstance(value, str) else json.dumps(value)
    yield "reason", entry.reason
    yield "run", entry.run_id
    yield "details", "erased" if entry.erased else None
    yield "leaf hash", leaf_hash(found.leaf.encode()).hex()
    yield "commitment", found.commitment.hex()


def _line(whole: WholeEntry, proof: Proof) -> str:
    salt = to_base64(whole.salt) if whole.salt is not None else None
    made = {"details": whole.details, "salt": salt, "proof": proof.encode().decode()}
    return json.dumps(made, ensure_ascii=False) + "\n"
