"""`chimera contract check --against 30d`: a changed contract tried on the past, as Markdown."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from chimera_assets.contracts import as_it_would_run, contracts, load_contract
from chimera_assets.errors import ArgumentError, counted
from chimera_assets.hours import LONGEST_DAYS, HourRange, floor_hour, partition_key
from chimera_assets.lake import open_lake
from chimera_assets.quality.results import rule_severities
from chimera_assets.quality.rule_trial import try_contract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.quality.rule_trial import Trial

_AGO = re.compile(r"([1-9][0-9]{0,4})([hd])")
_SHOWN = 20


def show(path: Path, against: str, *, now: datetime) -> int:
    """Print, as Markdown, what a contract would reject of past rows; 1 if it is more than today.

    Raises:
        ArgumentError: The period is none, or the contract cannot be tried.
        ContractError: The contract cannot be used.
        PackError: The adapter of its stream does not fit it.
    """
    tried = as_it_would_run(load_contract(path))
    hours = _hours(against, now)
    trial = try_contract(open_lake(), tried, contracts().get(tried.stream), hours)
    sys.stdout.write("\n".join(_lines(trial, against)) + "\n")
    today = trial.today
    return 1 if today is None or trial.tried.rejected.total() > today.rejected.total() else 0


def _hours(against: str, now: datetime) -> HourRange:
    match = _AGO.fullmatch(against)
    if match is None:
        msg = f"--against: expected days or hours such as 30d or 12h, found {against}"
        raise ArgumentError(msg)
    hours = int(match[1]) * (24 if match[2] == "d" else 1)
    if hours > LONGEST_DAYS * 24:
        msg = f"--against: expected at most {LONGEST_DAYS}d, found {against}"
        raise ArgumentError(msg)
    end = floor_hour(now) + timedelta(hours=1)
    return HourRange(end - timedelta(hours=hours), end)


def _lines(trial: Trial, against: str) -> Iterator[str]:
    tried, today = trial.tried, trial.today
    contract = tried.contract
    versions = f"{today.contract.version} → " if today is not None else ""
    yield f"## {contract.stream} {versions}{contract.version}"
    yield ""
    rows = trial.rows.total()
    yield (
        f"{counted(rows, 'row')} of {counted(len(trial.rows), 'hour')} in the last {against}. "
        f"Rejected: {_change(today.rejected.total() if today else None, tried.rejected.total())}."
    )
    yield ""
    yield "| rule | severity | rows today | rows then |"
    yield "|---|---|---:|---:|"
    before = today.broken if today is not None else {}
    severities = rule_severities(contract)
    for rule in sorted({*before, *tried.broken}):
        then = tried.broken.get(rule, 0)
        was = f"{before.get(rule, 0):,}" if today is not None else "-"
        yield f"| `{rule}` | {severities.get(rule, 'removed')} | {was} | {then:,} |"
    yield from _blocked(trial)


def _change(before: int | None, after: int) -> str:
    return f"{after:,}" if before is None else f"{before:,} today, {after:,} then"


def _blocked(trial: Trial) -> Iterator[str]:
    """The hours whose fate changes."""
    blocked = trial.tried.blocked(trial.rows)
    before = trial.today.blocked(trial.rows) if trial.today is not None else set()
    for words, hours in (
        ("would be blocked", blocked - before),
        ("would open", before - blocked),
    ):
        if hours:
            listed = [f"`{partition_key(hour)}`" for hour in sorted(hours)]
            more = f" and {len(listed) - _SHOWN:,} more" if len(listed) > _SHOWN else ""
            yield ""
            yield f"{counted(len(hours), 'hour')} {words}: {', '.join(listed[:_SHOWN])}{more}."
