"""The contracts of this process: those of the packs, of `CHIMERA_CONTRACTS`, and which of them run.

A contract in `CHIMERA_CONTRACTS` takes the place of a pack's for the same stream. A stream that is
off (`CHIMERA_STREAMS`) is still known: its rows are kept, masked, held and deleted as its contract
says.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from chimera_assets.contracts.errors import ContractError
from chimera_assets.contracts.loader import (
    load_contract,
    read_contracts,
    reference_problems,
    references_of,
    twice,
)
from chimera_assets.errors import SettingError
from chimera_assets.packs import active_packs
from chimera_assets.packs.adapters import active_adapters
from chimera_assets.settings import get_settings
from chimera_assets.yaml_documents import Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from chimera_assets.contracts.model import Contract
    from chimera_assets.packs import Pack
    from chimera_assets.packs.adapters import Adapter

_ADAPTERS, _STREAMS = "CHIMERA_ADAPTERS", "CHIMERA_STREAMS"


class ActiveContracts(dict[str, "Contract"]):
    """The contracts of the streams that run, by stream, sorted.

    Attributes:
        known: Those of the streams that are off, too.
        packs: Stream -> the name of the pack that has it.
        replaced: Stream -> the file of the pack's contract whose place an own one has taken.
    """

    def __init__(
        self,
        known: Mapping[str, Contract],
        running: frozenset[str],
        packs: Mapping[str, str],
        replaced: Mapping[str, Path],
    ) -> None:
        super().__init__({name: known[name] for name in known if name in running})
        self.known, self.packs, self.replaced = dict(known), packs, replaced


@lru_cache(maxsize=1)
def contracts() -> ActiveContracts:
    """The contracts of the streams that run in this process, read once.

    Raises:
        ContractError: A file cannot be used, two packs claim one stream or operational table, or a
            rule compares with a table or column that no reference contract describes.
        PackError: A pack cannot be used.
        SettingError: CHIMERA_CONTRACTS is no folder, or CHIMERA_STREAMS names no stream.
    """
    known, packs, replaced = _described()
    return ActiveContracts(known, _running(known), packs, replaced)


class _Described(NamedTuple):
    """What there are contracts of; see `ActiveContracts`."""

    known: dict[str, Contract]
    packs: dict[str, str]
    replaced: dict[str, Path]


def _described() -> _Described:
    found = pack_contracts(active_packs())
    packs = {stream: pack.name for pack, streams in found for stream in streams}
    shipped = {stream: one for _, streams in found for stream, one in streams.items()}
    further = get_settings().contracts
    own = read_contracts([further]) if further is not None else {}
    shipped |= _adapted(shipped, own)
    known = dict(sorted((shipped | own).items()))
    if problems := list(reference_problems(known)):
        raise ContractError(problems)
    replaced = {stream: shipped[stream].path for stream in own if stream in shipped}
    return _Described(known, packs, replaced)


def _adapted(shipped: Mapping[str, Contract], own: Mapping[str, Contract]) -> dict[str, Contract]:
    """The contracts of `CHIMERA_ADAPTERS`, as they are changed."""
    found: dict[str, Contract] = {}
    for stream, adapter in active_adapters().items():
        if stream in own:
            expected = f"no adapter of {stream}, whose contract is {own[stream].path}"
            raise SettingError(_ADAPTERS, expected=expected, found=adapter.name)
        found[stream] = adapted_contract(adapter, shipped)
    return found


def adapted_contract(adapter: Adapter, contracts: Mapping[str, Contract]) -> Contract:
    """The contract of an adapter's stream, as it is changed.

    Raises:
        ContractError: What comes out cannot be used.
        PackError: The adapter's stream is none of these contracts', or it does not fit.
    """
    stream = adapter.changes.stream
    if stream not in contracts:
        expected = one_of(contracts, stream)
        adapter.document.problem(("stream",), "stream", expected=expected, found=stream)
        adapter.document.raise_problems()
    return load_contract(contracts[stream].path, adapter)


def as_it_would_run(contract: Contract) -> Contract:
    """A contract's file as it is by itself, changed by the adapter of its stream, if it has one.

    Raises:
        ContractError: What comes out cannot be used.
        PackError: The adapter does not fit it.
    """
    adapter = active_adapters().get(contract.stream)
    return contract if adapter is None else load_contract(contract.path, adapter)


def known_contracts() -> dict[str, Contract]:
    """The contracts of all streams, also of those that are off, whatever CHIMERA_STREAMS names.

    Raises:
        ContractError, PackError, SettingError: As `contracts`, but for CHIMERA_STREAMS.
    """
    return _known_or_running().known


def stream_packs() -> Mapping[str, str]:
    """Stream -> the name of the pack that has it; raises as `known_contracts`."""
    return _known_or_running().packs


def _known_or_running() -> ActiveContracts | _Described:
    try:
        return contracts()
    except SettingError:  # perhaps it names a stream of which the contract is being written
        return _described()


def pack_contracts(packs: Sequence[Pack]) -> list[tuple[Pack, dict[str, Contract]]]:
    """The contracts of each pack, by stream.

    Raises:
        ContractError: A file cannot be used, or two packs claim one stream or operational table.
    """
    found = [(pack, read_contracts(pack.contract_folders)) for pack in packs]
    if problems := list(claim_problems([streams for _, streams in found])):
        raise ContractError(problems)
    return found


def claim_problems(packs: Sequence[Mapping[str, Contract]]) -> Iterator[Problem]:
    """A problem for each stream or operational table that a pack claims before another."""
    streams: dict[str, Contract] = {}
    tables: dict[str, Contract] = {}
    for claimed in packs:
        for contract in claimed.values():
            first = tables.get(contract.source_table)
            if contract.stream in streams:
                yield twice(contract, streams[contract.stream])
            elif first is not None:
                expected = f"a table of one pack ({first.path} reads it already)"
                yield Problem(contract.path, 1, "table", expected, contract.source_table)
        streams |= claimed
        tables |= {contract.source_table: contract for contract in claimed.values()}


def _running(known: Mapping[str, Contract]) -> frozenset[str]:
    """The streams that run, by `CHIMERA_STREAMS`."""
    asked = get_settings().stream_names or tuple(known)
    for name in asked:
        if name not in known:
            raise SettingError(_STREAMS, expected=one_of(known, name), found=name)
    for name in asked:
        for reference in references_of(known[name]):
            if reference not in asked:
                expected = f"{reference} too, whose values the rules of {name} compare with"
                raise SettingError(_STREAMS, expected=expected, found=",".join(asked))
    return frozenset(asked)
