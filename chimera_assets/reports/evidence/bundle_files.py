"""The files of a bundle, as a folder or a ZIP file has them, read without trusting either."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from contextlib import contextmanager
from hashlib import sha256
from typing import IO, TYPE_CHECKING

from chimera_assets.reports.evidence.containers import Folder, Zip
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.file_names import odd_name, twins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.reports.evidence.containers import Container

#: A bundle's files have no more bytes together: what unpacks to more is a bomb.
MOST_BYTES = 2 * 1024**3

#: What is read as a whole, JSON, has no more bytes.
MOST_JSON_BYTES = 64 * 1024**2

_CHUNK = 1024**2
_NAME = "a name of ASCII letters, digits, _, - and ., below the bundle"

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # encrypted
    NotImplementedError,
)


class BundleFiles:
    """The files of a bundle; none that could be something else to another reader.

    Args:
        container: Where they are.
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        self.problems = list(container.problems)
        self.sizes: dict[str, int] = {}
        for name, size in sorted(container.sizes.items()):
            if (found := odd_name(name)) is not None:
                self.problems.append(EvidenceError(repr(name), expected=_NAME, found=found))
            else:
                self.sizes[name] = size
        for name, other in twins(self.sizes):
            expected = "one file, whatever the case of letters"
            self.problems.append(EvidenceError(other, expected=expected, found=f"also {name}"))
        if (total := sum(self.sizes.values())) > MOST_BYTES:
            expected = f"at most {MOST_BYTES:,} bytes"
            raise EvidenceError("bundle", expected=expected, found=f"{total:,}")

    def read(self, name: str) -> bytes:
        """The whole of a file that is JSON.

        Raises:
            EvidenceError: There is none, it cannot be read, or is too large.
        """
        if self._size(name) > MOST_JSON_BYTES:
            expected, found = f"at most {MOST_JSON_BYTES:,} bytes", f"{self.sizes[name]:,}"
            raise EvidenceError(name, expected=expected, found=found)
        return b"".join(self._chunks(name))

    def sha256(self, name: str) -> str:
        """The SHA-256 of a file, in hexadecimal.

        Raises:
            EvidenceError: There is none, or it cannot be read.
        """
        found = sha256()
        for chunk in self._chunks(name):
            found.update(chunk)
        return found.hexdigest()

    def _size(self, name: str) -> int:
        if name not in self.sizes:
            raise EvidenceError(name, expected="the file", found="none")
        return self.sizes[name]

    def _chunks(self, name: str) -> Iterator[bytes]:
        left = self._size(name)
        try:
            with self._container.open(name) as file:
                while chunk := file.read(min(_CHUNK, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        break
                    yield chunk
        except _BROKEN as error:
            raise EvidenceError(name, expected="a file that can be read", found=error) from None
        if left:
            expected = f"{self.sizes[name]:,} bytes, as is said of it"
            raise EvidenceError(name, expected=expected, found="more" if left < 0 else "fewer")


@contextmanager
def bundle_files(path: Path) -> Iterator[BundleFiles]:
    """The files of a bundle, a folder or a ZIP file.

    Raises:
        EvidenceError: It is neither, or larger than any bundle.
    """
    if path.is_dir():
        yield BundleFiles(Folder(path))
        return
    with _opened(path) as file:
        try:
            files = BundleFiles(Zip(file, str(path)))
        except _BROKEN as error:
            raise EvidenceError(str(path), expected="a ZIP file", found=error) from None
        yield files


def _opened(path: Path) -> IO[bytes]:
    """A plain file, open for reading; without waiting for who writes into a pipe.

    Raises:
        EvidenceError: It is something else, or cannot be read.
    """
    expected = "a bundle's folder or ZIP file"
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY), "rb")
    except OSError as error:  # a socket among others
        found = error.strerror or error
        raise EvidenceError(str(path), expected=expected, found=found) from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise EvidenceError(str(path), expected=expected, found="something else")
    return file
