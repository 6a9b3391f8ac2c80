"""Where a lake lies, and what is needed to reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chimera_assets.lake import Lake, LakeError
from chimera_assets.lake.s3_access import _session, endpoint, s3_client

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def aws_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An AWS environment of these variables alone."""
    for name in ("REGION", "DEFAULT_REGION", "PROFILE", "ENDPOINT_URL", "ENDPOINT_URL_S3"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    _session.cache_clear()
    return monkeypatch


def test_the_aws_environment_says_how_to_reach_s3(aws_variables: pytest.MonkeyPatch) -> None:
    assert Lake("s3://bucket/lake").storage_options == {
        "connect_timeout": "5s",
        "timeout": "60s",
        "aws_region": "us-east-1",
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
    }
    assert endpoint() is None

    aws_variables.setenv("AWS_DEFAULT_REGION", "eu-south-1")
    aws_variables.setenv("AWS_SESSION_TOKEN", "token")
    aws_variables.setenv("AWS_ENDPOINT_URL", "https://any")
    _session.cache_clear()
    options = Lake("s3://bucket/lake").storage_options
    assert options["aws_region"] == "eu-south-1"
    assert options["aws_session_token"] == "token"  # noqa: S105
    assert options["aws_endpoint_url"] == endpoint() == "https://any"
    assert options["aws_allow_http"] == "false"

    aws_variables.setenv("AWS_ENDPOINT_URL_S3", "http://s3.example")  # the narrower one wins
    options = Lake("s3://bucket/lake").storage_options
    assert options["aws_endpoint_url"] == endpoint() == "http://s3.example"
    assert options["aws_allow_http"] == "true"


@pytest.mark.usefixtures("aws_variables")
def test_options_that_are_given_win_over_the_environment() -> None:
    options = Lake("s3://bucket/lake", {"aws_region": "eu-north-1"}).storage_options
    assert options["aws_region"] == "eu-north-1"
    assert options["aws_access_key_id"] == "key"
    assert Lake("/a/folder", {"aws_region": "eu-north-1"}).storage_options == {}


def test_our_own_client_reaches_the_same_place_and_does_not_wait_for_long() -> None:
    client = s3_client(
        {
            "aws_endpoint_url": "http://s3.example:9000",
            "aws_region": "eu-south-1",
            "aws_access_key_id": "key",
            "aws_secret_access_key": "secret",
            "aws_session_token": "token",
        }
    )
    assert client.meta.endpoint_url == "http://s3.example:9000"
    assert client.meta.region_name == "eu-south-1"
    found = client._request_signer._credentials.get_frozen_credentials()
    assert tuple(found)[:3] == ("key", "secret", "token")
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (5, 20)
    assert config.retries["total_max_attempts"] == 4  # the first one counted


def test_a_table_lies_in_the_folder_of_its_layer(tmp_path: Path) -> None:
    lake = Lake(f"{tmp_path}/lake//")
    table = lake.table("staged", "events")
    assert (lake.uri, table.uri) == (f"{tmp_path}/lake", f"{tmp_path}/lake/staged/events")
    assert (table.layer, table.name) == ("staged", "events")
    assert repr(table) == f"Table('{table.uri}')"
    assert lake.table("staged", "events") is table
    assert lake.table("raw", "events") is not table
    assert Lake("/").uri == "/"


def test_places_that_are_no_lake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place, said in {
        f"{tmp_path}/file": f"{tmp_path}/file: expected a folder for the lake, found that "
        f"{tmp_path}/file is a file",
        f"{tmp_path}/file/below": f"{tmp_path}/file/below: expected a folder for the lake, found "
        f"that {tmp_path}/file is a file",
        "gs://bucket/lake": "gs://bucket/lake: expected a folder or s3://bucket/prefix as the "
        "lake's place",
        "s3:///lake": "s3:///lake: expected s3://bucket/prefix, found no bucket",
    }.items():
        with pytest.raises(LakeError) as refused:
            Lake(place).check()
        assert str(refused.value) == said
        with pytest.raises(LakeError):
            Lake(place).tables()
        with pytest.raises(LakeError):
            Lake(place).table("raw", "events")
