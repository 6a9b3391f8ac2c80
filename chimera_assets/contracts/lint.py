"""Everything that is wrong with contract files, and everything that could be better."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from chimera_assets.contracts.errors import ContractError
from chimera_assets.contracts.loader import (
    contract_files,
    load_contract,
    reference_problems,
    twice,
)
from chimera_assets.contracts.odcs.document import Document, read_document
from chimera_assets.yaml_documents import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from chimera_assets.contracts.model import Contract


#: Types of exact numbers, which Delta and DuckDB know only with their digits.
_EXACT = {"decimal", "numeric"}


def lint(directories: Iterable[Path | str], beside: Iterable[Path | str] = ()) -> list[Problem]:
    """All problems of all contract files in folders, by file and line.

    Those of severity `error` keep a contract from being used; those of severity `warning` do not.

    Args:
        directories: The folders.
        beside: Further folders, whose reference tables rules may compare with. Their files are not
            reported on, and a contract in `directories` may take the place of one of theirs.

    Raises:
        SettingError: One of the folders is none.
    """
    problems: list[Problem] = []
    contracts: dict[str, Contract] = {}
    for path in contract_files(directories):
        try:
            contract = load_contract(path)
        except ContractError as error:
            problems.extend(error.problems)
            continue
        if contract.stream in contracts:
            problems.append(twice(contract, contracts[contract.stream]))
        contracts.setdefault(contract.stream, contract)
        problems.extend(_advice(contract, read_document(path)))
    # A rule may name a table whose own file is wrong: that file's problem is enough.
    if not problems or all(problem.severity == "warning" for problem in problems):
        known = {one.stream: one for one in usable(beside)} | contracts
        mine = {contract.path for contract in contracts.values()}
        problems.extend(one for one in reference_problems(known) if one.path in mine)
    return sorted(problems, key=lambda problem: (str(problem.path), problem.line))


def usable(directories: Iterable[Path | str]) -> Iterator[Contract]:
    """The contracts of those files in folders that can be used."""
    for path in contract_files(directories):
        with suppress(ContractError):
            yield load_contract(path)


def _advice(contract: Contract, document: Document) -> Iterator[Problem]:
    """What a contract can do without, but should not."""
    top = document.line(("schema", 0))
    for line, what, expected in (*_undescribed(contract, document), *_unsaid(contract, top)):
        yield Problem(contract.path, line, what, expected, "none", "warning")
    if contract.kind == "stream" and contract.event_time in contract.key:
        line = contract.column(contract.event_time).line
        expected = "columns that name a row whatever its time (docs/pipeline.md, corrections)"
        found = (
            f"the event time {contract.event_time}; a row whose time is corrected is there twice"
        )
        yield Problem(contract.path, line, "key", expected, found, "warning")


def _undescribed(contract: Contract, document: Document) -> Iterator[tuple[int, str, str]]:
    if not contract.description:
        yield 1, "description", "what the stream is, in words"
    for position, column in enumerate(contract.columns):
        line = document.line(("schema", 0, "properties", position))
        if not column.description:
            yield line, f"description of column {column.name}", "what it holds, in words"
        if column.type == "number" and _physical_type(document, position) in _EXACT:
            what = f"digits of physicalType of column {column.name}"
            yield line, what, "numeric(12, 4), say; without them it is floating point"
    for rule in contract.rules:
        if not rule.description:
            yield rule.line, f"description of rule {rule.name}", "what it asks for, in words"


def _physical_type(document: Document, position: int) -> str:
    """What a column's physicalType says; empty if it says nothing."""
    properties = document.data["schema"][0].get("properties") or []
    declared = properties[position] if position < len(properties) else {}
    return str(declared.get("physicalType") or "").strip().lower()


def _unsaid(contract: Contract, top: int) -> Iterator[tuple[int, str, str]]:
    if not contract.owner:
        yield 1, "owner", "a team with a name"
    if personal := sorted(contract.classified("L3")) if contract.subject is None else []:
        what = f"data subject (columns {', '.join(personal)} are personal)"
        yield top, what, "a custom property dataSubject that names its column"
    if not any(rule.check == "row_count" for rule in contract.rules):
        yield top, "volume", "a rule with metric rowCount"
