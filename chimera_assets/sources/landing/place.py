"""Where files are dropped: `<root>/<stream>/...`, a folder or an S3 prefix."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chimera_assets.lake.storage import endpoint, is_s3, s3_client, s3_options
from chimera_assets.sources.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a file is, by the end of its name; each may be followed by `.gz`.
FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}

_GZIP = ".gz"
_TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".swp", ".filepart")
_COPY_BYTES = 8 * 2**20
_MISSING = 404
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class LandingFile:
    """A file as a listing shows it.

    Attributes:
        uri: Its absolute path or `s3://` URI.
        size: Its bytes.
        mark: What changes when it is written again: times of a local file, the ETag in S3.
        modified: When it was last written, UTC.
    """

    uri: str
    size: int
    mark: str
    modified: datetime

    @property
    def in_s3(self) -> bool:
        """Whether it is an object, which only appears when it is whole."""
        return is_s3(self.uri)

    @property
    def format(self) -> str | None:
        """A value of `FORMATS`, or None for a name that says nothing we know."""
        return FORMATS.get(PurePosixPath(self.uri.removesuffix(_GZIP)).suffix.lower())

    @property
    def zipped(self) -> bool:
        """Whether it is gzipped, by its name."""
        return self.uri.endswith(_GZIP)


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
        if is_s3(self.root):
            with _S3(self.root) as (client, bucket, prefix):
                pages = client.get_paginator("list_objects_v2").paginate(
                    Bucket=bucket, Prefix=prefix, Delimiter="/"
                )
                found = [
                    each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())
                ]
            return sorted(each.rstrip("/").rsplit("/", 1)[-1] for each in found)
        with _local_errors(self.root):
            if not Path(self.root).is_dir():
                return []
            return sorted(each.name for each in os.scandir(self.root) if each.is_dir())

    def files(self, stream: str) -> list[LandingFile]:
        """The stream's files, oldest first; what is hidden or temporary by its name left out.

        Raises:
            SourceError: The folder or bucket cannot be listed.
        """
        under = f"{self.root}/{stream}"
        found = _s3_files(under) if is_s3(under) else _local_files(under)
        return sorted(found, key=lambda file: (file.modified, file.uri))

    def again(self, file: LandingFile) -> LandingFile | None:
        """The file as it is now; None if it is gone. Only local files can change while read."""
        if file.in_s3:
            return file
        try:
            return _local_file(file.uri, Path(file.uri).stat())
        except FileNotFoundError:
            return None

    def fetch(self, file: LandingFile, folder: Path) -> Path:
        """The file on this machine: itself, or a copy of the very object that was listed.

        Raises:
            FileNotFoundError: It is gone, or another object is under its name now.
            SourceError: It cannot be read.
        """
        if not file.in_s3:
            return Path(file.uri)
        target = folder / PurePosixPath(file.uri).name
        with _S3(file.uri) as (client, bucket, prefix):
            answer = client.get_object(Bucket=bucket, Key=prefix.rstrip("/"), IfMatch=file.mark)
            with target.open("wb") as copy:
                for part in answer["Body"].iter_chunks(_COPY_BYTES):
                    copy.write(part)
        return target


def _is_dropped(relative: PurePosixPath) -> bool:
    return not (
        any(part.startswith((".", "_")) for part in relative.parts)
        or relative.name.lower().endswith((*_TEMPORARY, "~"))
    )


def _local_files(folder: str) -> Iterator[LandingFile]:
    with _local_errors(folder):
        for above, folders, names in os.walk(folder, onerror=_refuse):
            folders[:] = [name for name in folders if not name.startswith((".", "_"))]
            for name in names:
                if not _is_dropped(PurePosixPath(name)):
                    continue
                path = f"{above}/{name}"
                try:
                    about = Path(path).stat()
                except FileNotFoundError:
                    continue  # gone since, or a link to nothing
                if stat.S_ISREG(about.st_mode):
                    yield _local_file(path, about)


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _local_file(path: str, about: os.stat_result) -> LandingFile:
    modified = datetime.fromtimestamp(about.st_mtime_ns // 1000 / 1_000_000, UTC)
    return LandingFile(path, about.st_size, f"{about.st_mtime_ns}-{about.st_ctime_ns}", modified)


def _s3_files(under: str) -> Iterator[LandingFile]:
    with _S3(under) as (client, bucket, prefix):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", ()):
                relative = PurePosixPath(each["Key"][len(prefix) :])
                if not each["Key"].endswith("/") and _is_dropped(relative):
                    uri = f"s3://{bucket}/{each['Key']}"
                    modified = each["LastModified"].astimezone(UTC)
                    yield LandingFile(uri, each["Size"], each["ETag"], modified)


class _S3:
    """A client, bucket and prefix (with a slash at its end); its errors in one line each."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

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
