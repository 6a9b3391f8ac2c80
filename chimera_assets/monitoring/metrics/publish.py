"""Collects the metrics, writes the textfile, pushes to the pushgateway."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from prometheus_client import generate_latest, push_to_gateway, write_to_textfile
from prometheus_client.exposition import basic_auth_handler

from chimera_assets.contracts import contracts
from chimera_assets.lake import open_lake
from chimera_assets.monitoring.metrics.families import Sample, registry_of
from chimera_assets.monitoring.metrics.lake_metrics import LakeMetrics
from chimera_assets.monitoring.metrics.runs import run_samples
from chimera_assets.orchestration.instance.home import open_instance
from chimera_assets.settings import get_settings
from chimera_assets.settings.database_urls import UNSHOWN, has_parts

if TYPE_CHECKING:
    from pathlib import Path

    from prometheus_client import CollectorRegistry

    from chimera_assets.orchestration.instance.home import Instance

#: The pushgateway's group is this job and the lake, so that two lakes may share a gateway.
JOB = "chimera"

#: A gateway that does not answer keeps nobody waiting for longer.
_PUSH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Published:
    """What was done, in one line, and whether that was all there was to do."""

    message: str
    complete: bool = True


def collect(instance: Instance, now: datetime) -> CollectorRegistry:
    """All metrics as they are now.

    Raises:
        ChimeraError: The lake cannot be read.
    """
    samples = [*_lake_metrics().samples(now), *run_samples(instance, now)]
    samples.append(Sample("chimera_metrics_timestamp_seconds", (), now.timestamp()))
    return registry_of(samples)


def as_text() -> str:
    """All metrics as they are now, in Prometheus's text format."""
    with open_instance() as instance:
        return generate_latest(collect(instance, datetime.now(UTC))).decode()


def publish_now() -> Published:
    """Do what the sensor does; see `publish`."""
    with open_instance() as instance:
        return publish(instance)


def textfile() -> Path:
    """The file for the node exporter's textfile collector."""
    return get_settings().home_folder("metrics") / "chimera.prom"


def publish(instance: Instance) -> Published:
    """Collect the metrics, write the textfile, and push them if a pushgateway is set.

    Raises:
        ChimeraError: The lake cannot be read.
        OSError: The textfile cannot be written.
    """
    began = time.perf_counter()
    registry = collect(instance, datetime.now(UTC))
    path = textfile()
    write_to_textfile(str(path), registry)
    wrote = f"wrote {path} in {time.perf_counter() - began:.2f} s"
    url = get_settings().pushgateway_url
    return Published(wrote) if url is None else _pushed(registry, url, wrote)


def _pushed(registry: CollectorRegistry, given: str, wrote: str) -> Published:
    if not has_parts(given):
        found = f"found {UNSHOWN}; percent-encode special characters"
        expected = "expected http://user:password@host:port"
        return Published(f"{wrote}; CHIMERA_PUSHGATEWAY_URL: {expected}, {found}", complete=False)
    url = urlsplit(given)
    # A name and password in the URL are for the header only, and never shown.
    bare = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
    handler = partial(
        basic_auth_handler,
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
    )
    try:
        push_to_gateway(
            bare,
            job=JOB,
            registry=registry,
            grouping_key={"lake": open_lake().uri},
            timeout=_PUSH_SECONDS,
            handler=handler,
        )
    except (OSError, HTTPException) as error:
        return Published(f"{wrote}; could not push to {bare}: {error}", complete=False)
    return Published(f"{wrote}; pushed to {bare}")


@lru_cache(maxsize=1)
def _lake_metrics() -> LakeMetrics:
    """One object a process, as it keeps what has not changed."""
    return LakeMetrics(open_lake(), contracts().values())
