"""The hour with which the partitions begin: CHIMERA_START, or else the first that has any data.

Without the setting, the pages would show three years of missing hours on the first day. So the
first hour is noted in CHIMERA_HOME, where every process reads it as it starts: by the commands
`demo`, `backfill` and `up`, as the earliest of what source, landing files and lake hold and of the
hours that are asked for. It only ever moves back, so that no hour that has data is left out. Where
nothing is noted the partitions begin with the setting's default; so they do for a lake on S3, which
several machines may share, each with a home of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from filelock import FileLock

from chimera_assets.contracts import contracts
from chimera_assets.errors import ChimeraError
from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import floor_hour
from chimera_assets.lake import open_lake
from chimera_assets.lake.storage import is_s3
from chimera_assets.layers import LANDING, RAW
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.settings import get_settings
from chimera_assets.sources.errors import SourceTableMissing
from chimera_assets.sources.first_time import first_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LONGEST_LOOK = 20


def first_hour() -> datetime:
    """The first hour of the partitions."""
    start, noted = get_settings().start, _noted_here()
    return max(noted, start) if noted is not None else start


def known_first_hour() -> datetime | None:
    """The first hour that is set, or noted; None where the partitions begin with a default."""
    settings = get_settings()
    return settings.start if "start" in settings.model_fields_set else _noted_here()


def begin_with(hour: datetime) -> None:
    """Let the partitions begin no later than with an hour, for every process that starts from now.

    Where nothing is noted they begin early enough.
    """
    if _is_noted_here():
        with _lock():
            noted = _noted()
            if noted is not None and hour < noted:
                _note(hour)


def settle(hour: datetime | None = None) -> None:
    """Note the first hour there is, if it is earlier than the one that is noted.

    Args:
        hour: One that is about to run. Data are then looked at only if nothing is noted yet.
    """
    if not _is_noted_here():
        return
    with _lock():
        noted = _noted()
        known = [one for one in (noted, hour) if one is not None]
        if noted is None or hour is None:
            try:
                known += _first_of_data()
            except ChimeraError:  # the run will tell; until it is known the default holds
                return
        if known and min(known) != noted:
            _note(min(known))


def _first_of_data() -> Iterator[datetime]:
    """The first hour of each stream in source, landing files and lake."""
    lake, start = open_lake(), get_settings().start
    for contract in contracts().values():
        if contract.kind != "stream":
            continue
        url = source_database_url(get_settings())
        try:
            moment = first_time(url, contract, start, seconds=_LONGEST_LOOK)
        except SourceTableMissing:
            if not contract.optional_at_source:
                raise
            moment = None
        if moment is not None:
            yield floor_hour(moment)
        for layer in (LANDING, RAW):
            table = lake.table(layer, contract.stream)
            first = table.rows_by_hour().select(HOUR_START.min()).item() if table.exists() else None
            if first is not None:
                yield max(first, start)


def _is_noted_here() -> bool:
    settings = get_settings()
    return "start" not in settings.model_fields_set and not is_s3(settings.resolved_lake_uri)


def _noted_here() -> datetime | None:
    return _noted() if _is_noted_here() else None


def _noted() -> datetime | None:
    try:
        return datetime.fromisoformat(_file().read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None


def _note(hour: datetime) -> None:
    made = _file().with_suffix(".new")
    made.write_text(f"{hour.isoformat()}\n", encoding="utf-8")
    made.replace(_file())


def _file() -> Path:
    return get_settings().home / "dagster" / "first_hour"


def _lock() -> FileLock:
    return FileLock(get_settings().home_folder("dagster") / "first_hour.lock")
