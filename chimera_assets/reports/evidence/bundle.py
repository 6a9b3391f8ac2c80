"""Writing a bundle: its files, and last the manifest that is signed over all of them.

details = entry_details(report, subjects_of(files))  # for the audit log's entry
write_bundle(folder, files, predicate, signers)
"""

from __future__ import annotations

import os
import secrets
import shutil
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from hashlib import file_digest, sha256
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from chimera_assets.reports.evidence import dsse
from chimera_assets.reports.evidence.bundle_files import bundle_files
from chimera_assets.reports.evidence.containers import MOST_FILES
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.file_names import odd_name, twins
from chimera_assets.reports.evidence.statement import PAYLOAD_TYPE, Statement, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TypeAlias

    from chimera_assets.reports.evidence.dsse import EnvelopeSigner
    from chimera_assets.reports.evidence.predicate import Predicate

    #: A file's bytes, or a file that has them.
    Content: TypeAlias = bytes | Path

#: The file with the signed statement.
MANIFEST = "manifest.json"

#: The file in which a statement's figures are found.
REPORT = "report.json"

#: The end of the name of a folder or file that is being written.
UNFINISHED = ".partial"

#: What every ZIP file of a bundle says of its files' time: the first that it can say.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE, _UNIX = 0o100600 << 16, 3


def subjects_of(files: Mapping[str, Content]) -> tuple[Subject, ...]:
    """The files of a bundle as its manifest names them.

    Raises:
        EvidenceError: A name is not one that a bundle's file may have, or of the manifest itself.
    """
    _check_names(files)
    return tuple(_subject(name, files[name]) for name in sorted(files))


def write_bundle(
    folder: Path,
    files: Mapping[str, Content],
    predicate: Predicate,
    signers: Iterable[EnvelopeSigner],
) -> Statement:
    """Write a bundle, whole or not at all; only its owner can read it.

    It is made beside its place, the manifest last, and then moved there. Who kills that leaves a
    hidden folder without a manifest beside it.

    Args:
        folder: Its place, where nothing is yet.
        files: Its files by name, without the manifest.
        predicate: What is said of the report; its signers are filled in.
        signers: The keys that sign.

    Raises:
        EvidenceError: There is something, a name is none of a bundle's, or a file changes.
        ArgumentError: No key signs, or one twice.
    """
    keys = sorted(signers, key=lambda each: dsse.keyid(each.verifier))
    said = replace(predicate, signers=tuple(key.verifier for key in keys))
    statement = Statement(subjects_of(files), said)
    envelope = dsse.sign(PAYLOAD_TYPE, statement.encode(), keys)
    _require_nothing(folder)
    with _beside(folder) as made:
        made.mkdir(mode=0o700)
        for subject in statement.subjects:
            target = made / subject.name
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _opened(files[subject.name]) as source:
                _write(target, source)
            if _subject(subject.name, target) != subject:
                raise EvidenceError(subject.name, expected="a file that stays", found="a change")
        _write(made / MANIFEST, BytesIO(envelope.encode()))
    return statement


def zip_bundle(folder: Path, target: Path) -> None:
    """Pack a bundle into a ZIP file: of the same bundle always the same bytes.

    Raises:
        EvidenceError: There is something already, or the folder is no bundle's.
    """
    _require_nothing(target)
    with bundle_files(folder) as files:
        if files.problems:
            raise files.problems[0]
        names = sorted(files.sizes)
    with _beside(target) as made:
        _write(made, BytesIO())
        with zipfile.ZipFile(made, "w") as archive:
            for name in names:
                info = zipfile.ZipInfo(name, _NO_TIME)
                info.external_attr, info.create_system = _PLAIN_FILE, _UNIX
                with (folder / name).open("rb") as source, archive.open(info, "w") as packed:
                    shutil.copyfileobj(source, packed)


def _check_names(files: Mapping[str, Content]) -> None:
    for name in (MANIFEST, *files):
        if (found := odd_name(name)) is not None:
            raise EvidenceError(repr(name), expected="a name of a bundle's file", found=found)
    for other, name in twins([MANIFEST, *files]):
        raise EvidenceError(name, expected="a name that is no other's", found=f"also {other}")
    if not 0 < len(files) < MOST_FILES:
        expected = f"1 to {MOST_FILES - 1:,} files"
        raise EvidenceError("bundle", expected=expected, found=len(files))


def _subject(name: str, content: Content) -> Subject:
    with _opened(content) as source:
        found = file_digest(source, sha256).hexdigest()
        return Subject(name, found, source.seek(0, os.SEEK_END))


def _opened(content: Content) -> BufferedReader | BytesIO:
    return content.open("rb") if isinstance(content, Path) else BytesIO(content)


def _write(path: Path, source: IO[bytes]) -> None:
    """Write a new file that only its owner can read, and have it on the disk."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as file:
        shutil.copyfileobj(source, file)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """A name beside a place, moved there at the end; after an error nothing is left of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    made = place.with_name(f".{place.name}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        yield made
        _require_nothing(place)
        made.rename(place)  # refuses to replace a folder that got files in this moment
    finally:
        if made.is_dir():
            shutil.rmtree(made)
        else:
            made.unlink(missing_ok=True)


def _require_nothing(place: Path) -> None:
    if os.path.lexists(place):
        expected = "nothing there yet, as no bundle is overwritten"
        raise EvidenceError(str(place), expected=expected, found="something")
