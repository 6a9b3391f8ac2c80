"""Who asks S3, and where, by the standard AWS variables, profiles and roles included."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chimera_assets.errors import SettingError, one_line, without_userinfo
from chimera_assets.lake.errors import LakeError, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT_REGION = "us-east-1"


def endpoint() -> str | None:
    """The S3 endpoint that the environment names, None for AWS itself.

    Raises:
        SettingError: It is no URL; a client would take it for a host's name or fail on it.
    """
    for variable in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        if given := os.environ.get(variable):
            if not _is_http_url(given):
                expected = "an http or https URL with a host, http://127.0.0.1:9000 for instance"
                raise SettingError(variable, expected=expected, found=given)
            return given
    return None


def _is_http_url(given: str) -> bool:
    try:
        parts = urlsplit(given)
        _ = parts.port  # which is read, and may be no number, only here
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"} and bool(parts.hostname) and not set(given) & set(" \t")
    )


def s3_options(overrides: Mapping[str, str] | None = None) -> dict[str, str]:
    """Options for deltalake and Polars, from the AWS environment, profiles included.

    Args:
        overrides: Options that win over the environment, in object_store's names.

    Raises:
        SettingError: A variable names no URL or no profile, or a key has no secret.
        LakeError: What the AWS configuration says cannot be used.
        StorageUnavailable: Short-lived credentials could not be had.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - heavy

    options = {"connect_timeout": "5s", "timeout": "60s"}
    try:
        options |= _region_and_credentials()
    except (BotoCoreError, ClientError) as error:
        raise _translated(error) from None
    if custom := endpoint():
        options["aws_endpoint_url"] = custom
        options["aws_allow_http"] = str(custom.startswith("http://")).lower()
    return options | dict(overrides or {})


def _region_and_credentials() -> dict[str, str]:
    session = _session()
    # botocore itself knows only the older AWS_DEFAULT_REGION.
    region = os.environ.get("AWS_REGION") or session.get_config_variable("region")
    options = {"aws_region": region or _DEFAULT_REGION}
    credentials = session.get_credentials()
    if credentials is not None:
        # Frozen on each use, so that short-lived credentials are renewed.
        frozen = credentials.get_frozen_credentials()
        options["aws_access_key_id"] = frozen.access_key
        options["aws_secret_access_key"] = frozen.secret_key
        if frozen.token:
            options["aws_session_token"] = frozen.token
    elif os.environ.get("AWS_SECRET_ACCESS_KEY"):
        raise SettingError(
            "AWS_ACCESS_KEY_ID",
            expected="the key that AWS_SECRET_ACCESS_KEY belongs to",
            found="none; set both, or neither to use a profile or a role",
        )
    return options


@lru_cache(maxsize=1)
def _session() -> Any:  # noqa: ANN401
    from botocore.session import Session  # noqa: PLC0415

    return Session()


def _translated(error: Exception) -> LakeError | SettingError:
    """An error of botocore's about who asks, in one line, without a secret."""
    from botocore.exceptions import (  # noqa: PLC0415
        CredentialRetrievalError,
        HTTPClientError,
        PartialCredentialsError,
        ProfileNotFound,
    )

    if isinstance(error, PartialCredentialsError) and os.environ.get("AWS_ACCESS_KEY_ID"):
        return SettingError(
            "AWS_SECRET_ACCESS_KEY",
            expected="the secret of the key in AWS_ACCESS_KEY_ID",
            found="none; set both, or neither to use a profile or a role",
        )
    if isinstance(error, ProfileNotFound):
        variable = "AWS_DEFAULT_PROFILE" if os.environ.get("AWS_DEFAULT_PROFILE") else "AWS_PROFILE"
        return SettingError(
            variable,
            expected="a profile of AWS's config or credentials file",
            found=f"{os.environ.get(variable)!r}, which neither has; "
            "`aws configure list-profiles` lists them",
        )
    kind = LakeError
    if isinstance(error, (HTTPClientError, CredentialRetrievalError)):
        kind = StorageUnavailable
    return kind(f"S3: cannot find out who asks: {one_line(without_userinfo(str(error)), 300)}")


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
