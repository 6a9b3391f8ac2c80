"""Everything that is wrong with packs: what their loading refuses, and what would fail later.

What a pack is refused for when it is loaded, is found by the same functions here: nothing that
passes is refused then. They stop at the first file; here, every file is looked at.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from chimera_assets.contracts.active import adapted_contract, claim_problems
from chimera_assets.contracts.dbt_sources import SOURCES_FILE, dbt_sources
from chimera_assets.contracts.lint import lint, usable
from chimera_assets.contracts.loader import contract_files, read_contracts
from chimera_assets.packs import PackError
from chimera_assets.packs.active import pack_folder, readable_packs, requirement_problems
from chimera_assets.packs.adapters import adapter_files, read_adapter
from chimera_assets.packs.aggregates import definition_problems, read_definitions
from chimera_assets.packs.model_columns import described_models
from chimera_assets.packs.models import (
    model_files,
    model_problems,
    unbounded_models,
    uncompared_models,
)
from chimera_assets.packs.pack import reserved_problems
from chimera_assets.packs.sections import section_problems
from chimera_assets.settings import get_settings
from chimera_assets.simulator.tables import traffic_problems
from chimera_assets.sources.ddl import read_ddl
from chimera_assets.warehouse.model_check import model_sql_problems
from chimera_assets.warehouse.section_check import section_sql_problems
from chimera_assets.yaml_documents import DocumentError, Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.packs import Pack
    from chimera_assets.packs.aggregates import Definitions


def pack_problems(folders: Sequence[Path]) -> list[Problem]:
    """What is wrong with packs, alone and beside those that are used, by file and line.

    Args:
        folders: The folders of the packs, absolute.

    Raises:
        SettingError: CHIMERA_PACKS names no pack.
    """
    packs, problems = readable_packs(folders)
    mine = {pack.name for pack in packs}
    used = [name for name in get_settings().pack_names if name not in mine]
    others, _ = readable_packs([pack_folder(name) for name in used])
    every = [*others, *packs]
    found = [*problems, *model_problems(every), *requirement_problems(every)]
    for pack in packs:
        found += reserved_problems(pack)
        others_of = (other.contract_folders for other in every if other is not pack)
        found += lint(pack.contract_folders, beside=list(chain.from_iterable(others_of)))
    found += _definition_problems(packs, every)
    found += section_problems(every)
    found += _stream_problems(packs, every)
    inside = tuple(str(folder.absolute()) + "/" for folder in folders)
    found = list(dict.fromkeys(found))  # a contract that cannot be used is met more than once
    return [problem for problem in found if str(problem.path).startswith(inside)]


def _stream_problems(packs: Sequence[Pack], every: Sequence[Pack]) -> Iterator[Problem]:
    """Streams and tables of two packs; and, once contracts can be used, models that do not fit."""
    streams = [{one.stream: one for one in usable(pack.contract_folders)} for pack in every]
    yield from claim_problems(streams)
    if all(
        len(found) == len(list(contract_files(pack.contract_folders)))
        for pack, found in zip(every, streams, strict=True)
    ):
        known = [contract for found in streams for contract in found.values()]
        yield from model_sql_problems(every, known)
        own = usable([further]) if (further := get_settings().contracts) is not None else ()
        yield from section_sql_problems(every, {one.stream: one for one in (*known, *own)})
        for pack in packs:
            yield from _sources_problems(pack)
            yield from _adapter_problems(pack, {one.stream: one for one in known})


def _definition_problems(packs: Sequence[Pack], every: Sequence[Pack]) -> Iterator[Problem]:
    """What is wrong with aggregates, simulated traffic and the DDL of operational tables."""
    definitions: list[Definitions] = []
    for pack in every:
        try:
            definitions.append(read_definitions(pack))
        except PackError as error:
            yield from error.problems
    found = definition_problems(every, definitions)
    yield from found or _column_problems(definitions, every)
    aggregates = {one.table for each in definitions for one in each.aggregates}
    yield from uncompared_models(packs, aggregates)
    yield from unbounded_models(packs)
    for pack in packs:
        try:
            yield from traffic_problems(pack)
        except DocumentError as error:
            yield from error.problems
        try:
            if pack.source_ddl.is_file():
                read_ddl(pack.source_ddl)
        except PackError as error:
            yield from error.problems


def _column_problems(
    definitions: Sequence[Definitions], every: Sequence[Pack]
) -> Iterator[Problem]:
    """Columns of aggregates that the `.yml` of their model does not have."""
    with suppress(PackError):  # which the models' own check reports
        described = described_models(every)
        for aggregate in (one for each in definitions for one in each.aggregates):
            model = described.get(aggregate.table)
            columns = model.columns if model is not None else {}
            for name in (*aggregate.grain, *aggregate.measures):
                if columns and name not in columns:
                    what, expected = f"column of {aggregate.table}", one_of(columns, name)
                    yield from aggregate.problem(what, expected=expected, found=name).problems


def _adapter_problems(pack: Pack, known: Mapping[str, Contract]) -> Iterator[Problem]:
    """What is wrong with a pack's adapters, and with the contracts as they change them."""
    for path in adapter_files(pack):
        try:
            adapted_contract(read_adapter(path), known)
        except DocumentError as error:
            yield from error.problems


def _sources_problems(pack: Pack) -> list[Problem]:
    """The problem of a dbt sources file that does not say what the contracts say."""
    path = pack.folder / SOURCES_FILE
    if not model_files(pack) or not pack.contract_folders:
        return []
    made = dbt_sources(read_contracts(pack.contract_folders).values())
    if path.is_file() and path.read_bytes() == made.encode():
        return []
    found = "another text" if path.is_file() else "no such file"
    expected = "what the contracts say (run: chimera contract sources)"
    return [Problem(path, 1, "dbt sources", expected, found)]
