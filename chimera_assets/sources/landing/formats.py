"""The reader of each kind of file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.sources.landing.limits import Limits
    from chimera_assets.sources.landing.parsed import Parsed
    from chimera_assets.sources.landing.place import LandingFile


class Reader(Protocol):
    """Gives a file's rows once, piece by piece.

    Attributes:
        unknown: Names in the file that the contract does not have, known when it was read.
    """

    unknown: set[str]

    def __iter__(self) -> Iterator[Parsed]:
        """The pieces; see the readers for what they raise."""


def reader_of(
    file: LandingFile, contract: Contract, path: Path, folder: Path, limits: Limits
) -> Reader:
    """The reader of a file.

    Args:
        file: As it was listed.
        contract: Of its stream.
        path: Where its bytes are.
        folder: For temporary files.
        limits: What the file may be at most.
    """
    # Each brings a library of its own, which only runs that load such files should wait for.
    if file.format == "csv":
        from chimera_assets.sources.landing.csv_lines import CsvLines  # noqa: PLC0415

        return CsvLines(contract, path, zipped=file.zipped, limits=limits)
    if file.format in {"json", "jsonl"}:
        return _json_reader(file, contract, path, folder, limits)
    from chimera_assets.sources.landing.parquet import ParquetRows  # noqa: PLC0415

    return ParquetRows(contract, path, zipped=file.zipped, limits=limits, folder=folder)


def _json_reader(
    file: LandingFile, contract: Contract, path: Path, folder: Path, limits: Limits
) -> Reader:
    if contract.file_query is not None:
        from chimera_assets.sources.landing.queried_json import QueriedJson  # noqa: PLC0415

        return QueriedJson(contract, path, file, folder, limits)
    from chimera_assets.sources.landing.json_lines import JsonLines  # noqa: PLC0415

    zipped = file.zipped
    if file.format == "json":
        from chimera_assets.sources.landing.json_document import items, write_lines  # noqa: PLC0415

        found, path = items(path, zipped=zipped, limits=limits), folder / "lines.jsonl"
        write_lines(path, found)
        zipped = False
    return JsonLines(contract, path, zipped=zipped, limits=limits)
