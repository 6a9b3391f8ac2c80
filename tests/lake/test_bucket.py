"""The bucket check against a real S3: what is wrong is named with a remedy, setting by setting."""

from __future__ import annotations

import json
import shlex
import urllib.request
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from chimera_assets.lake import Lake, LakeError
from chimera_assets.lake.bucket import SETTINGS, audit
from chimera_assets.lake.s3_access import _session, s3_client, s3_options

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = [setting.name for setting in SETTINGS]


def findings(bucket: str) -> dict[str, Any]:
    return {one.setting.name: one for one in audit(Lake(f"s3://{bucket}/team/lake"))}


def option(remedy: str, name: str) -> str:
    """The value of an option in a remedy's command line, as a shell would hand it on."""
    words = shlex.split(remedy)
    return words[words.index(name) + 1]


def follow(remedies: dict[str, str], bucket: str) -> None:
    """Do what the remedies say, by the same calls that the AWS command line makes."""
    client = s3_client(s3_options())
    for remedy in remedies.values():
        assert option(remedy, "--bucket") == bucket
    client.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration=json.loads(
            option(remedies["default_encryption"], "--server-side-encryption-configuration")
        ),
    )
    pairs = option(remedies["public_access_block"], "--public-access-block-configuration")
    client.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            name: value == "true" for name, value in (p.split("=") for p in pairs.split(","))
        },
    )
    status = option(remedies["versioning"], "--versioning-configuration").removeprefix("Status=")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
    client.put_bucket_policy(Bucket=bucket, Policy=option(remedies["tls_only"], "--policy"))


def test_a_plain_bucket_is_reported_what_to_do_and_passes_once_it_is_done(bucket: str) -> None:
    before = findings(bucket)
    assert list(before) == NAMES
    assert {one.outcome for one in before.values()} == {"failed"}

    follow({name: one.remedy for name, one in before.items()}, bucket)

    after = findings(bucket)
    assert {name: one.outcome for name, one in after.items()} == dict.fromkeys(NAMES, "passed")


@pytest.fixture
def good(bucket: str) -> str:
    follow({name: one.remedy for name, one in findings(bucket).items()}, bucket)
    return bucket


def test_one_block_off_and_versioning_suspended_are_named(good: str) -> None:
    client = s3_client(s3_options())
    blocks = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy"), True)
    client.put_public_access_block(
        Bucket=good,
        PublicAccessBlockConfiguration=blocks | {"RestrictPublicBuckets": False},
    )
    client.put_bucket_versioning(Bucket=good, VersioningConfiguration={"Status": "Suspended"})

    found = findings(good)

    assert found["public_access_block"].found == "off: RestrictPublicBuckets"
    assert found["versioning"].found == "versioning is suspended"
    assert found["default_encryption"].outcome == found["tls_only"].outcome == "passed"


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:role/reader"}},
        {"Action": "s3:GetObject"},
        {"Resource": "arn:aws:s3:::{bucket}/*"},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "false", "aws:ViaAWSService": "false"}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_policy_that_lets_plain_requests_through_is_none(
    good: str, change: dict[str, Any]
) -> None:
    client = s3_client(s3_options())
    policy = json.loads(client.get_bucket_policy(Bucket=good)["Policy"])
    policy["Statement"][0] |= json.loads(json.dumps(change).replace("{bucket}", good))
    client.put_bucket_policy(Bucket=good, Policy=json.dumps(policy))

    assert findings(good)["tls_only"].outcome == "failed"


@pytest.fixture
def stranger(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Become a user whose rights are few, on an S3 that asks for rights."""
    allowed = ["s3:ListBucket", "s3:GetEncryptionConfiguration", "s3:GetBucketPublicAccessBlock"]
    statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
    iam = boto3.client("iam", endpoint_url=aws, region_name="us-east-1")
    iam.create_user(UserName="stranger")
    iam.put_user_policy(
        UserName="stranger",
        PolicyName="few",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    _session.cache_clear()
    _ask_for_rights(aws, after="0")
    yield
    _ask_for_rights(aws, after="inf")
    _session.cache_clear()


def _ask_for_rights(aws: str, *, after: str) -> None:
    request = urllib.request.Request(  # noqa: S310
        f"{aws}/moto-api/reset-auth", after.encode(), {"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(request).close()  # noqa: S310


def test_what_may_not_be_read_is_not_evaluated(good: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("stranger")  # after the bucket was made by its owner
    found = findings(good)

    assert found["versioning"].outcome == found["tls_only"].outcome == "not evaluated"
    assert "AccessDenied" in found["tls_only"].found
    assert found["tls_only"].remedy == f"allow s3:GetBucketPolicy on {good}"
    assert found["default_encryption"].outcome == "passed"
    assert found["public_access_block"].outcome == "passed"


def test_mistakes_are_reported(aws: str) -> None:
    assert aws
    with pytest.raises(LakeError, match="the bucket does not exist"):
        audit(Lake("s3://no-such-bucket-here/lake"))
    with pytest.raises(LakeError, match="expected a lake on S3"):
        audit(Lake("/tmp/lake"))  # noqa: S108
