"""`python -m benchmarks`: runs the measures, prints a table, writes JSON.

Each measure runs in a process and a CHIMERA_HOME of its own, both gone afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import docs_table, registry
from benchmarks.machine import machine

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"

_LINE = "{:<18} {:>12} {:>10} {:>10} {:>7} {:>9}  {:<22} {}"


def main() -> int:
    """Measure; 1 if a measure could not be made. A goal that is missed is reported, no error."""
    options = _options()
    if options.write_docs:
        print(docs_table.written(RESULTS, ROOT / "docs" / "benchmarks.md"))
        return 0
    # Told to stop, we still take away what was made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    now = datetime.now(UTC)
    report: dict[str, Any] = {"date": now.isoformat(), "machine": machine(), "measures": {}}
    print(_LINE.format("measure", "rows", "ours", "floor", "ratio", "peak", "goal", "met"))
    failed = False
    for name in options.only or registry.usual():
        found = _measured(name, options.rows)
        failed |= found is None
        if found is not None:
            report["measures"][name] = found
            _tell(name, found)
    path = options.json or RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"\nWritten to {path}")
    return int(failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=registry.names(), help="this measure; may be repeated"
    )
    parser.add_argument(
        "--rows", type=int, default=0, help="rows, instead of each one's own number"
    )
    parser.add_argument("--json", type=Path, help="where to write, instead of benchmarks/results")
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="measure nothing: write the table of docs/benchmarks.md from benchmarks/results",
    )
    return parser.parse_args()


def _measured(name: str, rows: int) -> dict[str, Any] | None:
    with tempfile.TemporaryDirectory(prefix="chimera-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # root's server runs as another account, and has its data there
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "benchmarks.worker", name, str(rows), str(result)]
        ended = subprocess.run(
            command, cwd=ROOT, env=environment(Path(folder) / "home"), check=False
        )
        if ended.returncode or not result.exists():
            print(f"{name:<18} failed with exit code {ended.returncode}", flush=True)
            return None
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return found


def environment(home: Path) -> dict[str, str]:
    """The environment of a user who set where things are kept, and nothing else."""
    foreign = ("CHIMERA_", "DAGSTER_", "AWS_", "DBT_", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return inherited | {
        "CHIMERA_HOME": str(home),
        "CHIMERA_POSTGRES_DIR": str(home.with_name("server")),
        "DAGSTER_HOME": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def _tell(name: str, found: dict[str, Any]) -> None:
    floor, ratio = found["floor"], found["ratio"]
    print(
        _LINE.format(
            name,
            f"{found['rows']:,}",
            f"{found['ours']:.2f} s",
            f"{floor:.2f} s" if floor is not None else "-",
            f"{ratio:.2f}" if ratio is not None else "-",
            f"{found['peak_mb']:,.0f} MB",
            ", ".join(docs_table.goal(found, each) for each in found["goals"]),
            ", ".join("yes" if goal["met"] else "no" for goal in found["goals"]),
        ),
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
