"""The same pipeline on S3 and an external PostgreSQL, by Dagster and a file `.env` alone."""

from __future__ import annotations

import subprocess
import uuid
from typing import TYPE_CHECKING

import boto3

from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from tests.site.site import FOUR_STREAMS, Operational, environment, generations, keys

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FIRST, LAST = HOURS = keys("2026-01-20-23:00", 2)


def test_s3_and_an_external_database_by_settings_alone(
    s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = EmbeddedPostgres(tmp_path / "theirs")  # any PostgreSQL: ours knows only its URL
    source = Operational(theirs.url("operational")).init()
    for hour in HOURS:
        source.insert("generations", generations(hour, 60))
    bucket = f"lake-{uuid.uuid4().hex[:8]}"
    aws = {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_REGION": "us-east-1",
    }
    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=s3_endpoint).create_bucket(Bucket=bucket)
    uri, home = f"s3://{bucket}/team/lake", tmp_path / "home"
    settings = {
        "CHIMERA_LAKE_URI": uri,
        "CHIMERA_SOURCE_DATABASE_URL": source.url,
        "CHIMERA_STREAMS": FOUR_STREAMS,
    }
    said = (f"{name}={value}\n" for name, value in (settings | aws).items())
    (tmp_path / ".env").write_text("".join(said))

    command = ["dagster", "asset", "materialize", "--select", "*"]
    command += ["--partition-range", f"{FIRST}...{LAST}", "-m", "chimera_assets.definitions"]
    done = subprocess.run(
        command,
        env=environment(home),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    # It has no database of the platform, and the run says what that means.
    assert done.stderr.count("not on the record: set CHIMERA_DATABASE_URL") == 1
    lake = Lake(uri)
    facts = lake.table("marts", "fact_generations")
    assert facts.rows_by_hour(HourRange.from_keys(FIRST, LAST))["rows"].to_list() == [60, 60]
    requests = lake.table("aggregates", "agg_provider_metrics").read().collect()
    assert requests["total_requests"].sum() == 120
    assert not (home / "postgres").exists()
    assert not (home / "lake").exists()
    theirs.release()
