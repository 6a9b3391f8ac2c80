"""Dagster's web server with the guard before it; takes the arguments of `dagster-webserver`.

python -m chimera_assets.orchestration.web.webserver --host 127.0.0.1 --port 3000 ...
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urlsplit

import dagster_webserver.cli

from chimera_assets.orchestration.web.guard import Guard
from chimera_assets.settings import get_settings

#: Dagster's module, in which a function is put in place of the one that makes the app.
_CLI: Any = dagster_webserver.cli

_make = _CLI.create_app_from_workspace_process_context


def _guarded(*arguments: Any, **options: Any) -> Guard:  # noqa: ANN401
    """The app that Dagster would serve, behind the guard."""
    return Guard(_make(*arguments, **options), _names(sys.argv))


def _names(arguments: list[str]) -> list[str]:
    """The host that the server listens on, if it is a name, and that of CHIMERA_UI_URL."""
    listens = arguments[arguments.index("--host") + 1] if "--host" in arguments else ""
    return [name for name in (listens, urlsplit(get_settings().ui_url).hostname) if name]


def main() -> None:
    """Serve until told to stop."""
    _CLI.create_app_from_workspace_process_context = _guarded
    _CLI.main()


if __name__ == "__main__":
    main()
