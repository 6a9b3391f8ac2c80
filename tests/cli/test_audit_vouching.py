"""An operator has others vouch for the log, and an auditor trusts them and not the operator."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from chimera_assets.audit.tlog.keys import KeyKind, SigningKey, VerifierKey
from chimera_assets.settings import get_settings
from tests.audit.authority import Authority
from tests.audit.parties import server
from tests.audit.tlog.trees import LOG, WITNESS
from tests.audit.witnessing import running
from tests.cli.test_audit import TABLE, entries

if TYPE_CHECKING:
    from chimera_assets.lake import Lake
    from tests.cli.conftest import Chimera


@pytest.fixture
def lake(platform: str, chimera: Chimera, lake_of_four_hours: Lake) -> Lake:
    assert platform
    assert chimera("table", "optimize", TABLE).code == 0
    return lake_of_four_hours


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    get_settings.cache_clear()
    return monkeypatch


def statuses(chimera: Chimera, *options: str) -> dict[str, str]:
    told = json.loads(chimera("audit", "verify", "--json", *options).out)
    return {one["name"]: one["status"] for one in told}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_timestamp_is_carried_by_hand_or_asked_for(
    chimera: Chimera, lake: Lake, tmp_path: Path, setting: pytest.MonkeyPatch
) -> None:
    authority, root = Authority(tmp_path / "tsa"), str(tmp_path / "tsa" / "root.pem")
    asked, answered = tmp_path / "asked.tsq", tmp_path / "answered.tsr"
    said = chimera("audit", "timestamp")
    assert (said.code, "CHIMERA_TIMESTAMP_URL: expected the URL" in said.err) == (2, True)
    said = chimera("audit", "timestamp", "--request", str(asked))
    assert (said.code, "Send it to an authority" in said.err) == (0, True)
    answered.write_bytes(authority.stamp(asked.read_bytes()))
    said = chimera("audit", "timestamp", "--response", str(answered))
    assert (said.code, "entries were there at 20" in said.out) == (0, True), said.err
    assert statuses(chimera, "--tsa-root", root)["timestamps"] == "satisfied"
    assert chimera("audit", "timestamp", "--request", str(asked)).out == said.out  # as it is

    for options, words in (
        (("--response", str(asked)), "expected an answer of a timestamp authority"),
        (("--response", str(tmp_path / "none")), "--response: expected an authority's answer"),
        (("--response", str(answered)), "none, as none is open"),
        (("--response", "a", "--request", "b"), "found both"),
    ):
        said = chimera("audit", "timestamp", *options)
        assert (said.code, words in said.err) == (2, True), said.err

    with server(authority) as url:
        setting.setenv("CHIMERA_TIMESTAMP_URL", url)
        get_settings.cache_clear()
        assert chimera("table", "optimize", TABLE).code == 0  # within the hour
        stamps = Path(lake.uri, "audit", "timestamps")
        assert len([*stamps.glob("*.tsr")]) == 1
        assert "entries were there at 20" in chimera("audit", "timestamp").out
        assert len([*stamps.glob("*.tsr")]) == 2
    # A URL may hold a password, so that the log has its hash.
    (entry,) = entries(chimera, "--action", "setting", "--resource", "CHIMERA_TIMESTAMP_URL")
    assert entry["after"]["value"] == "changed"

    other = Authority(tmp_path / "other")
    said = chimera("audit", "verify", "--tsa-root", str(other.root_file))
    assert said.code == 1
    assert "timestamps: " in said.out
    for path in (tmp_path / "none", asked):
        said = chimera("audit", "verify", "--tsa-root", str(path))
        assert (said.code, "expected certificates in PEM, found" in said.err) == (2, True)


@pytest.mark.usefixtures("lake")
def test_a_witness_signs_and_the_auditor_asks_for_its_word(
    chimera: Chimera, tmp_path: Path, setting: pytest.MonkeyPatch
) -> None:
    keys = chimera("audit", "keys").out.splitlines()
    policy, stricter = tmp_path / "policy", tmp_path / "stricter"
    setting.setenv("CHIMERA_WITNESS_POLICY", str(policy))
    get_settings.cache_clear()
    proof = tmp_path / "0.tlog-proof"
    with running(tmp_path / "state", map_keys(keys), (WITNESS,)) as witness:
        known = "".join(f"log {key}\n" for key in keys)
        text = f"{known}witness w {WITNESS.verifier} {witness.url}\n"
        policy.write_text(f"{text}quorum w\n")
        assert chimera("audit", "publish").err == ""
        assert statuses(chimera)["witnesses"] == "satisfied"
        assert chimera("audit", "prove", "0", "--out", str(proof)).code == 0
    lonely = SigningKey("lonely.example", KeyKind.ED25519_COSIGNATURE, b"l" * 32).verifier
    stricter.write_text(f"{text}witness v {lonely}\ngroup g all v w\nquorum g\n")

    # The auditor has the logs and the witnesses from one file, and no other key.
    only = ("audit", "verify", "--proof", str(proof), "--json", "--policy")
    (told,) = json.loads(chimera(*only, str(policy)).out)
    assert (told["verified"], list(told["witnesses"])) == (True, [WITNESS.verifier.name])
    said = chimera(*only, str(stricter))
    assert said.code == 1
    assert "expected signatures by the quorum, g, found w" in json.loads(said.out)[0]["problem"]
    assert statuses(chimera, "--policy", str(stricter))["witnesses"] == "not satisfied"
    said = chimera("audit", "verify", "--policy", str(proof))
    assert (said.code, f"--policy: {proof}: policy, line 1: expected" in said.err) == (2, True)

    # The witness is away: what is done is done, and who did not sign is named.
    said = chimera("table", "optimize", TABLE)
    assert said.code == 0
    assert "The audit log is not up to date: witness w: expected an answer, found none" in said.err
    said = chimera("audit", "publish")
    assert (said.code, "witness w: expected an answer, found none" in said.err) == (0, True)
    assert "signed." in said.out


def map_keys(vkeys: list[str]) -> list[VerifierKey]:
    return [VerifierKey.parse(one) for one in vkeys]


def test_a_witness_that_cannot_be_run_is_told_why(chimera: Chimera, tmp_path: Path) -> None:
    key, state = tmp_path / "key", tmp_path / "state"
    sound = {
        "--listen": "127.0.0.1:0",
        "--key": str(key),
        "--log": str(LOG.verifier),
        "--state": str(state),
    }

    def run(*more: str, **changed: str) -> str:
        options = sound | {f"--{name}": value for name, value in changed.items()}
        given = [part for option in options.items() for part in option]
        said = chimera("audit", "witness", *given, *more)
        assert said.code == 2
        return said.err

    for address in ("8080", "host:", ":1", "host:99999", "host:-1"):
        assert "--listen: expected HOST:PORT" in run(listen=address)
    assert "`chimera audit keys` prints those of a log" in run(log="nonsense")
    assert f"{key}: expected a key file, found none" in run()
    nowhere = tmp_path / "nowhere"
    said = run("--new-key", key=str(nowhere / "key"))
    assert f"{nowhere / 'key'}: expected a file in a folder that is there, found no such" in said
    assert not nowhere.exists()
    with running(tmp_path / "other", [LOG.verifier], (WITNESS,)) as other:
        assert "--listen: expected an address that is free" in run(
            "--new-key", listen=f"127.0.0.1:{other.port}"
        )
    assert "--new-key: expected no file there yet" in run("--new-key")
    key.write_text(f"{LOG.encode()}\n")
    assert "expected keys of a witness, found one of type 0x01" in run()
    key.write_text(f"{WITNESS.encode()}\n")
    with FileLock(tmp_path / "state" / ".lock"):
        assert "--state: expected a folder that no other witness works on" in run()
    file = tmp_path / "file"
    file.write_text("")
    assert "--state: expected a folder that can be written" in run(state=str(file))
