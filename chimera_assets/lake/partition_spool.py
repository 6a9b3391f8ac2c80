"""Rows of many partitions in no order, put by in temporary files until all of them have come."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from pyarrow import ipc

from chimera_assets.lake.errors import no_room

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

#: The values of a row's partition columns.
Key: TypeAlias = "tuple[Any, ...]"


class PartitionSpool:
    """Takes rows in any order of their partitions, and gives them partition by partition."""

    def __init__(self) -> None:
        self._files: list[IO[bytes]] = []
        self._places: dict[Key, list[tuple[int, int]]] = {}

    @property
    def empty(self) -> bool:
        """Whether no rows were put by."""
        return not self._files

    def add(self, rows: Mapping[Key, pa.Table]) -> None:
        """Put rows by.

        Raises:
            LakeError: The temporary folder has no room.
        """
        try:
            self._add(rows)
        except OSError as error:
            raise no_room(tempfile.gettempdir(), error) from error

    def _add(self, rows: Mapping[Key, pa.Table]) -> None:
        file = tempfile.TemporaryFile(prefix="chimera-")  # noqa: SIM115 - closed by `close`
        self._files.append(file)
        schema = next(iter(rows.values())).schema
        number = 0
        options = ipc.IpcWriteOptions(compression="lz4")
        with ipc.new_file(file, schema, options=options) as spool:
            for key, table in rows.items():
                for batch in table.combine_chunks().to_batches():
                    spool.write_batch(batch)
                    self._places.setdefault(key, []).append((len(self._files) - 1, number))
                    number += 1

    def partitions(self) -> Iterator[tuple[Key, Iterator[pa.RecordBatch]]]:
        """The rows of each partition."""
        readers = [ipc.open_file(file) for file in self._files]
        for key, places in self._places.items():
            yield key, (readers[file].get_batch(number) for file, number in places)

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files:
            # What could not be written to a full disk before cannot be now, and nobody needs it.
            with suppress(OSError):
                file.close()
