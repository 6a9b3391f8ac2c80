"""Loads contracts from files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from chimera_assets.contracts.adapting import adapted
from chimera_assets.contracts.errors import ContractError
from chimera_assets.contracts.model import Contract
from chimera_assets.contracts.odcs.columns import TABLE, read_columns, read_key, unmapped_column
from chimera_assets.contracts.odcs.document import Document, read_document
from chimera_assets.contracts.odcs.quality import read_rules
from chimera_assets.contracts.odcs.sla import read_sla
from chimera_assets.contracts.odcs.standard import read_standard
from chimera_assets.contracts.rules.row_checks import required_references
from chimera_assets.errors import SettingError
from chimera_assets.naming import NAME_IN_WORDS, VERSION, VERSION_IN_WORDS, is_name
from chimera_assets.packs.files import CONTRACT_SUFFIX
from chimera_assets.yaml_documents import Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject

    from chimera_assets.packs.adapters import Adapter

#: How contract files are named.
PATTERN = f"*{CONTRACT_SUFFIX}"

_SETTING = "CHIMERA_CONTRACTS"


def load_contract(path: Path | str, adapter: Adapter | None = None) -> Contract:
    """Read one contract file.

    Args:
        path: The file.
        adapter: What changes of where its rows come from; of a file that is sound by itself.

    Raises:
        ContractError: The file cannot be used; it holds every problem found, each with its line.
        PackError: The adapter does not fit it.
    """
    document = read_document(Path(path))
    if adapter is not None:
        document = adapted(document, adapter)
    standard = read_standard(document)
    tables = standard.schema_ or []
    if len(tables) != 1:
        what = "tables of a contract"
        document.problem(("schema",), what, expected="exactly one", found=str(len(tables)))
        document.raise_problems()
    contract = _read(document, standard, tables[0])
    document.raise_problems()
    return replace(contract, adapter=adapter.path if adapter is not None else None)


def _read(document: Document, standard: OpenDataContractStandard, table: SchemaObject) -> Contract:
    columns = read_columns(document, table)
    key = read_key(document, table)
    sla = read_sla(document, standard, table, columns)
    if not VERSION.fullmatch(standard.version or ""):
        found = standard.version or "none"
        document.problem(("version",), "version", expected=VERSION_IN_WORDS, found=found)
    placed_by = sla.event_time if sla.kind == "stream" else None
    rules = read_rules(document, table, columns, key, placed_by)
    patched = document.patches.get((*TABLE, "physicalName"))
    if sla.unmapped is not None:
        columns = (*columns, unmapped_column(sla.unmapped))
    return Contract(
        stream=_stream(document, table),
        version=standard.version or "",
        path=document.path,
        description=_description(standard, table),
        owner=_owner(standard),
        kind=sla.kind,
        source_table=table.physicalName or table.name or "",
        columns=columns,
        rules=rules,
        key=key,
        event_time=sla.event_time,
        arrival_time=sla.arrival_time,
        subject=sla.subject,
        retention_days=sla.retention_days,
        table_retention=sla.table_retention,
        vacuum_days=sla.vacuum_days,
        quarantine_days=sla.quarantine_days,
        pass_rate=sla.pass_rate,
        freshness_hours=sla.freshness_hours,
        tags=tuple(standard.tags or ()),
        tenant=sla.tenant,
        file_query=sla.file_query,
        file_marks=sla.file_marks,
        may_lack=sla.may_lack,
        optional_at_source=sla.optional_at_source,
        adapter_table_line=patched[1] if patched is not None else None,
    )


def _stream(document: Document, table: SchemaObject) -> str:
    name = table.name or ""
    if not is_name(name):
        here, found = (*TABLE, "name"), name or "none"
        document.problem(here, "name of the stream", expected=NAME_IN_WORDS, found=found)
    return name


def _description(standard: OpenDataContractStandard, table: SchemaObject) -> str:
    purpose = standard.description.purpose if standard.description else None
    return " ".join((table.description or purpose or "").split())


def _owner(standard: OpenDataContractStandard) -> str:
    team = standard.team
    if isinstance(team, list):
        owners = [member for member in team if member.role == "owner"] or team
        return (owners[0].name or owners[0].username or "") if owners else ""
    return (team.name or "") if team else ""


def contract_files(directories: Iterable[Path | str]) -> Iterator[Path]:
    """The contract files in folders, sorted by name within each.

    Raises:
        SettingError: One of them is no folder.
    """
    for directory in directories:
        folder = Path(directory)
        if not folder.is_dir():
            raise SettingError(_SETTING, expected="a folder of contracts", found=folder)
        yield from sorted(folder.glob(PATTERN))


def load_contracts(directories: Iterable[Path | str]) -> dict[str, Contract]:
    """Read all contracts in folders: stream -> contract, sorted by stream.

    Raises:
        ContractError: A file cannot be used, two files describe one stream, or a rule compares
            with a table or column that no reference contract describes.
        SettingError: One of the folders is none.
    """
    contracts = read_contracts(directories)
    if problems := list(reference_problems(contracts)):
        raise ContractError(problems)
    return contracts


def read_contracts(directories: Iterable[Path | str]) -> dict[str, Contract]:
    """The same, without looking for the tables that rules compare with."""
    contracts: dict[str, Contract] = {}
    for path in contract_files(directories):
        contract = load_contract(path)
        if contract.stream in contracts:
            raise ContractError([twice(contract, contracts[contract.stream])])
        contracts[contract.stream] = contract
    return dict(sorted(contracts.items()))


def twice(contract: Contract, first: Contract) -> Problem:
    """The problem of two contracts for one stream."""
    expected = f"one contract a stream ({first.path} describes it already)"
    return Problem(contract.path, 1, "stream", expected, contract.stream)


def reference_problems(contracts: dict[str, Contract]) -> Iterator[Problem]:
    """A problem for each rule that compares with something that no reference contract has."""
    known = {
        f"{contract.stream}.{column}"
        for contract in contracts.values()
        if contract.kind == "reference"
        for column in contract.column_names
    }
    for contract in contracts.values():
        for rule in contract.rules:
            if rule.check == "references" and rule.params["values"] not in known:
                found = rule.params["values"]
                expected = f"a column of a reference contract, {one_of(known, found)}"
                what = f"values of rule {rule.name}"
                yield Problem(contract.path, rule.line, what, expected, found)


def references_of(contract: Contract) -> tuple[str, ...]:
    """The reference streams whose values a contract's rules need."""
    return tuple(dict.fromkeys(key.split(".")[0] for key in required_references(contract)))
