"""The home is for its user's eyes alone, whatever the umask."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from chimera_assets.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def test_a_home_is_made_for_its_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "some" / "home"
    before = os.umask(0o022)
    try:
        Settings(home=home).home_folder("dbt", "logs")
        (home / "lake").mkdir()
        (home / "landing").mkdir()
        (home / "landing").chmod(0o2775)
        Settings(home=home).home_folder("dbt")
    finally:
        os.umask(before)
    assert mode(home) == 0o700
    rooms = {folder.name: mode(folder) for folder in home.iterdir()}
    assert rooms == {"dbt": 0o750, "lake": 0o750, "landing": 0o770}
    assert mode(home.parent) == 0o755


def test_a_home_that_is_open_is_closed_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "home"
    (home / "lake").mkdir(parents=True)
    home.chmod(0o755)
    Settings(home=home).home_folder("dbt")
    assert mode(home) == 0o700
    assert f"{home}: closed to other users" in caplog.text


@pytest.mark.parametrize(
    ("held", "given"), [("lake", 0o750), ("lake", 0o770), ("photos", 0o755), ("photos", 0o1777)]
)
def test_what_somebody_chose_or_shares_is_left_alone(tmp_path: Path, held: str, given: int) -> None:
    home = tmp_path / "home"
    (home / held).mkdir(parents=True)
    home.chmod(given)
    (home / held).chmod(0o755)
    Settings(home=home).home_folder("dbt")
    assert mode(home) == given & 0o777
    assert mode(home / "dbt") & 0o007 == 0
    assert mode(home / held) == (0o755 if held == "photos" else 0o750)
