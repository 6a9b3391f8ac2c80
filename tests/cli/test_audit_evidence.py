"""An auditor asks what was changed, whether unseen, and takes proofs away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import one_line
from tests.cli.test_audit import TABLE, entries

if TYPE_CHECKING:
    from chimera_assets.lake import Lake
    from tests.cli.conftest import Chimera


@pytest.fixture
def changed(platform: str, chimera: Chimera, lake_of_four_hours: Lake) -> Lake:
    """A lake in which somebody has emptied a table, on the record."""
    assert platform
    assert chimera("table", "restore", TABLE, "--as-of", "0", "--yes").code == 0
    return lake_of_four_hours


def key_of(chimera: Chimera) -> str:
    """The log's public key, as it is printed first."""
    return chimera("audit", "keys").out.splitlines()[0]


def checks(chimera: Chimera, *options: str) -> dict[str, dict[str, Any]]:
    return {
        one["name"]: one for one in json.loads(chimera("audit", "verify", "--json", *options).out)
    }


@pytest.mark.usefixtures("changed")
def test_commits_are_in_the_log_and_out_of_the_way(chimera: Chimera) -> None:
    short = chimera("audit", "list")
    assert "table.restore" in short.out
    assert "table.commit" not in short.out
    assert "--all or --action table.commit shows them" in short.err
    (command,) = entries(chimera, "--action", "table.restore")
    by_it = entries(chimera, "--run", command["run_id"])
    assert {one["action"] for one in by_it} >= {"table.restore", "table.commit"}
    assert {one["resource"] for one in by_it if one["action"] == "table.commit"} == {TABLE}
    assert all(one["actor"] == command["actor"] for one in by_it)

    at = command["at"]
    assert entries(chimera, "--action", "table.restore", "--since", at) == [command]
    assert entries(chimera, "--action", "table.restore", "--until", at) == []
    said = chimera("audit", "list", "--since", "yesterday")
    assert (said.code, "--since: expected a time" in said.err) == (2, True)
    for command in (("list",), ("export", "none")):
        said = chimera("audit", *command, "--since", "2026-02-01", "--until", "2026-01-31")
        assert one_line(said) == (
            "chimera: --until: expected a time after --since, 2026-02-01T00:00:00Z, found "
            "2026-01-31T00:00:00Z"
        )


