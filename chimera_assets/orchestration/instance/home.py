"""Dagster's instance: where it is set up, and a handle on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from dagster import DagsterInstance

from chimera_assets.errors import SettingError
from chimera_assets.paths import UnusablePath, usable_path
from chimera_assets.shipped import shipped_folder

#: A handle on Dagster's records, for those who hand it on and know nothing of Dagster.
Instance: TypeAlias = DagsterInstance

_EXPECTED = "a folder with dagster.yaml"


def open_instance() -> Instance:
    """The instance of this process, a context manager.

    Raises:
        SettingError: DAGSTER_HOME is no folder.
    """
    dagster_home()
    return DagsterInstance.get()


def dagster_home() -> Path:
    """The folder of `dagster.yaml`: DAGSTER_HOME, which is set for this process if it was not.

    Raises:
        SettingError: DAGSTER_HOME is no folder.
    """
    given = os.environ.get("DAGSTER_HOME")
    if given:
        try:
            home = usable_path(given)
        except UnusablePath as error:
            raise SettingError("DAGSTER_HOME", expected=_EXPECTED, found=error) from None
        if not home.is_dir():
            raise SettingError("DAGSTER_HOME", expected=_EXPECTED, found=given)
    else:
        home = shipped_folder("dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def kept_value(instance: Instance, key: str) -> str | None:
    """A text that was kept in the instance's storage under a key; None if there is none."""
    return instance.daemon_cursor_storage.get_cursor_values({key}).get(key)


def keep_value(instance: Instance, key: str, value: str) -> None:
    """Keep a text in the instance's storage, in place of the one before."""
    instance.daemon_cursor_storage.set_cursor_values({key: value})
