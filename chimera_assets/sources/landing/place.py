"""Where files are dropped: `<root>/<stream>/...`, a folder or an S3 prefix."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chimera_assets.lake.s3_access import endpoint, s3_client, s3_options
from chimera_assets.lake.storage import is_s3
from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.landing.damage import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a file is, by the end of its name; each may be followed by `.gz`.
FORMATS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
}

_GZIP = ".gz"
_TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".swp", ".filepart")
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
#: Whoever may write into the folder is not to have read what only the platform's user may.
_LINK_OUT = "a link out of the landing folder"
_COPY_BYTES = 8 * 2**20
_MISSING = 404
#: Answers that are about one object: refused, archived, encrypted with a key that is not ours.
_OF_ONE = frozenset({400, 403, 405, 412})
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class LandingFile:
    """A file as a listing shows it.

    Attributes:
        path: Its absolute path, as the system spells it, or `s3://` URI.
        size: Its bytes.
        mark: What changes when it is written again: times of a local file, the ETag in S3.
        modified: When it was last written, UTC.
    """

    path: str
    size: int
    mark: str
    modified: datetime

    @property
    def uri(self) -> str:
        """What it is called in the lake: its path, bytes that are no UTF-8 as escapes."""
        return os.fsencode(self.path).decode("utf-8", "backslashreplace")

    @property
    def in_s3(self) -> bool:
        """Whether it is an object, which only appears when it is whole."""
        return is_s3(self.path)

    @property
    def format(self) -> str | None:
        """A value of `FORMATS`, or None for a name that says nothing we know."""
        name = PurePosixPath(self.path).name.lower()
        return FORMATS.get(PurePosixPath(name.removesuffix(_GZIP)).suffix)

    @property
    def zipped(self) -> bool:
        """Whether it is gzipped, by its name."""
        return self.path.lower().endswith(_GZIP)


class Place:
    """The root under which files are dropped.

    Args:
        root: A folder's path or `s3://bucket/prefix`.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def folders(self) -> list[str]:
        """The names of the folders under the root; a stream's is named after it.

        Raises:
            SourceError: The folder or bucket cannot be listed.
        """
        return [name for name, is_folder in self._top() if is_folder]

    def loose_files(self) -> list[str]:
        """The names of files that lie right under the root, where they are of no stream.

        Raises:
            SourceError: The folder or bucket cannot be listed.
        """
        found = (name for name, is_folder in self._top() if not is_folder)
        return [name for name in found if _is_dropped(PurePosixPath(name))]

    def _top(self) -> list[tuple[str, bool]]:
        """The names right under the root, in order, and whether each is a folder."""
        if is_s3(self.root):
            with _S3(self.root) as (client, bucket, prefix):
                paginator = client.get_paginator("list_objects_v2")
                pages = list(paginator.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"))
            folders = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
            files = [each["Key"] for page in pages for each in page.get("Contents", ())]
            named = [(each.rstrip("/"), True) for each in folders]
            named += [(each, False) for each in files if not each.endswith("/")]
            return sorted((path.rsplit("/", 1)[-1], is_folder) for path, is_folder in named)
        with _local_errors(self.root):
            if not Path(self.root).is_dir():
                return []
            return sorted((each.name, each.is_dir()) for each in os.scandir(self.root))

    def files(self, stream: str) -> list[LandingFile]:
        """The stream's files, oldest first; what is hidden or temporary by its name left out.

        Raises:
            SourceError: The folder or bucket cannot be listed.
        """
        under = f"{self.root}/{stream}"
        found = _s3_files(under) if is_s3(under) else _Folder(self.root, stream).files()
        return sorted(found, key=lambda file: (file.modified, file.path))

    def no_files(self, stream: str) -> dict[str, str]:
        """What lies among the stream's files and is none, by path: what it is instead.

        Raises:
            SourceError: The folder cannot be listed.
        """
        if is_s3(self.root):
            return {}
        folder = _Folder(self.root, stream)
        for _ in folder.files():
            pass
        return folder.no_files

    def again(self, file: LandingFile) -> LandingFile | None:
        """The file as it is now; None if it is gone. Only local files can change while read."""
        if file.in_s3:
            return file
        try:
            about = Path(file.path).stat()
        except OSError:
            return None
        return _local_file(file.path, about) if stat.S_ISREG(about.st_mode) else None

    def fetch(self, file: LandingFile, folder: Path) -> Path:
        """The file on this machine: itself, or a copy of the very object that was listed.

        Raises:
            FileNotFoundError: It is gone, or another object is under its name now.
            Unreadable: This one object is refused, or a link was put in the file's place that
                leads out of the root.
            SourceError: S3 does not answer.
        """
        if not file.in_s3:
            if _leads_out(file.path, self.root):
                raise Unreadable(_LINK_OUT)
            return Path(file.path)
        # Its name may be longer than a file's can be, or have characters that no file has.
        target = folder / "object"
        with _S3(file.path, of_one=True) as (client, bucket, _):
            key = file.path.removeprefix(f"s3://{bucket}/")
            answer = client.get_object(Bucket=bucket, Key=key, IfMatch=file.mark)
            with target.open("wb") as copy:
                for part in answer["Body"].iter_chunks(_COPY_BYTES):
                    copy.write(part)
        return target


def _is_dropped(relative: PurePosixPath) -> bool:
    return not (
        any(part.startswith((".", "_")) for part in relative.parts)
        or relative.name.lower().endswith((*_TEMPORARY, "~"))
    )


def _leads_out(path: str, root: str) -> bool:
    """Whether a link leads out of the root, which may itself be one.

    Links inside are right: that is how Kubernetes mounts files.
    """
    inside = os.path.realpath(root)
    return os.path.commonpath([inside, os.path.realpath(path)]) != inside


class _Folder:
    """A stream's folder of this machine, with all folders below it.

    Args:
        root: The landing folder.
        stream: The stream.

    Attributes:
        no_files: What was met there under a file's name and is none, by path; filled by `files`.
    """

    def __init__(self, root: str, stream: str) -> None:
        self.no_files: dict[str, str] = {}
        self._root, self._path = root, f"{root}/{stream}"

    def files(self) -> Iterator[LandingFile]:
        """The files; a folder below that cannot be listed is none of them.

        Raises:
            SourceError: The folder itself cannot be listed.
        """
        if _leads_out(self._path, self._root):
            self.no_files[self._path] = _LINK_OUT
            return
        with _local_errors(self._path):
            for above, folders, names in os.walk(self._path, onerror=self._refuse):
                folders[:] = [name for name in folders if not name.startswith((".", "_"))]
                for name in folders:
                    if Path(above, name).is_symlink():  # which `walk` does not follow
                        self.no_files[f"{above}/{name}"] = "a link to a folder"
                for name in names:
                    if _is_dropped(PurePosixPath(name)):
                        yield from self._file(f"{above}/{name}")

    def _file(self, path: str) -> Iterator[LandingFile]:
        try:
            about = Path(path).stat()
        except OSError as error:
            if Path(path).is_symlink():
                self.no_files[path] = "a link that leads nowhere"
            elif not isinstance(error, FileNotFoundError):  # gone since
                self.no_files[path] = f"cannot be looked at ({error.strerror})"
            return
        if not stat.S_ISREG(about.st_mode):
            self.no_files[path] = _KINDS.get(stat.S_IFMT(about.st_mode), "no file")
        elif Path(path).is_symlink() and _leads_out(path, self._root):
            self.no_files[path] = _LINK_OUT
        else:
            yield _local_file(path, about)

    def _refuse(self, error: OSError) -> None:
        if isinstance(error, FileNotFoundError):
            return
        if error.filename == self._path:
            raise error
        self.no_files[str(error.filename)] = f"a folder that cannot be listed ({error.strerror})"


def _local_file(path: str, about: os.stat_result) -> LandingFile:
    mark = f"{about.st_mtime_ns}-{about.st_ctime_ns}"
    return LandingFile(path, about.st_size, mark, _moment(about.st_mtime_ns))


def _moment(nanoseconds: int) -> datetime:
    """A file's time; one that no calendar has is as good as the first there is."""
    try:
        return datetime.fromtimestamp(nanoseconds // 1000 / 1_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.min.replace(tzinfo=UTC)


def _s3_files(under: str) -> Iterator[LandingFile]:
    with _S3(under) as (client, bucket, prefix):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", ()):
                relative = PurePosixPath(each["Key"][len(prefix) :])
                if not each["Key"].endswith("/") and _is_dropped(relative):
                    path = f"s3://{bucket}/{each['Key']}"
                    modified = each["LastModified"].astimezone(UTC)
                    yield LandingFile(path, each["Size"], each["ETag"], modified)


class _S3:
    """A client, bucket and prefix (with a slash at its end); its errors in one line each.

    Args:
        uri: A prefix, or an object.
        of_one: Whether it is one object, the refusal of which is its own.
    """

    def __init__(self, uri: str, *, of_one: bool = False) -> None:
        self._uri, self._of_one = uri, of_one

    def __enter__(self) -> tuple[Any, str, str]:
        parts = urlsplit(self._uri)
        prefix = self._uri.removeprefix(f"s3://{parts.netloc}").strip("/")
        client = s3_client(s3_options())
        return client, parts.netloc, f"{prefix}/" if prefix else ""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        from botocore.exceptions import (  # noqa: PLC0415 - heavy
            BotoCoreError,
            ClientError,
            HTTPClientError,
        )

        where = endpoint() or "AWS"
        if isinstance(error, ClientError):
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            code = error.response.get("Error", {}).get("Code", "")
            if code in {"PreconditionFailed", "NoSuchKey"}:
                raise FileNotFoundError(self._uri) from None
            if self._of_one and status in _OF_ONE:
                message = f"cannot be read (S3 answers {code or status})"
                raise Unreadable(message) from None
            bucket = urlsplit(self._uri).netloc
            problem, remedy = f"S3 at {where} answers {code or status}", "check the rights to read"
            if status == _MISSING:
                problem = f"the bucket {bucket} does not exist at {where}"
                remedy = "create it, or set CHIMERA_LANDING_URI"
            elif status >= _SERVER_ERROR:
                remedy = "try again later"
            raise SourceError(
                self._uri, problem, remedy=remedy, transient=status >= _SERVER_ERROR
            ) from None
        if isinstance(error, (BotoCoreError, HTTPClientError)):
            raise SourceError(
                self._uri,
                f"cannot reach S3 at {where}: {error}",
                remedy="try again",
                transient=True,
            ) from None


class _local_errors:  # noqa: N801 - used as a function
    def __init__(self, folder: str) -> None:
        self._folder = folder

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, OSError):
            raise SourceError(
                self._folder,
                f"cannot be listed ({error.strerror})",
                remedy="check the folder and its rights, or set CHIMERA_LANDING_URI",
            ) from None