def test_nothing_that_a_command_does_is_by_nobody(
    platform: str, chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    """What was there before the log is, and is named as such."""
    assert platform
    assert chimera("audit", "publish").code == 0
    before = entries(chimera, "--all", "--actor", "unknown")
    assert {one["run_id"] for one in before} == {"first", None}

    for command in (
        ("hold", "add", "--stream", "providers", "--reason", "case 7"),
        ("table", "optimize", TABLE),
        ("table", "optimize", TABLE, "--z-order", "tenant_id"),
        ("table", "restore", TABLE, "--as-of", "1", "--yes"),
        ("table", "vacuum", TABLE, "--days", "0", "--full", "--yes"),
        ("quarantine", "purge", "--older-than-days", "0"),
        ("upkeep",),
    ):
        assert chimera(*command).code == 0, command
    newer = entries(chimera, "--action", "table.commit")[: -len(before)]
    assert {(one["after"] or {}).get("write") for one in newer} >= {
        "create", "append", "restore", "vacuum", "remove rows",
    }  # fmt: skip
    assert lake_of_four_hours.table("quality", "legal_holds").exists()
    assert entries(chimera, "--all", "--actor", "unknown") == before


@pytest.mark.usefixtures("changed")
def test_an_entry_is_shown_whole(chimera: Chimera) -> None:
    (entry,) = entries(chimera, "--action", "table.restore")
    shown = chimera("audit", "show", str(entry["sequence"]))
    assert shown.code == 0
    assert "before: version" in shown.out
    whole = json.loads(chimera("audit", "show", str(entry["sequence"]), "--json").out)
    assert whole["details_hold"] is True
    assert json.loads(whole["leaf"])["commitment"] == whole["commitment"]
    said = chimera("audit", "show", "99999")
    assert said.code == 2
    assert "entry: expected one from 0 to" in said.err


@pytest.mark.criterion("006.5")
@pytest.mark.usefixtures("changed")
def test_a_proof_is_verified_by_whoever_has_the_key(
    chimera: Chimera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (entry,) = entries(chimera, "--action", "table.restore")
    proof, export = tmp_path / "41.tlog-proof", tmp_path / "log.jsonl"
    assert chimera("audit", "prove", str(entry["sequence"]), "--out", str(proof)).code == 0
    assert chimera("audit", "export", str(export), "--action", "table").code == 0
    key = key_of(chimera)
    again = chimera("audit", "prove", str(entry["sequence"]), "--out", str(proof))
    assert (again.code, "expected no such file" in again.err) == (2, True)

    # The auditor's own machine has no lake and no database.
    monkeypatch.setenv("CHIMERA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("CHIMERA_LAKE_URI", str(tmp_path / "nowhere"))
    both = ("--proof", str(proof), "--proof", str(export))
    found = chimera("audit", "verify", *both, "--key", key, "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert len(told) == 1 + len(export.read_text().splitlines())
    assert told[0]["action"] == "table.restore"

    assert "--key: expected the public key" in chimera("audit", "verify", *both).err
    said = chimera("audit", "verify", *both, "--key", "no key")
    assert said.code == 2
    assert "--key: verifier key: expected NAME+HASH+KEY, found 'no key'; `chimera audit" in said.err
    proof.write_bytes(proof.read_bytes().replace(b"\nindex ", b"\nindex 1"))
    broken = chimera("audit", "verify", *both, "--key", key, "--json")
    assert broken.code == 1
    assert [one["verified"] for one in json.loads(broken.out)] == [False] + [True] * (len(told) - 1)


@pytest.mark.usefixtures("changed")
def test_no_folder_is_made_for_a_file_that_is_asked_for(chimera: Chimera, tmp_path: Path) -> None:
    folder = tmp_path / "mistyped"
    for command in (
        ("audit", "prove", "0", "--out"),
        ("audit", "export"),
        ("audit", "timestamp", "--request"),
    ):
        said = one_line(chimera(*command, str(folder / "file")))
        assert f"{folder / 'file'}: expected a file in a folder that is there, found no" in said
    assert not folder.exists()


@pytest.mark.usefixtures("changed")
def test_details_that_are_not_those_of_the_entry_are_found_in_an_export(
    chimera: Chimera, tmp_path: Path
) -> None:
    export = tmp_path / "log.jsonl"
    assert chimera("audit", "export", str(export), "--action", "table.restore").code == 0
    export.write_text(export.read_text().replace("version", "revision"))
    found = chimera("audit", "verify", "--proof", str(export), "--key", key_of(chimera))
    assert found.code == 1
    assert "expected what the entry was made of" in found.out


def test_what_was_changed_unseen_is_told_and_the_rest_is_verified(
    chimera: Chimera, changed: Lake, tmp_path: Path
) -> None:
    sound = checks(chimera)
    assert {name for name, one in sound.items() if one["problems"]} <= {"actors"}
    kept = tmp_path / "kept"
    kept.write_bytes(Path(changed.uri, "audit", "checkpoint").read_bytes())

    log = Path(changed.uri, TABLE, "_delta_log")
    newest = max(log.glob("*.json"))
    newest.unlink()
    found = chimera("audit", "verify", "--seen", str(kept))
    assert found.code == 1
    assert f"tables: {TABLE}: expected version {int(newest.stem)}" in found.out
    assert checks(chimera, "--seen", str(kept))["seen"]["status"] == "satisfied"
    said = chimera("audit", "verify", "--seen", str(tmp_path / "none"))
    assert (said.code, "expected a proof or checkpoint, found" in said.err) == (2, True)


@pytest.mark.usefixtures("changed")
def test_keys_are_exchanged_while_both_sign(chimera: Chimera) -> None:
    old = chimera("audit", "keys").out.splitlines()
    together = chimera("audit", "keys", "--new").out.splitlines()
    assert together[: len(old)] == old
    assert len(together) == 2 * len(old)
    ids = [key.split("+")[1] for key in old]
    said = chimera("audit", "keys", *(f"--retire={one}" for one in ids))
    assert said.out.splitlines() == together[len(old) :]
    assert [one["action"] for one in entries(chimera, "--action", "key")][:2] == [
        "key.retire", "key.add"
    ]  # fmt: skip
    assert checks(chimera)["checkpoints"]["status"] == "satisfied"

    left = [key.split("+")[1] for key in together[len(old) :]]
    none = chimera("audit", "keys", *(f"--retire={one}" for one in left))
    assert "expected a key that is left" in none.err
    unknown = chimera("audit", "keys", "--retire", "00000000")
    assert "found 00000000" in unknown.err


@pytest.mark.usefixtures("changed")
def test_a_log_whose_key_cannot_be_read_is_verified_all_the_same(
    chimera: Chimera, home: Path
) -> None:
    key = key_of(chimera)
    file = home / "keys" / "signing.key"
    file.chmod(0o644)
    said = chimera("table", "optimize", TABLE)
    assert said.code == 0
    assert "The audit log is not up to date: CHIMERA_SIGNING_KEY" in said.err
    assert "chmod 600" in said.err
    found = chimera("audit", "verify", "--key", key)
    assert "checkpoints  " in found.out
    assert "expected a file for its user alone" in found.err
