"""Reading the settings of a process, once; complaints by the name of the variable."""

from __future__ import annotations

import logging
import os
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource

from chimera_assets.errors import SettingError, wanted
from chimera_assets.settings.database_urls import UNSHOWN
from chimera_assets.settings.model import ENV_FILE, PREFIX, SECRETS, Settings
from chimera_assets.settings.paths import require_readable

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)

#: Variables that look like settings and are read elsewhere.
_OF_OTHERS = frozenset(
    {"CHIMERA_DUCKDB_MEMORY_LIMIT", "CHIMERA_DBT_START_HOUR", "CHIMERA_DBT_END_HOUR"}
)
_AWS = "AWS_"
#: What the environment may say in place of a variable, so that `.env` must not outdo it: a key is
#: stronger than a profile, the narrower endpoint than the wider, and a token is of its own key.
_SAID_OTHERWISE = {
    "AWS_ACCESS_KEY_ID": ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"),
    "AWS_SECRET_ACCESS_KEY": ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"),
    "AWS_SESSION_TOKEN": ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID"),
    "AWS_ENDPOINT_URL_S3": ("AWS_ENDPOINT_URL",),
    "AWS_REGION": ("AWS_DEFAULT_REGION",),
}
#: How alike two names are that only a typo tells apart.
_CLOSE = 0.85


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingError: A setting's value cannot be used; the message names its variable.
    """
    if not Path(ENV_FILE).is_dir():  # some have a virtual environment of that name
        require_readable(Path(ENV_FILE))
    in_file = _in_file()
    _warn_of_misspelt(in_file)
    try:
        settings = Settings()
    except ValidationError as error:
        raise _setting_error(error) from None
    if settings.home.exists() and not settings.home.is_dir():
        raise SettingError("CHIMERA_HOME", expected="a folder", found=f"the file {settings.home}")
    _export_aws_variables(in_file)
    return settings


def _in_file() -> dict[str, str]:
    """Every variable that `.env` gives a value, ours or not."""
    found = DotEnvSettingsSource(Settings).env_vars.items()
    return {name.upper(): value for name, value in found if value}


def _export_aws_variables(in_file: Mapping[str, str]) -> None:
    """Put what `.env` says of AWS into the environment, unless that says it already.

    AWS's own library, which also knows profiles and roles, looks nowhere else; nor do the processes
    that we start in other folders.
    """
    given = {name for name, value in os.environ.items() if value}
    for name, value in in_file.items():
        if name.startswith(_AWS) and given.isdisjoint((name, *_SAID_OTHERWISE.get(name, ()))):
            os.environ[name] = value


def _warn_of_misspelt(in_file: Mapping[str, str]) -> None:
    """Say of a variable that is almost a setting's what was meant; never its value."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _OF_OTHERS
    given = {name.upper() for name in (*os.environ, *in_file)}
    for name in sorted(filter(str.isidentifier, given - known)):
        close = get_close_matches(name, known, n=1, cutoff=_CLOSE)
        if close:
            _log.warning("%s: there is no such setting; did you mean %s?", name, close[0])


def _setting_error(error: ValidationError) -> SettingError:
    """The first complaint of pydantic, in our words."""
    first: Any = error.errors()[0]
    name = str(first["loc"][0])
    setting = name.upper().removeprefix(PREFIX).lower()
    field = Settings.model_fields.get(setting)
    variable = PREFIX + setting.upper()
    given = repr(os.environ.get(variable, first["input"]))
    if setting in SECRETS:
        given = UNSHOWN
    expected = wanted(first["msg"])
    if not expected:
        described = (field.description if field is not None else None) or "another value"
        expected = described[0].lower() + described[1:].rstrip(".")
    return SettingError(variable, expected=expected, found=given)
