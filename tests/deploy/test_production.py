"""Dagster as in production: PostgreSQL, logs on S3, the code location in a process of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from tests.site.site import ROOT, Operational, environment, generations

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = "2026-01-12-03:00"
#: Enough of an hour; what dbt does with it is the same as on a laptop.
TABLES = [
    f"{layer}/{name}"
    for layer in ("raw", "staged", "quarantine")
    for name in ("providers", "generations")
]
BIN = Path(sys.executable).parent

READ_ATTEMPTS = """{
  runsOrError { ... on Runs { results { runId status } } }
  assetNodes(assetKeys: [{path: ["staged", "generations"]}]) {
    assetMaterializations(limit: 1) { runId partition metadataEntries {
      label ... on IntMetadataEntry { intValue } } } }
  instance { info }
  repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } }
}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def production(
    s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """The environment of deploy/example.env, with a database and buckets that are there."""
    server = EmbeddedPostgres(tmp_path / "theirs")
    url = server.url("chimera")
    source = Operational(server.url("operational")).init()
    source.insert("generations", generations(HOUR, 40))
    dagster_home = tmp_path / "dagster"
    dagster_home.mkdir()
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / "deploy" / name, dagster_home)
    aws = {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    lake, logs = (f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("lake", "logs"))
    for bucket in (lake, logs):
        boto3.client("s3").create_bucket(Bucket=bucket)
    yield environment(
        tmp_path / "home",
        **aws,
        DAGSTER_HOME=str(dagster_home),
        DAGSTER_POSTGRES_HOST="",  # the embedded server has no port, only this socket
        PGHOST=parse_qs(urlsplit(url).query)["host"][0],
        DAGSTER_POSTGRES_PORT="5432",
        DAGSTER_POSTGRES_USER="postgres",
        DAGSTER_POSTGRES_PASSWORD=urlsplit(url).password or "",
        DAGSTER_POSTGRES_DB="chimera",
        DAGSTER_LOGS_BUCKET=logs,
        CHIMERA_SOURCE_DATABASE_URL=source.url,
        CHIMERA_LAKE_URI=f"s3://{lake}/chimera",
        CODE_LOCATION_HOST="127.0.0.1",
    )
    server.release()


def answer(port: int, server: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    body = json.dumps({"query": READ_ATTEMPTS}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"}
    )
    for _ in range(600):
        try:
            with urllib.request.urlopen(request, timeout=20) as said:  # noqa: S310
                reported: dict[str, Any] = json.load(said)
        except OSError:
            assert server.poll() is None, log.read_text()[-4000:]
            time.sleep(0.1)
        else:
            assert "errors" not in reported, reported
            data: dict[str, Any] = reported["data"]
            return data
    pytest.fail(log.read_text()[-4000:])


@pytest.mark.criterion("AC-001.7", "AC-001.8")
def test_an_hour_is_taken_and_seen_on_the_pages(production: dict[str, str], tmp_path: Path) -> None:
    dagster_home, ports = Path(production["DAGSTER_HOME"]), (free_port(), free_port())
    workspace = dagster_home / "workspace.yaml"
    workspace.write_text(workspace.read_text().replace("port: 4000", f"port: {ports[0]}"))
    definitions = ["-m", "chimera_assets.definitions"]
    log = tmp_path / "servers.log"

    with log.open("wb") as out:

        def start(*command: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [str(BIN / command[0]), *command[1:]],
                env=production,
                cwd=ROOT,
                stdout=out,
                stderr=out,
            )

        code = start("dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(ports[0]), *definitions)
        pages = None
        try:
            chosen = ["--select", ",".join(TABLES), "--partition", HOUR]
            ran = subprocess.run(
                [BIN / "dagster", "asset", "materialize", *chosen, *definitions],
                env=production,
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]
            pages = start("dagster-webserver", "-p", str(ports[1]), "-w", str(workspace))
            reported = answer(ports[1], pages, log)
        finally:
            for server in filter(None, (pages, code)):
                server.terminate()
                server.wait(30)

    (run,) = reported["runsOrError"]["results"]
    # Where Dagster puts logs by on their way to S3, whatever TMPDIR says.
    shutil.rmtree(Path("/tmp", run["runId"]))  # noqa: S108
    assert run["status"] == "SUCCESS"
    (made,) = reported["assetNodes"][0]["assetMaterializations"]
    assert (made["runId"], made["partition"]) == (run["runId"], HOUR)
    numbers = {entry["label"]: entry.get("intValue") for entry in made["metadataEntries"]}
    assert numbers["staged"] == 40
    assert reported["repositoriesOrError"]["nodes"][0]["location"]["name"] == "chimera_assets"
    assert "PostgresEventLogStorage" in reported["instance"]["info"]
    logs = boto3.client("s3").list_objects_v2(Bucket=production["DAGSTER_LOGS_BUCKET"])
    assert any(run["runId"] in one["Key"] for one in logs["Contents"])
    assert not (tmp_path / "home" / "dagster").exists()


def test_definitions_validate(production: dict[str, str]) -> None:
    done = subprocess.run(
        [BIN / "dagster", "definitions", "validate", "-m", "chimera_assets.definitions"],
        env=production,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "Validation successful for code location" in done.stderr + done.stdout
