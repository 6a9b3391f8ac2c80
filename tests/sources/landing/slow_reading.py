"""What bytes say, read slowly by other means than the product's: Python's own json and csv.

A line is a row, malformed, or blank. A row is a mapping of columns: to the value, or to `UNREAD`.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

UNREAD = "<told>"
MALFORMED = "<malformed>"

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r"(?: *(?:([zZ])|([+-])([0-9]{2})(?::?([0-9]{2}))?))?)?"
)


class Literal(str):
    """A number of JSON."""

    __slots__ = ()


def value(text: str, kind: str) -> Any:
    """The value that a text is of a contract's type."""
    text = text if kind == "string" else text.strip(" \t")
    try:
        return READ[kind](text)
    except (ValueError, OverflowError):
        return UNREAD


def _integer(text: str) -> int:
    if not NUMBER.fullmatch(text):
        raise ValueError
    number = Fraction(Decimal(text))
    if number.denominator != 1 or not -(2**63) <= number < 2**63:
        raise ValueError
    return int(number)


def _number(text: str) -> float:
    if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError
    return float(text)


def _boolean(text: str) -> bool:
    known = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
    if text.lower() not in known:
        raise ValueError
    return known[text.lower()]


def _time(text: str) -> datetime:
    found = TIME.fullmatch(text)
    if not found:
        raise ValueError
    day, hour, minute, second, fraction, _, sign, over, over_minutes = found.groups()
    moment = datetime.combine(
        date.fromisoformat(day), datetime.min.time().replace(int(hour or 0), int(minute or 0))
    )
    moment = moment.replace(
        second=int(second or 0), microsecond=int((fraction or "").ljust(6, "0")[:6])
    )
    behind = timedelta(hours=int(over or 0), minutes=int(over_minutes or 0))
    if int(over_minutes or 0) > 59:
        raise ValueError
    zone = timezone(-behind if sign == "-" else behind)
    return moment.replace(tzinfo=zone).astimezone(UTC)


def _date(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError
    return date.fromisoformat(text)


def _array(text: str) -> list[str | None]:
    return _items(_json(text))


READ = {
    "string": lambda text: text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "timestamp": _time,
    "date": _date,
    "array<string>": _array,
}


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _json(text: str) -> Any:
    found = json.loads(text, parse_int=Literal, parse_float=Literal, parse_constant=_refuse)
    json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text
    return found


def _items(found: Any) -> list[str | None]:
    if not isinstance(found, list) or any(isinstance(item, (list, dict)) for item in found):
        raise ValueError
    return [item if item is None else _text(item) for item in found]


def _text(found: Any) -> str:
    return str(found) if isinstance(found, str) else json.dumps(found)


def json_cell(found: Any, kind: str) -> Any:
    """The value of a column, as JSON has it."""
    if found is None:
        return None
    if isinstance(found, dict):
        return UNREAD
    if isinstance(found, list):
        try:
            return _items(found) if kind == "array<string>" else UNREAD
        except ValueError:
            return UNREAD
    return value(_text(found), kind)


def json_lines(content: bytes, kinds: dict[str, str]) -> dict[int, Any]:
    """Line -> its row, or `MALFORMED`; blank ones left out."""
    said: dict[int, Any] = {}
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            found = _json(line.decode())
        except ValueError:
            found = None
        said[number] = MALFORMED
        if isinstance(found, dict):
            said[number] = {name: json_cell(found.get(name), kinds[name]) for name in kinds}
    return said


def csv_lines(content: bytes, kinds: dict[str, str], record_lines: int) -> dict[int, Any]:
    """Line -> the row that begins there, or `MALFORMED`; the header and blank lines left out."""
    lines = list(io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")))
    header = next(csv.reader([lines[0].decode()]))
    said: dict[int, Any] = {}
    at = 1
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        fields, used = _csv_record(lines[at : at + record_lines])
        if fields is None or len(fields) != len(header):
            said[at + 1], used = MALFORMED, 1
        else:
            row = dict(zip(header, fields, strict=True))
            said[at + 1] = {
                name: value(row[name], kinds[name]) if row[name] else None
                for name in header
                if name in kinds
            }
        at += used
    return said


def _csv_record(lines: list[bytes]) -> tuple[list[str] | None, int]:
    """The record that begins these lines, and how many it has; None if there is none."""
    for used in range(1, len(lines) + 1):
        try:
            (fields,) = csv.reader([line.decode() for line in lines[:used]], strict=True)
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                continue
            return None, 1
        except ValueError:
            return None, 1
        return fields, used
    return None, 1
