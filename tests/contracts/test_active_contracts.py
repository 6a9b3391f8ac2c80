"""Which contracts a process has, which of them run, and what is said of those that cannot."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from chimera_assets.contracts import Contract, ContractError, contracts
from chimera_assets.contracts.active import claim_problems, known_contracts, pack_contracts
from chimera_assets.errors import SettingError
from chimera_assets.packs import active_packs
from chimera_assets.settings import get_settings
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STREAMS = ["budgets", "feedback", "generations", "invoices", "jailbreak_tests", "price_list",
           "provider_health", "providers"]  # fmt: skip


def _forget() -> None:
    for cached in (get_settings, active_packs, contracts):
        cached.cache_clear()


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, object], None]]:
    """Sets `CHIMERA_<name>` for a process that begins now."""

    def put(name: str, value: object) -> None:
        monkeypatch.setenv(f"CHIMERA_{name}", str(value))
        _forget()

    _forget()
    yield put
    monkeypatch.undo()
    _forget()


@pytest.fixture
def probes(edited: Callable[..., Path]) -> Path:
    """A folder with a further contract and one that takes the place of a pack's."""
    again = edited("providers", ("version: 1.0.0", "version: 1.1.0"))
    text = (SHIPPED / "provider_health.odcs.yaml").read_text().replace("provider_health", "probes")
    again.with_name("probes.odcs.yaml").write_text(text)
    return again.parent


def test_own_contracts_come_beside_those_of_the_packs_or_in_their_place(
    setting: Callable[[str, object], None], probes: Path
) -> None:
    assert list(contracts()) == STREAMS
    assert contracts().known == known_contracts() == dict(contracts())
    assert contracts().packs == dict.fromkeys(STREAMS, "ai")
    assert contracts().replaced == {}

    setting("CONTRACTS", probes)
    assert list(contracts()) == sorted([*STREAMS, "probes"])
    assert contracts()["providers"].version == "1.1.0"
    assert contracts().packs == dict.fromkeys(STREAMS, "ai")
    assert contracts().replaced == {"providers": SHIPPED / "providers.odcs.yaml"}
    assert contracts() is contracts()


def test_streams_that_are_off_are_still_known(setting: Callable[[str, object], None]) -> None:
    setting("STREAMS", "providers, generations")
    assert list(contracts()) == ["generations", "providers"]
    assert list(known_contracts()) == STREAMS

    setting("STREAMS", "providers,generation")
    with pytest.raises(SettingError) as unknown:
        contracts()
    assert str(unknown.value) == (
        "CHIMERA_STREAMS: expected one of budgets, feedback, generations, invoices, "
        "jailbreak_tests, price_list, provider_health, providers "
        "(did you mean generations?), found generation"
    )
    assert list(known_contracts()) == STREAMS  # that one may yet be written
    setting("STREAMS", "jailbreak_tests,generations")
    with pytest.raises(SettingError) as alone:
        contracts()
    assert str(alone.value) == (
        "CHIMERA_STREAMS: expected providers too, whose values the rules of jailbreak_tests "
        "compare with, found jailbreak_tests,generations"
    )


def test_a_reference_that_an_own_contract_no_longer_has(
    setting: Callable[[str, object], None], edited: Callable[..., Path]
) -> None:
    path = edited("generations", ("values: providers.provider_id", "values: providers.name"))
    setting("CONTRACTS", path.parent)
    with pytest.raises(ContractError) as refused:
        contracts()
    (problem,) = refused.value.problems
    assert (problem.path, problem.what) == (path, "values of rule provider_known")
    assert problem.expected.startswith("a column of a reference contract, one of ")
    assert problem.found == "providers.name"


def test_what_two_packs_claim(shipped: dict[str, Contract]) -> None:
    generations, health = shipped["generations"], shipped["provider_health"]
    assert list(claim_problems([{"generations": generations}, {"provider_health": health}])) == []

    (stream,) = claim_problems([{"generations": generations}, {"generations": generations}])
    assert str(stream) == (
        f"{generations.path}:1: stream: expected one contract a stream ({generations.path} "
        "describes it already), found generations"
    )
    thief = dataclasses.replace(health, source_table="generations")
    (table,) = claim_problems([{"generations": generations}, {"provider_health": thief}])
    assert str(table) == (
        f"{health.path}:1: table: expected a table of one pack ({generations.path} reads it "
        "already), found generations"
    )
    # Two contracts of one pack may read one table.
    assert list(claim_problems([{"generations": generations, "provider_health": thief}])) == []


@pytest.mark.usefixtures("setting")
def test_a_pack_that_is_used_twice_claims_its_own() -> None:
    (pack,) = active_packs()
    assert [(one.name, list(found)) for one, found in pack_contracts([pack])] == [("ai", STREAMS)]
    with pytest.raises(ContractError) as refused:
        pack_contracts([pack, pack])
    assert [one.found for one in refused.value.problems] == STREAMS
