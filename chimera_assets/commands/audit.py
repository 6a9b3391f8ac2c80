"""`chimera audit`: who changed what, and why."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING

from chimera_assets.audit import OFF_THE_RECORD, Wanted, names_known, newest
from chimera_assets.audit.guards import weaknesses
from chimera_assets.commands.arguments import parse_moment
from chimera_assets.commands.terminal import iso, notes, out, print_json, print_table, text
from chimera_assets.errors import ArgumentError, ChimeraError, one_line
from chimera_assets.postgres.databases import has_platform_database, platform_database
from chimera_assets.postgres.embedded.server import embedded_server
from chimera_assets.settings import get_settings
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.audit import Entry
    from chimera_assets.settings import Settings

#: A hash is shown by its beginning; --json has all of it.
_HASH = re.compile(r"\b[0-9a-f]{40,}\b")
_HASH_SHOWN = 12
_LISTER, _EMPTY = "chimera audit list", "any, but the log is empty"
#: So much of a reason is shown; --json has all of it.
_REASON_SHOWN = 300


def wanted_entries(  # noqa: PLR0913, PLR0917
    action: str | None,
    actor: str | None,
    resource: str | None,
    since: str | None,
    until: str | None,
    run_id: str | None,
    *,
    commits: bool = True,
) -> Wanted:
    """Which entries were asked for.

    Raises:
        ArgumentError: A time is none, or the end is not after the beginning.
    """
    begin = parse_moment(since, "--since") if since is not None else None
    end = parse_moment(until, "--until") if until is not None else None
    if begin is not None and end is not None and begin >= end:
        msg = f"--until: expected a time after --since, {iso(begin)}, found {iso(end)}"
        raise ArgumentError(msg)
    return Wanted(action, actor, resource, begin, end, run_id, commits)


def show_list(wanted: Wanted, *, limit: int, as_json: bool) -> int:
    """Print the newest entries of the audit log."""
    settings = get_settings()
    # One more than is shown, to know whether there are more.
    found = newest(platform_database(settings), wanted, limit + 1) if _is_there(settings) else []
    shown = found[:limit]
    if not found and _is_there(settings):
        asked = {"action": wanted.action, "actor": wanted.actor, "resource": wanted.resource}
        _say_known(settings, asked)
    if as_json:
        print_json([asdict(entry) for entry in shown])
        return 0
    if not shown:
        out().print("No entries.")
    else:
        _print_table(found, limit)
    if not (wanted.commits or as_json):
        notes().print("Commits of tables are left out; --all or --action table.commit shows them.")
    print_weaknesses(settings)
    return 0


def _say_known(settings: Settings, asked: dict[str, str | None]) -> None:
    """Say of filters that no entry passes what there is, or that none passes all of them."""
    known = names_known(platform_database(settings))
    given = {option: name for option, name in asked.items() if name is not None}
    missed = [option for option, name in given.items() if not _names(option, name, known[option])]
    for option in missed:
        there = known[option]
        expected = one_of(there, given[option], listed_by=_LISTER) if there else _EMPTY
        said = f"--{option}: no entry has {given[option]}; expected {expected}"
        notes().print(said, markup=False, soft_wrap=True)
    if len(given) > 1 and not missed:
        options = " and ".join(f"--{option}" for option in given)
        notes().print(f"Each of {options} has entries, but no entry has all of them.")


def _names(option: str, name: str, there: Sequence[str]) -> bool:
    """Whether a filter passes an entry by one of these."""
    if option == "resource":
        return any(name in one for one in there)
    return any(one == name or one.startswith(f"{name}.") for one in there)


def print_weaknesses(settings: Settings) -> None:
    """Say on the error stream that runs are off the record, or what could change the audit log."""
    if not has_platform_database(settings):
        notes().print(OFF_THE_RECORD, markup=False, soft_wrap=True)
    if not _is_there(settings):
        return
    try:
        found = weaknesses(platform_database(settings))
    except ChimeraError as error:
        notes().print(f"The platform's database: {error}", markup=False, soft_wrap=True)
        return
    if found:
        said = f"The audit log can be changed: {', '.join(found)}. See docs/audit.md."
        notes().print(said, markup=False, soft_wrap=True)


def _print_table(found: list[Entry], limit: int) -> None:
    print_table(
        ("entry", "time", "who", "what", "of", "before", "after", "reason"),
        (_cells(entry) for entry in found[:limit]),
    )
    if len(found) > limit:
        notes().print(f"The newest {limit:,}; --limit shows more.")


def _is_there(settings: Settings) -> bool:
    """Whether anything can have been written; no server is made for a look."""
    if settings.database_url is not None:
        return True
    return has_platform_database(settings) and embedded_server(settings).cluster.data.exists()


def _cells(entry: Entry) -> list[object]:
    what = entry.action
    if entry.failure_of is not None:
        what += f" of entry {entry.failure_of} failed"
    return [
        str(entry.sequence),
        iso(entry.at)[:19].replace("T", " "),
        entry.actor.label,
        what,
        entry.resource,
        _in_short(entry.before),
        "(erased)" if entry.erased else _in_short(entry.after),
        one_line(entry.reason, _REASON_SHOWN) if entry.reason is not None else None,
    ]


def _in_short(details: dict[str, object] | None) -> str | None:
    if details is None:
        return None
    return ", ".join(
        f"{name} {_HASH.sub(_begun, _words(value))}"
        for name, value in details.items()
        if value is not None
    )


def _words(value: object) -> str:
    """A detail without brackets and quotes: what of it belongs together is parted by semicolons."""
    if isinstance(value, dict):
        return "; ".join(f"{name} {_words(one)}" for name, one in value.items())
    if isinstance(value, list):
        return "; ".join(map(_words, value)) or "none"
    return text(value) if isinstance(value, bool | None) else str(value)


def _begun(found: re.Match[str]) -> str:
    return f"{found[0][:_HASH_SHOWN]}…"
