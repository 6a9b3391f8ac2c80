"""Values of DuckDB's as documents have them: what has no type there is text, or JSON as text."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from chimera_assets.reports.rendering.machines import text

if TYPE_CHECKING:
    from chimera_assets.reports.document import Value


def plain(value: object) -> Value:
    """A value of DuckDB's as documents have it; a time without a zone is UTC."""
    if isinstance(value, datetime):
        return _time(value)
    if value is None or isinstance(value, str | bool | int | float | Decimal | date):
        return value
    if isinstance(value, list | tuple | dict):
        return json.dumps(_in_json(value), ensure_ascii=False, sort_keys=True)
    return _words(value)


def _time(value: datetime) -> datetime | str:
    if value.tzinfo is not None:
        return value
    if value == datetime.max:  # noqa: DTZ901 - so the driver gives infinity, of either type
        return "infinity"
    return value.replace(tzinfo=UTC)


def _in_json(value: object) -> object:
    """A value that is part of another, of which JSON has the kind."""
    if isinstance(value, dict):
        return {_key(key): _in_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_in_json(part) for part in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    found = plain(value)
    if isinstance(found, float) and abs(found) < float("inf"):
        return found
    return text(found)


def _key(key: object) -> str:
    return key if isinstance(key, str) else text(plain(key))


def _words(value: object) -> str:
    """Bytes in hexadecimal; of intervals, identifiers and times of a day what Python says."""
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)
