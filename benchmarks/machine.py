"""What a measurement was made on: without it, its numbers say nothing."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

_LIBRARIES = (
    "adbc-driver-postgresql",
    "dagster",
    "dbt-duckdb",
    "deltalake",
    "duckdb",
    "pandera",
    "polars",
    "pyarrow",
)


_CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict[str, Any]:
    """Processors, memory, load, and the versions that matter."""
    return {
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load": psutil.getloadavg()[0],
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _LIBRARIES},
    }


def _processor() -> str:
    """The processor's own name where the system tells it, else its kind."""
    if _CPUINFO.is_file():
        for line in _CPUINFO.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.machine()
