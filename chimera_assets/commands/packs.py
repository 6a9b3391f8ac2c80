"""`chimera pack`: which packs there are, whether they can be used, and a new one."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from chimera_assets.commands.contracts import SOURCES_FILE
from chimera_assets.commands.terminal import notes, out, print_json, print_table
from chimera_assets.contracts.active import claim_problems
from chimera_assets.contracts.dbt_sources import dbt_sources
from chimera_assets.contracts.lint import lint, usable
from chimera_assets.contracts.loader import contract_files, read_contracts
from chimera_assets.errors import ArgumentError, counted
from chimera_assets.monitoring.metrics.families import PLATFORM_METRICS
from chimera_assets.packs import PackError
from chimera_assets.packs.active import (
    known_packs,
    pack_folder,
    readable_packs,
    requirement_problems,
)
from chimera_assets.packs.aggregates import read_definitions
from chimera_assets.packs.claims import repeated
from chimera_assets.packs.model_columns import described_models
from chimera_assets.packs.models import (
    model_files,
    model_problems,
    unbounded_models,
    uncompared_models,
    unknown_tables,
)
from chimera_assets.packs.pack import NAME, read_pack, reserved_problems
from chimera_assets.packs.skeleton import skeleton
from chimera_assets.settings import get_settings
from chimera_assets.simulator.tables import traffic_problems
from chimera_assets.sources.ddl import read_ddl
from chimera_assets.warehouse.model_check import model_sql_problems
from chimera_assets.yaml_documents import DocumentError, Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from chimera_assets.packs import Pack
    from chimera_assets.packs.aggregates import Definitions


#: Tables are named after the pack, with words added.
_LONGEST_NAME = 40

_COLUMNS = ("pack", "version", "title", "owner", "requires", "used", "streams", "models", "path")


def show_list(*, as_json: bool) -> int:
    """Print every pack that there is, whether it is used, and of a broken one what is wrong."""
    entries = [_entry(folder) for found in known_packs().values() for folder in found]
    if as_json:
        print_json(entries)
        return 0
    print_table(_COLUMNS, ([_cell(entry[name]) for name in _COLUMNS] for entry in entries))
    for entry in entries:
        if entry["problem"] is not None:
            words = f"{entry['pack']} is broken: {entry['problem']}"
            notes().print(words, markup=False, soft_wrap=True)
    return 0


def _entry(folder: Path) -> dict[str, object]:
    """What is told of a pack; of one that cannot be read little else than why."""
    try:
        return {**_told(read_pack(folder)), "problem": None}
    except PackError as error:
        nothing = dict.fromkeys(_COLUMNS)
        used = folder.name in get_settings().pack_names
        known = {"pack": folder.name, "used": used, "path": str(folder)}
        return {**nothing, **known, "problem": str(error)}


def _told(pack: Pack) -> dict[str, object]:
    return {
        "pack": pack.name,
        "version": pack.version,
        "title": pack.title,
        "owner": pack.owner,
        "requires": list(pack.requires),
        "used": pack.name in get_settings().pack_names,
        "streams": len(list(contract_files([pack.contracts]))),
        "models": len(model_files(pack)),
        "path": str(pack.folder),
    }


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) or None if isinstance(value, list) else value


def check(folders: Sequence[Path]) -> int:
    """Print every problem of packs, by file and line; 1 if one keeps a pack from use.

    Args:
        folders: The folders of packs; none means the packs of this process.
    """
    asked = list(folders) or [pack_folder(name) for name in get_settings().pack_names]
    for folder in asked:
        if not folder.is_dir():
            msg = f"{folder}: expected the folder of a pack, found none"
            raise ArgumentError(msg)
    problems = _problems([folder.absolute() for folder in asked])
    for problem in problems:
        out().print(f"{problem.severity}: {problem}", markup=False, soft_wrap=True)
    errors = sum(problem.severity == "error" for problem in problems)
    notes().print(f"{counted(errors, 'error')}, {counted(len(problems) - errors, 'warning')}")
    return 1 if errors else 0


def _problems(folders: Sequence[Path]) -> list[Problem]:
    """What is wrong with packs, alone and beside those that are used."""
    packs, problems = readable_packs(folders)
    mine = {pack.name for pack in packs}
    used = [name for name in get_settings().pack_names if name not in mine]
    others, _ = readable_packs([pack_folder(name) for name in used])
    every = [*others, *packs]
    found = [*problems, *model_problems(every), *requirement_problems(every)]
    for pack in packs:
        found += reserved_problems(pack)
        beside = [other.contracts for other in every if other is not pack]
        found += lint([pack.contracts], beside=beside)
    found += _definition_problems(packs, every)
    found += _stream_problems(packs, every)
    inside = tuple(str(folder.absolute()) + "/" for folder in folders)
    found = list(dict.fromkeys(found))  # a contract that cannot be used is met more than once
    return [problem for problem in found if str(problem.path).startswith(inside)]


def _stream_problems(packs: Sequence[Pack], every: Sequence[Pack]) -> Iterator[Problem]:
    """Streams and tables of two packs; and, once contracts can be used, models that do not fit."""
    streams = [{one.stream: one for one in usable([pack.contracts])} for pack in every]
    yield from claim_problems(streams)
    if all(
        len(found) == len(list(contract_files([pack.contracts])))
        for pack, found in zip(every, streams, strict=True)
    ):
        known = [contract for found in streams for contract in found.values()]
        yield from model_sql_problems(every, known)
        for pack in packs:
            yield from _sources_problems(pack)


def _definition_problems(packs: Sequence[Pack], every: Sequence[Pack]) -> Iterator[Problem]:
    """What is wrong with aggregates, simulated traffic and the DDL of operational tables."""
    definitions: list[Definitions] = []
    for pack in every:
        try:
            definitions.append(read_definitions(pack))
        except PackError as error:
            yield from error.problems
    claims = [claim for one in definitions for claim in one.claims]
    twice = list(repeated(claims))
    yield from twice or _column_problems(definitions, every)
    reads = [claim for one in definitions for claim in one.reads]
    yield from unknown_tables(every, [*claims, *reads])
    aggregates = {one.table for each in definitions for one in each.aggregates}
    yield from uncompared_models(packs, aggregates)
    yield from unbounded_models(packs)
    for claim in claims:
        if claim.kind == "a metric" and claim.name in PLATFORM_METRICS:
            expected = "a name that no metric of the platform has"
            yield Problem(claim.path, claim.line, claim.what, expected, claim.name)
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


def _sources_problems(pack: Pack) -> list[Problem]:
    """The problem of a dbt sources file that does not say what the contracts say."""
    path = pack.folder / SOURCES_FILE
    if not model_files(pack):
        return []
    made = dbt_sources(read_contracts([pack.contracts]).values())
    if path.is_file() and path.read_text(encoding="utf-8") == made:
        return []
    found = "another text" if path.is_file() else "no such file"
    expected = "what the contracts say (run: chimera contract sources)"
    return [Problem(path, 1, "dbt sources", expected, found)]


def new(name: str, place: Path) -> int:
    """Write a small pack that works, to be changed into one's own.

    Raises:
        ArgumentError: The name cannot be a pack's, there is such a folder, or none can be written.
    """
    folder = place.absolute() / name
    if not NAME.fullmatch(name):
        msg = f"NAME: expected lower-case letters, digits and _, a letter first; found {name}"
        raise ArgumentError(msg)
    if len(name) > _LONGEST_NAME:
        msg = f"NAME: expected at most {_LONGEST_NAME} letters, found {len(name)}"
        raise ArgumentError(msg)
    if name in known_packs(making=folder.parent) or folder.exists():
        msg = f"NAME: expected one that no pack has, found {name}; see chimera pack list"
        raise ArgumentError(msg)
    try:
        for path, content in skeleton(name).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content, encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        found = f"{error.filename or folder}: {error.strerror}"
        msg = f"--in: expected a folder that can be written, found {found}"
        raise ArgumentError(msg) from None
    made = dbt_sources(read_contracts([folder / "contracts"]).values())
    (folder / SOURCES_FILE).write_text(made, encoding="utf-8")
    out().print(f"{folder} written. Use it by", markup=False, soft_wrap=True)
    used = ",".join(dict.fromkeys((*get_settings().pack_names, name)))
    out().print(f"  CHIMERA_PACKS={used} CHIMERA_PACKS_DIR={folder.parent}", soft_wrap=True)
    return 0
