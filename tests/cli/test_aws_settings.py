"""The AWS variables: a file `.env` may say them, and a mistake in one costs a line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from chimera_assets.lake import Lake, open_lake
from chimera_assets.lake.s3_access import _session
from chimera_assets.settings import get_settings
from tests.cli.conftest import one_line, process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Chimera

NOWHERE = "http://127.0.0.1:9"
ELSEWHERE = "http://127.0.0.1:10"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder of somebody whose environment says nothing of AWS."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = "none"
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    _session.cache_clear()
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)
    _session.cache_clear()


def write(folder: Path, **variables: str) -> None:
    lines = (f"{name}={value}\n" for name, value in variables.items())
    (folder / ".env").write_text("CHIMERA_LAKE_URI=s3://bucket/lake\n" + "".join(lines))


def aws() -> dict[str, str]:
    """What processes get that are started after the settings were read."""
    get_settings.cache_clear()
    get_settings()
    ours = {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"}
    found = os.environ.items()
    return {name: value for name, value in found if name.startswith("AWS_") and name not in ours}


def test_a_lake_and_landing_files_are_asked_for_where_the_file_says(folder: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "zq7secret"}
    write(folder, AWS_ENDPOINT_URL=NOWHERE, **keys)
    said = process("status", cwd=folder)
    assert f"cannot reach S3 at {NOWHERE}" in one_line(said)
    assert "zq7secret" not in said.err

    said = process("status", cwd=folder, AWS_ENDPOINT_URL=ELSEWHERE)
    assert f"cannot reach S3 at {ELSEWHERE}" in one_line(said)  # the environment is stronger

    local = {"CHIMERA_LAKE_URI": "lake", "CHIMERA_LANDING_URI": "s3://bucket/landing"}
    said = process("status", cwd=folder, **local)
    assert f"cannot reach S3 at {NOWHERE}" in one_line(said)


def test_the_environment_is_stronger_also_by_another_name(folder: Path) -> None:
    in_file = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_REGION": "eu-south-1",
        "AWS_ENDPOINT_URL_S3": NOWHERE,
        "AWS_CA_BUNDLE": "/etc/ca.pem",
    }
    write(folder, **in_file)
    assert aws() == in_file
    for name in in_file:
        del os.environ[name]

    theirs = {
        "AWS_PROFILE": "mine",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "AWS_ENDPOINT_URL": ELSEWHERE,
        "AWS_CA_BUNDLE": "",
    }
    os.environ |= theirs
    assert aws() == {**theirs, "AWS_CA_BUNDLE": "/etc/ca.pem"}
    del os.environ["AWS_PROFILE"]

    os.environ |= {"AWS_ACCESS_KEY_ID": "theirs", "AWS_SECRET_ACCESS_KEY": "theirs"}
    assert "AWS_SESSION_TOKEN" not in aws()  # a token of another key


KEY = {"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "zq7secret"}
NO_URL = "expected an http or https URL with a host, http://127.0.0.1:9000 for instance, found "
BOTH = "found none; set both, or neither to use a profile or a role"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({**KEY, "AWS_ENDPOINT_URL": "127.0.0.1:9"}, f"AWS_ENDPOINT_URL: {NO_URL}127.0.0.1:9"),
        (
            {**KEY, "AWS_ENDPOINT_URL_S3": "http://ann:zq7secret@:9"},
            f"AWS_ENDPOINT_URL_S3: {NO_URL}http://***@:9",
        ),
        ({**KEY, "AWS_ENDPOINT_URL": "http://a:b"}, f"AWS_ENDPOINT_URL: {NO_URL}http://a:b"),
        (
            {"AWS_ACCESS_KEY_ID": "example"},
            "AWS_SECRET_ACCESS_KEY: expected the secret of the key in AWS_ACCESS_KEY_ID, " + BOTH,
        ),
        (
            {"AWS_SECRET_ACCESS_KEY": "zq7secret"},
            "AWS_ACCESS_KEY_ID: expected the key that AWS_SECRET_ACCESS_KEY belongs to, " + BOTH,
        ),
        (
            {"AWS_PROFILE": "nope"},
            (
                "AWS_PROFILE: expected a profile of AWS's config or credentials file, found "
                "'nope', which neither has; `aws configure list-profiles` lists them"
            ),
        ),
    ],
)
def test_a_mistake_in_a_variable_costs_a_line(
    chimera: Chimera, folder: Path, given: dict[str, str], said: str
) -> None:
    write(folder)
    os.environ |= given
    assert one_line(chimera("status")) == f"chimera: {said}"
    os.environ |= {"CHIMERA_LAKE_URI": str(folder), "CHIMERA_LANDING_URI": "s3://bucket/landing"}
    get_settings.cache_clear()
    open_lake.cache_clear()
    assert one_line(chimera("status")) == f"chimera: {said}"


def test_a_configuration_that_cannot_be_read_costs_a_line(chimera: Chimera, folder: Path) -> None:
    write(folder)
    (folder / "none").write_text("no section")
    assert one_line(chimera("status")).startswith("chimera: S3: cannot find out who asks: Unable")


def test_the_region_is_that_of_either_name(folder: Path) -> None:
    write(folder, AWS_REGION="eu-south-1")
    aws()
    assert Lake("s3://bucket/lake").storage_options["aws_region"] == "eu-south-1"
