"""The wheel is all that a user needs: installed anywhere, it makes the demo in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
LISTED = ("git", "ls-files", "--cached", "--others", "--exclude-standard")


def _done(command: Sequence[str | Path], cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this clone, made as `pip wheel .` makes it."""
    made = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", made]
    _done(build, ROOT)
    (wheel,) = made.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The commands of a fresh environment; its packages are those of this one, ours excepted."""
    place = wheel.parent / "environment"
    venv.create(place, with_pip=False)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", place, "install", "--no-deps", "--no-index"]
    _done([*pip, "--quiet", wheel], wheel.parent)
    return place / "bin"


def test_the_wheel_holds_all_that_a_clone_has(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = _done([*LISTED, "chimera_assets", "dbt_project"], ROOT).splitlines()
    kept = {file for file in files if file.startswith("chimera_assets/")}
    beside = {f"chimera_assets/{file}" for file in files if file.startswith("dbt_project/")}
    beside -= {"chimera_assets/dbt_project/.sqlfluff"}
    instance = {"chimera_assets/dagster.yaml", "chimera_assets/workspace.yaml"}
    held = {name for name in packed if not name.startswith("chimera_assets-")}
    assert held == kept | beside | instance


def test_an_installed_wheel_makes_the_demo_and_what_it_recommends(
    installed: Path, tmp_path: Path
) -> None:
    before = _times(installed.parent)
    # Nothing of the clone and nothing of this environment is on the way.
    env = {"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {name: os.environ[name] for name in ("CHIMERA_POSTGRES_DIR",) if name in os.environ}
    few = ["--days", "1", "--rows-per-hour", "300"]
    summary = _done([installed / "chimera", "demo", *few], tmp_path, env)
    recommended = re.findall(
        rf"^  ({re.escape(str(installed))}\S+ \S+(?: \S+)*)  ", summary, re.MULTILINE
    )
    assert [shlex.split(one)[1] for one in recommended] == [
        "up", "status", "quarantine", "table", "report", "report", "audit"
    ]  # fmt: skip
    for command in recommended[1:]:
        assert _done(shlex.split(command), tmp_path, env)
    assert "Every promise holds" in _done([installed / "chimera", "verify"], tmp_path, env)
    assert [path.name for path in tmp_path.iterdir()] == [".chimera"]
    assert _times(installed.parent) == before


def _times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
