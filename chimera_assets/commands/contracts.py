"""`chimera contract`: what streams there are, whether their contracts hold, what a change means."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from chimera_assets.commands.new_files import require_folder
from chimera_assets.commands.problems import print_problems
from chimera_assets.commands.terminal import notes, out, percent, print_json, print_table
from chimera_assets.contracts import ContractError, contracts, known_contracts, load_contract
from chimera_assets.contracts.active import pack_contracts
from chimera_assets.contracts.dbt_sources import SOURCES_FILE, dbt_sources
from chimera_assets.contracts.diff import bump, diff, next_version, version_suffices
from chimera_assets.contracts.lint import lint
from chimera_assets.contracts.loader import PATTERN, contract_files
from chimera_assets.contracts.rules.coverage import columns_without_rule
from chimera_assets.contracts.source_ddl import source_ddl
from chimera_assets.errors import ArgumentError, in_short
from chimera_assets.ingest.files_only import files_dropped, files_landed
from chimera_assets.lake import open_lake
from chimera_assets.packs import active_packs
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.settings import get_settings
from chimera_assets.sources.contract_check import source_problems
from chimera_assets.sources.errors import SourceTableMissing
from chimera_assets.sources.missing_table import table_named_at
from chimera_assets.yaml_documents import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from chimera_assets.contracts import Contract


def show_list(*, as_json: bool) -> int:
    """Print every contract of this process, of streams that are off, too."""
    active = contracts()
    entries = [
        {
            "stream": contract.stream,
            "version": contract.version,
            "kind": contract.kind,
            "columns": len(contract.columns),
            "rules": len(contract.rules),
            "without_rule": columns_without_rule(contract),
            "pass_rate": contract.pass_rate,
            "owner": contract.owner,
            "pack": active.packs.get(contract.stream),
            "runs": contract.stream in active,
            "path": str(contract.path),
            "adapter": contract.adapter.stem if contract.adapter is not None else None,
            "replaces": _text_of(active.replaced.get(contract.stream)),
        }
        for contract in active.known.values()
    ]
    if as_json:
        print_json(entries)
        return 0
    columns = [name.replace("_", " ") for name in entries[0]]
    print_table(columns, ([_cell(*item) for item in entry.items()] for entry in entries))
    return 0


def _text_of(path: Path | None) -> str | None:
    return str(path) if path is not None else None


def _cell(name: str, value: object) -> object:
    if name == "runs":
        return "yes" if value else "off"
    if isinstance(value, tuple):
        return len(value)
    if name == "pass_rate" and isinstance(value, float):
        return percent(value) if value else "no threshold"
    return value


def check(paths: Sequence[Path], *, source: bool) -> int:
    """Print every problem of contract files, by file and line; 1 if one keeps a contract from use.

    Args:
        paths: Files or folders; none means the contracts of this process.
        source: Whether contracts that can be used are compared with the source's tables.

    Raises:
        SourceError: The source cannot be reached.
    """
    places = paths or _own_folders()
    problems = [problem for path in places for problem in _problems(path)]
    if source:
        unusable = {problem.path for problem in problems if problem.severity == "error"}
        compared = _contracts_in(places, unusable) if paths or unusable else _that_run()
        problems += _source_problems(compared)
    return print_problems(problems)


def _that_run() -> list[Contract]:
    """The contracts of the streams that run, by CHIMERA_STREAMS; which of those have none is said.

    They are checked one by one while they are written, so that others may still be missing.
    """
    known = known_contracts()
    asked = get_settings().stream_names or tuple(known)
    if missing := [name for name in asked if name not in known]:
        said = f"CHIMERA_STREAMS names {in_short(missing)}, of which there is no contract yet."
        notes().print(said, markup=False, soft_wrap=True)
    return [known[name] for name in known if name in asked]


def _contracts_in(places: Iterable[Path], unusable: Collection[Path]) -> Iterator[Contract]:
    for place in places:
        for file in contract_files([place]) if place.is_dir() else (place,):
            if file not in unusable:
                yield load_contract(file)


def _source_problems(compared: Iterable[Contract]) -> Iterator[Problem]:
    url = source_database_url(get_settings())
    for contract in compared:
        try:
            yield from source_problems(url, contract)
        except SourceTableMissing as error:
            if contract.optional_at_source:
                told = f"{contract.stream}: the source has no table {contract.source_table}, which"
                notes().print(f"{told} is optional: it counts as empty.", markup=False)
            elif not (files_landed(open_lake(), contract) or files_dropped(contract)):
                expected = f"a table {contract.source_table} in the source"
                found = f"{error.problem.partition(', found ')[2]} ({error.remedy})"
                yield Problem(*table_named_at(contract), expected, found)


def _own_folders() -> list[Path]:
    folders = [
        folder
        for pack in active_packs()
        for folder in pack.contract_folders
        if any(contract_files([folder]))
    ]
    further = get_settings().contracts
    return folders if further is None else [*folders, further]


def _problems(path: Path) -> list[Problem]:
    """What is wrong in a folder, or in one file of it."""
    if not path.exists():
        msg = f"{path}: expected a contract file or a folder of them, found nothing"
        raise ArgumentError(msg)
    if path.is_dir():
        # A rule of the folder's may compare with a reference table that is described elsewhere.
        further = [folder for folder in _own_folders() if folder.resolve() != path.resolve()]
        if not list(contract_files([path])):
            msg = f"{path}: expected contracts ({PATTERN}) in the folder, found none"
            raise ArgumentError(msg)
        return lint([path], beside=further)
    try:
        load_contract(path)
    except ContractError as error:
        return list(error.problems)
    found = lint([path.parent], beside=_own_folders())
    return [problem for problem in found if problem.path.resolve() == path.resolve()]


def show_diff(old: Path, new: Path) -> int:
    """Print what changed between two versions of a contract, in words; 1 if it breaks a promise."""
    before, after = _contract(old), _contract(new)
    changes = diff(before, after)
    if not changes:
        out().print("No difference.")
        return 0
    for change in changes:
        out().print(str(change), markup=False, soft_wrap=True)
    broken = any(change.breaking for change in changes)
    asked = next_version(before.version, bump(changes))
    verdict = "breaking" if broken else "compatible"
    words = f"{before.stream}: {verdict}; version {before.version} -> {after.version}"
    if not version_suffices(before, after):
        words += f", but the changes ask for {asked} at least"
    out().print(words, markup=False)
    return 1 if broken else 0


def show_ddl(path: Path) -> int:
    """Print the source table that a contract asks for."""
    sys.stdout.write(source_ddl(_contract(path)))
    return 0


def _contract(path: Path) -> Contract:
    if not path.is_file():
        found = "a folder" if path.exists() else "nothing"
        msg = f"{path}: expected a contract file, found {found}"
        raise ArgumentError(msg)
    return load_contract(path)


def write_sources(path: Path | None, *, check_only: bool) -> int:
    """Write the dbt sources files from the contracts; or only say, by 1, that they have to be.

    Args:
        path: One file for all streams; None writes one in each pack, from its own contracts.
        check_only: Write nothing.
    """
    if path is not None:
        require_folder(path)
        return _write(path, dbt_sources(known_contracts().values()), check_only=check_only)
    codes = [
        _write(pack.folder / SOURCES_FILE, dbt_sources(found.values()), check_only=check_only)
        for pack, found in pack_contracts(active_packs())
        if (pack.folder / SOURCES_FILE).parent.is_dir()
    ]
    return max(codes, default=0)


def _write(path: Path, made: str, *, check_only: bool) -> int:
    if path.is_file() and path.read_bytes() == made.encode():
        notes().print(f"{path} says what the contracts say.", markup=False)
        return 0
    if check_only:
        notes().print(
            f"{path} does not say what the contracts say; run: chimera contract sources",
            markup=False,
        )
        return 1
    path.write_text(made, encoding="utf-8")
    notes().print(f"{path} written.", markup=False)
    return 0
