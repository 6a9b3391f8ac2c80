"""Files beside the tables, each put as a whole: in a folder of the lake, or under a prefix on S3.

Whoever reads one sees all of it or what was there before. In a folder they are for our eyes alone;
on S3 they are encrypted as the bucket has it, or by S3's own keys.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chimera_assets.errors import without_userinfo
from chimera_assets.lake.errors import LakeError, StorageUnavailable
from chimera_assets.lake.s3_access import s3_client
from chimera_assets.lake.storage import is_s3, remove_folder, stored_files
from chimera_assets.paths import make_private, write_private

if TYPE_CHECKING:
    from chimera_assets.lake.location import LakeRoot

_GONE = {"404", "NoSuchKey"}


class Objects:
    """The files below one folder of a lake.

    Args:
        root: The lake's root.
        folder: The folder's name, `audit` for instance.
    """

    def __init__(self, root: LakeRoot, folder: str) -> None:
        self._root = root
        self.uri = f"{root.uri}/{folder}"

    def read(self, path: str) -> bytes:
        """A file's bytes.

        Args:
            path: Below the folder, with `/` between its parts.

        Raises:
            FileNotFoundError: There is none.
            LakeError: The storage refuses.
            StorageUnavailable: The storage cannot be reached.
        """
        return self._read_object(path) if is_s3(self.uri) else Path(self.uri, path).read_bytes()

    def put(self, path: str, data: bytes) -> None:
        """Write a file, in the place of one that is there.

        Raises:
            LakeError: The storage refuses.
            StorageUnavailable: The storage cannot be reached.
        """
        if is_s3(self.uri):
            self._put_object(path, data)
        else:
            Path(self._root.uri).mkdir(parents=True, exist_ok=True)  # with rights as others make it
            write_private(Path(self.uri, path), data)

    def make_folder(self, path: str) -> None:
        """Make a folder, for our eyes alone; S3 has none."""
        if not is_s3(self.uri):
            make_private(Path(self.uri, path))

    def remove_folder(self, path: str) -> None:
        """Delete every file below a path; none is fine."""
        remove_folder(f"{self.uri}/{path}", self._root.storage_options)

    def sizes(self, below: str = "") -> dict[str, int]:
        """Every file below the folder, or below a path in it: path from there -> bytes."""
        return stored_files(f"{self.uri}/{below}".rstrip("/"), self._root.storage_options)

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401
        return s3_client(self._root.storage_options)

    @cached_property
    def _encryption(self) -> dict[str, str]:
        """What a put has to say so that the object is encrypted: nothing, if the bucket does it."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - heavy

        try:
            self._client.get_bucket_encryption(Bucket=urlsplit(self.uri).netloc)
        except ClientError:  # nothing is set, or we may not know
            return {"ServerSideEncryption": "AES256"}
        return {}

    def _read_object(self, path: str) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - heavy

        try:
            found: bytes = self._client.get_object(**self._place(path))["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _GONE:
                raise FileNotFoundError(path) from None
            raise self._refused(path, error) from None
        except BotoCoreError as error:
            raise self._unavailable(path, error) from None
        return found

    def _put_object(self, path: str, data: bytes) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - heavy

        try:
            self._client.put_object(**self._place(path), Body=data, **self._encryption)
        except ClientError as error:
            raise self._refused(path, error) from None
        except BotoCoreError as error:
            raise self._unavailable(path, error) from None

    def _place(self, path: str) -> dict[str, str]:
        parts = urlsplit(self.uri)
        return {"Bucket": parts.netloc, "Key": f"{parts.path.strip('/')}/{path}"}

    def _refused(self, path: str, error: Exception) -> LakeError:
        return LakeError(without_userinfo(f"{self.uri}/{path}: {error}"))

    def _unavailable(self, path: str, error: Exception) -> StorageUnavailable:
        return StorageUnavailable(without_userinfo(f"{self.uri}/{path}: {error}"))
