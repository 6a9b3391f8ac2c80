"""Where tables lie: a folder or an S3 bucket, by the standard AWS variables.

Commits on S3 are safe by conditional puts, which are deltalake's default; no lock provider is
set, and nothing here ever asks for unsafe renames.
"""

from __future__ import annotations

import contextlib
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chimera_assets.errors import without_userinfo
from chimera_assets.lake.errors import LakeError, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOG_FOLDER = "_delta_log"

_DEFAULT_REGION = "us-east-1"


def is_s3(uri: str) -> bool:
    """Whether the URI names an S3 bucket."""
    return uri.startswith("s3://")


def endpoint() -> str | None:
    """The S3 endpoint that the environment names, None for AWS itself."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def s3_options(overrides: Mapping[str, str] | None = None) -> dict[str, str]:
    """Options for deltalake and Polars, from the AWS environment, profiles included.

    Args:
        overrides: Options that win over the environment, in object_store's names.
    """
    options = {"connect_timeout": "5s", "timeout": "60s"}
    session = _session()
    options["aws_region"] = session.get_config_variable("region") or _DEFAULT_REGION
    credentials = session.get_credentials()
    if credentials is not None:
        # Frozen on each use, so that short-lived credentials are renewed.
        frozen = credentials.get_frozen_credentials()
        options["aws_access_key_id"] = frozen.access_key
        options["aws_secret_access_key"] = frozen.secret_key
        if frozen.token:
            options["aws_session_token"] = frozen.token
    if custom := endpoint():
        options["aws_endpoint_url"] = custom
        options["aws_allow_http"] = str(custom.startswith("http://")).lower()
    return options | dict(overrides or {})


@lru_cache(maxsize=1)
def _session() -> Any:  # noqa: ANN401
    from botocore.session import Session  # noqa: PLC0415

    return Session()


def s3_client(options: Mapping[str, str]) -> Any:  # noqa: ANN401
    """A boto3 client for the same place as `options`, with short timeouts."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client(
        "s3",
        endpoint_url=options.get("aws_endpoint_url"),
        region_name=options.get("aws_region"),
        aws_access_key_id=options.get("aws_access_key_id"),
        aws_secret_access_key=options.get("aws_secret_access_key"),
        aws_session_token=options.get("aws_session_token"),
        config=Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 3}),
    )


def check_root(uri: str, options: Mapping[str, str]) -> None:
    """Find out at once, and say clearly, if the lake cannot be where the URI says.

    Raises:
        LakeError: The path is a file or the bucket does not exist.
        StorageUnavailable: The S3 endpoint cannot be reached.
    """
    if is_s3(uri):
        _check_bucket(uri, options)
    elif "://" in uri:
        msg = f"{uri}: expected a folder or s3://bucket/prefix as the lake's place"
        raise LakeError(msg)
    else:
        _check_folder(Path(uri))


def _check_folder(path: Path) -> None:
    for place in (path, *path.parents):
        if place.is_dir():
            return
        if place.exists():
            msg = f"{path}: expected a folder for the lake, found that {place} is a file"
            raise LakeError(msg)


def _check_bucket(uri: str, options: Mapping[str, str]) -> None:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    bucket = urlsplit(uri).netloc
    where = options.get("aws_endpoint_url", "AWS")
    if not bucket:
        msg = f"{uri}: expected s3://bucket/prefix, found no bucket"
        raise LakeError(msg)
    try:
        s3_client(options).head_bucket(Bucket=bucket)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status == 404:  # noqa: PLR2004
            msg = f"{uri}: the bucket {bucket} does not exist at {where}; create it first"
            raise LakeError(msg) from None
        if status >= 500:  # noqa: PLR2004
            msg = f"{uri}: {where} answers with an error ({status}); try again later"
            raise StorageUnavailable(msg) from None
        # 403: the right to read the bucket's head is not needed for reading and writing objects.
    except BotoCoreError as error:
        msg = without_userinfo(f"{uri}: cannot reach S3 at {where}: {error}")
        raise StorageUnavailable(msg) from None


def table_folders(uri: str, options: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The (layer, name) of every table under the lake's root, in order."""
    return _s3_tables(uri, options) if is_s3(uri) else _local_tables(Path(uri))


def _local_tables(root: Path) -> Iterator[tuple[str, str]]:
    for log in sorted(root.glob(f"*/*/{LOG_FOLDER}")):
        yield log.parent.parent.name, log.parent.name


def _s3_tables(uri: str, options: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    parts = urlsplit(uri)
    client = s3_client(options)
    prefix = parts.path.strip("/")
    root = f"{prefix}/" if prefix else ""
    for layer in _s3_folders(client, parts.netloc, root):
        for table in _s3_folders(client, parts.netloc, layer):
            if f"{table}{LOG_FOLDER}/" in _s3_folders(client, parts.netloc, f"{table}{LOG_FOLDER}"):
                yield layer.rstrip("/").rsplit("/", 1)[-1], table.rstrip("/").rsplit("/", 1)[-1]


def stored_files(uri: str, options: Mapping[str, str]) -> dict[str, int]:
    """Every file under a table's place, its log included: path below the place -> bytes."""
    return dict(_s3_files(uri, options) if is_s3(uri) else _local_files(uri))


def _local_files(uri: str) -> Iterator[tuple[str, int]]:
    for folder, _, names in os.walk(uri):
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118 - a third of the time of Path
            with contextlib.suppress(FileNotFoundError):  # somebody else's temporary file
                yield path[len(uri) + 1 :].replace(os.sep, "/"), os.stat(path).st_size  # noqa: PTH116


def _s3_files(uri: str, options: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    parts = urlsplit(uri)
    prefix = f"{parts.path.strip('/')}/"
    pages = s3_client(options).get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=parts.netloc, Prefix=prefix):
        for each in page.get("Contents", ()):
            yield each["Key"].removeprefix(prefix), each["Size"]


def _s3_folders(client: Any, bucket: str, prefix: str) -> list[str]:  # noqa: ANN401
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, Delimiter="/"
    )
    return sorted(each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ()))
