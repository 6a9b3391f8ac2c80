"""The operational tables that a pack's traffic is for, as the contracts of its streams say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.contracts.loader import read_contracts
from chimera_assets.packs.traffic import read_traffic
from chimera_assets.yaml_documents import Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts.model import Contract
    from chimera_assets.packs import Pack
    from chimera_assets.yaml_documents import Location


@dataclass(frozen=True, slots=True)
class OperationalTable:
    """The operational table of a stream.

    Attributes:
        name: Its name, as SQL writes it.
        optional: Whether a database need not have it.
        optional_columns: The columns that it need not have.
    """

    name: str
    optional: bool = False
    optional_columns: frozenset[str] = frozenset()


def operational_tables(pack: Pack) -> dict[str, OperationalTable]:
    """Stream -> its operational table.

    Raises:
        ContractError: A contract of the pack cannot be used.
    """
    return {
        stream: OperationalTable(
            contract.source_table,
            contract.optional_at_source,
            frozenset(one.name for one in contract.columns if one.optional_at_source),
        )
        for stream, contract in _contracts(pack).items()
    }


def traffic_problems(pack: Pack) -> Iterator[Problem]:
    """A problem for each stream of the traffic that no contract of the pack describes.

    Raises:
        DocumentError: The traffic file or a contract cannot be used; it has every problem.
    """
    traffic = read_traffic(pack)
    if traffic is None:
        return
    known = _contracts(pack)
    named: list[tuple[Location, str]] = [
        *((("reference", number), name) for number, name in enumerate(traffic.reference)),
        *((("streams", name), name) for name in traffic.streams),
    ]
    for location, name in named:
        if name not in known:
            path, line = traffic.place(location)
            expected = f"a stream with a contract, {one_of(known, name)}"
            yield Problem(path, line, str(location[0]), expected, name)


def _contracts(pack: Pack) -> dict[str, Contract]:
    return read_contracts(pack.contract_folders)
