"""Whether the lake's bucket is set up as a bucket with evidence should be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from chimera_assets.errors import without_userinfo
from chimera_assets.lake.errors import LakeError, StorageUnavailable
from chimera_assets.lake.s3_access import s3_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.lake.lake import Lake

Outcome = Literal["passed", "failed", "not evaluated"]

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")

#: What S3 answers when nothing is set; anything else that it refuses leaves the setting unknown.
_NOTHING_SET = {
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchBucketPolicy",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that a bucket should have.

    Attributes:
        name: `default_encryption` and so on.
        asked: What is asked for, in words.
        right: The right that is needed to read it.
        remedy: The AWS command line that sets it; `{bucket}` stands for the bucket.
    """

    name: str
    asked: str
    right: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a setting; one that could not be read is not evaluated, never passed."""

    setting: Setting
    outcome: Outcome
    found: str
    remedy: str


SETTINGS = (
    Setting(
        "default_encryption",
        "Objects are encrypted unless their writer says otherwise.",
        "s3:GetEncryptionConfiguration",
        "aws s3api put-bucket-encryption --bucket {bucket} "
        "--server-side-encryption-configuration "
        '\'{{"Rules": [{{"ApplyServerSideEncryptionByDefault": {{"SSEAlgorithm": "aws:kms"}}, '
        '"BucketKeyEnabled": true}}]}}\'',
    ),
    Setting(
        "public_access_block",
        "All four blocks of public access are on.",
        "s3:GetBucketPublicAccessBlock",
        "aws s3api put-public-access-block --bucket {bucket} "
        "--public-access-block-configuration " + ",".join(f"{name}=true" for name in _BLOCKS),
    ),
    Setting(
        "versioning",
        "Versions of deleted and replaced objects are kept.",
        "s3:GetBucketVersioning",
        "aws s3api put-bucket-versioning --bucket {bucket} "
        "--versioning-configuration Status=Enabled",
    ),
    Setting(
        "tls_only",
        "A policy refuses every request that is not encrypted on its way.",
        "s3:GetBucketPolicy",
        # A bucket has one policy: this statement has to join what is there already.
        "aws s3api put-bucket-policy --bucket {bucket} --policy "
        '\'{{"Version": "2012-10-17", "Statement": [{{"Sid": "TlsOnly", "Effect": "Deny", '
        '"Principal": "*", "Action": "s3:*", '
        '"Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"], '
        '"Condition": {{"Bool": {{"aws:SecureTransport": "false"}}}}}}]}}\' '
        "(together with the statements of the policy that is there)",
    ),
)


def audit(lake: Lake) -> list[Finding]:
    """One finding a setting, of the bucket that the lake is in.

    Raises:
        LakeError: The lake is in a folder, or the bucket does not exist.
        StorageUnavailable: S3 cannot be reached.
    """
    parts = urlsplit(lake.uri)
    if parts.scheme != "s3":
        msg = f"{lake.uri}: expected a lake on S3, found a folder"
        raise LakeError(msg)
    client = s3_client(lake.storage_options)
    return [_finding(client, parts.netloc, setting) for setting in SETTINGS]


def _finding(client: Any, bucket: str, setting: Setting) -> Finding:  # noqa: ANN401
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    remedy = setting.remedy.format(bucket=bucket)
    try:
        fault = _READERS[setting.name](client, bucket)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "no code")
        if code == "NoSuchBucket":
            msg = f"s3://{bucket}: the bucket does not exist"
            raise LakeError(msg) from None
        if code in _NOTHING_SET:
            return Finding(setting, "failed", "nothing is set", remedy)
        found = f"S3 answered {code}; reading this takes the right {setting.right}"
        return Finding(setting, "not evaluated", found, f"allow {setting.right} on {bucket}")
    except BotoCoreError as error:
        msg = without_userinfo(f"s3://{bucket}: cannot reach S3: {error}")
        raise StorageUnavailable(msg) from None
    if fault is None:
        return Finding(setting, "passed", "as asked", "")
    return Finding(setting, "failed", fault, remedy)


def _encryption(client: Any, bucket: str) -> str | None:  # noqa: ANN401
    configured = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    rules = [rule.get("ApplyServerSideEncryptionByDefault") for rule in configured.get("Rules", ())]
    return None if any(rules) else "no rule encrypts by default"


def _public_access(client: Any, bucket: str) -> str | None:  # noqa: ANN401
    blocks = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    off = [name for name in _BLOCKS if not blocks.get(name)]
    return f"off: {', '.join(off)}" if off else None


def _versioning(client: Any, bucket: str) -> str | None:  # noqa: ANN401
    status = client.get_bucket_versioning(Bucket=bucket).get("Status")
    return None if status == "Enabled" else f"versioning is {(status or 'off').lower()}"


def _tls_only(client: Any, bucket: str) -> str | None:  # noqa: ANN401
    policy = json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"])
    statements = _list(policy.get("Statement", ()))
    if any(_refuses_plain_http(statement, bucket) for statement in statements):
        return None
    return "no statement denies all of S3 to everybody where aws:SecureTransport is false"


def _refuses_plain_http(statement: dict[str, Any], bucket: str) -> bool:
    condition = statement.get("Condition", {})
    bools = {
        name.lower(): [str(value).lower() for value in _list(given)]
        for name, given in condition.get("Bool", {}).items()
    }
    resources = set(_list(statement.get("Resource", ())))
    whole = {f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"}
    return (
        statement.get("Effect") == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and bool({"s3:*", "*"} & set(_list(statement.get("Action", ()))))
        and (resources >= whole or bool(resources & {"*", f"arn:aws:s3:::{bucket}*"}))
        # Any further condition would let some plain requests through.
        and bools == {"aws:securetransport": ["false"]}
        and set(condition) == {"Bool"}
    )


def _list(value: Any) -> list[Any]:  # noqa: ANN401
    return list(value) if isinstance(value, (list, tuple)) else [value]


_READERS: dict[str, Callable[[Any, str], str | None]] = {
    "default_encryption": _encryption,
    "public_access_block": _public_access,
    "versioning": _versioning,
    "tls_only": _tls_only,
}
