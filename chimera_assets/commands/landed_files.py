"""`chimera landing`: the files that were loaded, and what landed of one taken back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from chimera_assets.commands import summary
from chimera_assets.commands.backfill import run_shown
from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.quarantine_filters import require_stream
from chimera_assets.commands.terminal import notes, out, print_json, print_table
from chimera_assets.contracts import contracts
from chimera_assets.errors import ArgumentError, counted
from chimera_assets.hour_ranges import ranges
from chimera_assets.hours import floor_hour, parse_key
from chimera_assets.lake import open_lake
from chimera_assets.layers import LANDING
from chimera_assets.lifecycle.landed_files import reload_file, remove_file
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing import FileLog, Place

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake
    from chimera_assets.sources.landing import TakenBack
    from chimera_assets.sources.landing.file_log import Entry


#: The log's own words, in those of all that speaks of it.
_STATES = {"taken": "loaded"}


def show_list(*, stream: str | None, limit: int, as_json: bool) -> int:
    """Print the files that were loaded, the newest first.

    Raises:
        ArgumentError: There is no such stream.
    """
    lake = open_lake()
    require_stream(lake, stream)
    found = [
        {"stream": name, **asdict(entry), "state": _STATES.get(entry.state, entry.state)}
        for name in _streams()
        if stream in {None, name}
        for entry in _entries(lake, name)
    ]
    found.sort(key=lambda entry: entry["taken"], reverse=True)
    if as_json:
        print_json(found[:limit])
        return 0
    columns = ("stream", "uri", "state", "rows", "malformed", "taken", "why")
    heads = ("stream", "file", "state", "rows", "malformed", "loaded", "why")
    if not found:
        notes().print("No file was loaded yet. See docs/landing.md.")
        return 0
    print_table(heads, ([entry[column] for column in columns] for entry in found[:limit]))
    if len(found) > limit:
        notes().print(f"{limit} of {counted(len(found), 'file')}; --limit shows more.")
    return 0


def reload(name: str, *, reason: str, now: datetime) -> int:
    """Read a landed file again and run its hours; 1 if a step failed or an hour was blocked.

    Raises:
        ArgumentError: No such file landed, or a legal hold keeps rows of it.
        SourceError: It does not lie there any more, or cannot be read.
    """
    contract, uri = landed(name)
    context = command_context(now)
    place = Place(get_settings().resolved_landing_uri)
    done = reload_file(context, contract, uri, place, reason=reason)
    if (entry := done.entry) is not None:
        said = f"{counted(done.rows, 'row')} went, {counted(entry.rows, 'row')} came"
        said += f" ({entry.why})" if entry.why else ""
        out().print(f"{uri}: read again; {said}.", markup=False, soft_wrap=True)
    return _run(context, done, now)


def remove(name: str, *, reason: str, now: datetime) -> int:
    """Take back a landed file and run its hours; 1 if a step failed or an hour was blocked.

    Raises:
        ArgumentError: No such file landed, or a legal hold keeps rows of it.
    """
    contract, uri = landed(name)
    context = command_context(now)
    done = remove_file(context, contract, uri, reason=reason)
    went = counted(done.rows, "row")
    out().print(f"{uri}: {went} taken back.", markup=False, soft_wrap=True)
    return _run(context, done, now)


def landed(name: str) -> tuple[Contract, str]:
    """The contract and URI of a file that landed.

    Args:
        name: Its URI or path, or the end of it, if no other file ends so.

    Raises:
        ArgumentError: No such file landed, or several.
    """
    lake = open_lake()
    known = {(stream, entry.uri) for stream in _streams() for entry in _entries(lake, stream)}
    wanted = {name, str(Path(name).absolute())}
    found = [one for one in known if one[1] in wanted]
    found = found or [one for one in known if one[1].endswith(f"/{name}")]
    if len(found) != 1:
        what = f"{len(found)} whose names end so; name it whole" if found else "none"
        msg = (
            f"{name}: expected a file that was loaded, found {what}; `chimera landing list` shows "
            "them"
        )
        raise ArgumentError(msg)
    ((stream, uri),) = found
    return contracts()[stream], uri


def _streams() -> list[str]:
    return [contract.stream for contract in contracts().values() if contract.kind == "stream"]


def _entries(lake: Lake, stream: str) -> list[Entry]:
    log = FileLog.read(lake.table(LANDING, stream))
    return [entry for entry in log.entries if entry.state != "same"]


def _run(context: AuditedContext, done: TakenBack, now: datetime) -> int:
    """Run the hours again that rows went from or came into; those to come have their schedule.

    The sensor would, too, unless most rows of an hour are gone: then somebody has to want it.
    """
    start, end = get_settings().start, floor_hour(now)
    hours = [hour for hour in map(parse_key, done.hours) if start <= hour < end]
    code = 0
    for part in ranges(hours):
        run, log = run_shown(part, actor=context.actor)
        summary.as_tables(run)
        code = max(code, summary.problems(run, log))
        if run.interrupted:
            break
    return code
