"""An import that a wall of setup.cfg forbids is found, wherever it is smuggled in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: File of the package -> an import that it may not have; those of packages that no list names too.
SMUGGLED = {
    "packs/smuggled.py": "dagster",
    "privacy/smuggled.py": "adbc_driver_postgresql",
    "hour_columns.py": "psycopg",
    "orchestration/smuggled.py": "sqlalchemy",
    "yaml_documents/models.py": "alembic",
    "commands/smuggled.py": "fastapi",
    "sources/smuggled.py": "starlette",
    "serving/api/smuggled.py": "chimera_assets.orchestration.partitions",
    # These import neither Dagster nor orchestration themselves, but load both.
    "serving/__init__.py": "chimera_assets.monitoring.alerts.outbox",
    "serving/api/roundabout.py": "chimera_assets.monitoring.alerts.sending",
    "serving/api/further.py": "chimera_assets.monitoring.metrics.refresh",
}

#: Imports that are nobody's else.
ALLOWED = {
    "definitions.py": "dagster",
    "orchestration/own.py": "dagster",
    "orchestration/instance/own.py": "sqlalchemy",
    "postgres/own.py": "psycopg",
    "sources/own.py": "adbc_driver_manager",
    "serving/api/own.py": "fastapi",
    "serving/api/alerts.py": "chimera_assets.monitoring.alerts.conditions",
    "serving/api/words.py": "chimera_assets.monitoring.alerts.messages",
    "serving/api/jobs.py": "chimera_assets.runs.job_names",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package and its walls, with the floor of serving."""
    package = tmp_path / "chimera_assets"
    shutil.copytree(ROOT / "chimera_assets", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    for folder in ("serving", "serving/api"):
        (package / folder).mkdir(exist_ok=True)
        (package / folder / "__init__.py").touch()
    return package


def lint(package: Path, imports: dict[str, str]) -> tuple[int, str]:
    for path, module in imports.items():
        with (package / path).open("a") as file:
            file.write(f"\nimport {module}\n")
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=package.parent, capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())  # it wraps lines


def module_of(path: str) -> str:
    dotted = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return f"chimera_assets.{dotted}"


def test_a_smuggled_import_is_found(package: Path) -> None:
    code, said = lint(package, SMUGGLED)

    assert code == 1
    missed = {
        f"{path}: {module}"
        for path, module in SMUGGLED.items()
        if f"{module_of(path)} -> {module}" not in said
    }
    assert missed == set(), said


def test_who_may_import_it_may(package: Path) -> None:
    code, said = lint(package, ALLOWED)

    assert code == 0, said
