"""Where a bundle's files are: a folder, or a ZIP file. Neither is trusted."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from typing import IO, TYPE_CHECKING, Protocol

from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.file_names import odd_name

if TYPE_CHECKING:
    from pathlib import Path

#: A bundle has no more files.
MOST_FILES = 1_000

#: The end of a ZIP file's directory (APPNOTE 4.3.16), the largest directory of so many files, and
#: the mark of its larger form, which no bundle needs.
_END, _DIRECTORY_BYTES, _ZIP64 = struct.Struct("<4s4H2LH"), 512 * MOST_FILES, b"PK\x06\x07"


class Container(Protocol):
    """Where a bundle's files are.

    Attributes:
        sizes: The files that can be read, by name, and their bytes.
        problems: What is there beside them.
    """

    sizes: dict[str, int]
    problems: list[EvidenceError]

    def open(self, name: str) -> IO[bytes]:
        """One of the files."""


class Folder:
    """A folder; what is no plain file in it is a problem.

    Args:
        folder: The folder.

    Raises:
        EvidenceError: It has more files than any bundle.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sizes: dict[str, int] = {}
        self.problems: list[EvidenceError] = []
        self._list("")

    def open(self, name: str) -> IO[bytes]:
        """One of its files."""
        # Never through a link, and never waiting for who writes into a pipe.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        return os.fdopen(os.open(self._folder / name, flags), "rb")

    def _list(self, below: str) -> None:
        for entry in sorted(os.scandir(self._folder / below), key=lambda each: each.name):
            name = f"{below}{entry.name}"
            mode = entry.stat(follow_symlinks=False).st_mode
            if len(self.sizes) + len(self.problems) >= MOST_FILES:
                raise EvidenceError(
                    "bundle", expected=f"at most {MOST_FILES:,} files", found="more"
                )
            if stat.S_ISDIR(mode) and odd_name(name) is None:
                self._list(f"{name}/")
            elif stat.S_ISREG(mode):
                self.sizes[name] = entry.stat(follow_symlinks=False).st_size
            else:
                self.problems.append(_not_plain(name, _kind(mode)))


class Zip:
    """A ZIP file; its folders are none of its files, nor is one around all of them.

    Args:
        file: The file, open for reading.
        name: What it is called in errors.

    Raises:
        EvidenceError: It is none, or larger than any bundle's.
        BadZipFile: It is broken.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        _check_directory(file, name)
        self._archive = archive = zipfile.ZipFile(file)
        self.problems: list[EvidenceError] = []
        files = [info for info in archive.infolist() if not info.is_dir()]
        around = _folder_around([info.filename for info in files])
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in files:
            name = info.filename.removeprefix(around)
            if (found := _odd_member(info)) or name in self._members:
                self.problems.append(_not_plain(name, found or "two of that name"))
            else:
                self._members[name] = info
        self.sizes = {name: info.file_size for name, info in self._members.items()}

    def open(self, name: str) -> IO[bytes]:
        """One of its files."""
        return self._archive.open(self._members[name])


def _check_directory(file: IO[bytes], name: str) -> None:
    """Refuse a ZIP file whose directory, read as a whole by everybody, is no bundle's."""
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - _END.size - 0xFFFF))
    tail = file.read(_END.size + 0xFFFF)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise EvidenceError(name, expected="a bundle's folder or ZIP file", found="neither")
    entries, directory = _END.unpack_from(tail, at)[4:6]
    if entries > MOST_FILES or directory > _DIRECTORY_BYTES or _ZIP64 in tail[:at][-20:]:
        expected = f"a ZIP file of at most {MOST_FILES:,} files"
        raise EvidenceError(name, expected=expected, found=f"{entries:,}, {directory:,} bytes")


def _odd_member(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return _kind(kind)
    if info.orig_filename != info.filename:
        return "a name that ends twice"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or info.flag_bits & 1:
        return "one that is encrypted or packed in another way"
    return None


def _folder_around(names: list[str]) -> str:
    """The one folder that has everything, as those have who pack a folder; or empty."""
    first = {name.partition("/")[0] for name in names}
    if len(first) == 1 and all("/" in name for name in names):
        return f"{first.pop()}/"
    return ""


def _not_plain(name: str, found: str) -> EvidenceError:
    return EvidenceError(repr(name), expected="a plain file", found=found)


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link"
    return "a folder of an odd name" if stat.S_ISDIR(mode) else "something else"
